//! The servers among the members.

use std::net::SocketAddr;

use tribune_membership::{Member, Status};

/// A server, as gossip sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerMember {
    /// Its node's ID, which is its ID in the log, too.
    pub id: String,
    /// Its node's name.
    pub name: String,
    /// Where other servers reach it.
    pub address: SocketAddr,
    /// Whether it is alive.
    pub status: Status,
    /// The version that it serves.
    pub version: String,
    /// How many servers it waits for before there is a cluster (`bootstrap_expect`), if it does.
    pub expect: Option<usize>,
    /// Whether it makes a cluster by itself (`bootstrap`).
    pub bootstrap: bool,
    /// Whether it is never to vote.
    pub non_voter: bool,
}

/// The servers of a datacenter among the members.
#[must_use]
pub fn server_members(members: &[Member], datacenter: &str) -> Vec<ServerMember> {
    let here = members.iter().filter(|member| is_in(member, datacenter));
    here.filter_map(server).collect()
}

/// Whether a member is of a datacenter.
pub(super) fn is_in(member: &Member, datacenter: &str) -> bool {
    tag(member, "dc") == datacenter
}

/// A tag, empty where there is none.
pub(super) fn tag<'a>(member: &'a Member, name: &str) -> &'a str {
    member.tags.get(name).map_or("", String::as_str)
}

/// The member as a server, if it says that it is one and where.
pub(super) fn server(member: &Member) -> Option<ServerMember> {
    if tag(member, "role") != "consul" {
        return None;
    }
    let port: u16 = tag(member, "port").parse().ok()?;
    let build = tag(member, "build");
    Some(ServerMember {
        id: member.id.to_string(),
        name: member.name.clone(),
        address: SocketAddr::new(member.address.ip(), port),
        status: member.status,
        version: build.split(':').next().unwrap_or(build).to_owned(),
        expect: tag(member, "expect")
            .parse()
            .ok()
            .filter(|expect| *expect > 0),
        bootstrap: tag(member, "bootstrap") == "1",
        non_voter: tag(member, "nonvoter") == "1" || tag(member, "read_replica") == "1",
    })
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{client, server_tagged};
    use super::*;

    #[test]
    fn servers_are_those_who_say_so_and_where() {
        let here = server_tagged(1, &[("expect", "3"), ("build", "1.21.0:abc")]);
        let mut elsewhere = here.clone();
        elsewhere.tags.insert("dc".to_owned(), "dc2".to_owned());
        let mut nowhere = here.clone();
        nowhere.tags.remove("port");
        let servers = server_members(&[here, elsewhere, nowhere, client(4)], "dc1");
        assert_eq!(servers.len(), 1);
        let server = &servers[0];
        assert_eq!(server.address.to_string(), "10.0.0.1:8300");
        assert_eq!(
            (server.expect, server.version.as_str()),
            (Some(3), "1.21.0")
        );
        assert!(!server.bootstrap && !server.non_voter);
    }
}
