//! When the servers that meet for the first time make a cluster.

use std::collections::BTreeMap;

use tribune_membership::Status;

use super::roster::ServerMember;

/// What a server without a cluster does now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bootstrap {
    /// There are not enough servers yet, or some have not said whether they have a cluster.
    Wait {
        /// How many are there.
        seen: usize,
        /// How many have not said.
        silent: usize,
    },
    /// It makes a cluster of these, by ID.
    Initialize(Vec<ServerMember>),
    /// Another one makes it: the one with the least ID.
    Follow(String),
    /// Another one has a cluster already, which takes this one in.
    Join(String),
    /// The servers do not agree, and a person has to look.
    Refuse(String),
}

/// Decides for the server `me`, which waits for `expect` servers. `clusters` says of each server that was asked
/// whether it has a cluster, by ID.
///
/// One server alone makes the cluster, so two that see different ones at the same moment do not make two.
#[must_use]
pub fn bootstrap(
    me: &str,
    expect: usize,
    servers: &[ServerMember],
    clusters: &BTreeMap<String, bool>,
) -> Bootstrap {
    let alive = |server: &&ServerMember| server.status == Status::Alive;
    let mut voters: Vec<&ServerMember> = Vec::new();
    for server in servers.iter().filter(alive) {
        if clusters.get(&server.id) == Some(&true) {
            return Bootstrap::Join(server.name.clone());
        }
        if server.bootstrap && server.id != me {
            return Bootstrap::Refuse(format!(
                "server {:?} is set to `bootstrap`, so it makes a cluster by itself; take `bootstrap_expect` out here",
                server.name
            ));
        }
        if expect > 0 && server.expect.is_some_and(|theirs| theirs != expect) {
            return Bootstrap::Refuse(format!(
                "server {:?} expects {} servers, this one {expect}; `bootstrap_expect` must be the same on all",
                server.name,
                server.expect.unwrap_or_default()
            ));
        }
        // one that expects nothing waits for a cluster to take it in
        if server.expect.is_some() && !server.non_voter {
            voters.push(server);
        }
    }
    let silent = voters
        .iter()
        .filter(|server| server.id != me && !clusters.contains_key(&server.id))
        .count();
    if expect == 0 || voters.len() < expect || silent > 0 {
        return Bootstrap::Wait {
            seen: voters.len(),
            silent,
        };
    }
    voters.sort_by(|one, other| one.id.cmp(&other.id));
    match voters.first() {
        Some(first) if first.id == me => {
            Bootstrap::Initialize(voters.into_iter().cloned().collect())
        }
        Some(first) => Bootstrap::Follow(first.name.clone()),
        None => Bootstrap::Wait { seen: 0, silent: 0 },
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{id, server_tagged, with};
    use super::super::roster::server_members;
    use super::*;

    fn servers(expects: &[(u8, &str)]) -> Vec<ServerMember> {
        let members: Vec<_> = expects
            .iter()
            .map(|(number, expect)| server_tagged(*number, &[("expect", expect)]))
            .collect();
        server_members(&members, "dc1")
    }

    fn asked(answers: &[(u8, bool)]) -> BTreeMap<String, bool> {
        answers
            .iter()
            .map(|(number, has)| (id(*number), *has))
            .collect()
    }

    #[test]
    fn enough_servers_make_one_cluster_by_the_first_of_them() {
        let all = servers(&[(2, "3"), (1, "3"), (3, "3")]);
        let none = asked(&[(1, false), (2, false), (3, false)]);
        let Bootstrap::Initialize(voters) = bootstrap(&id(1), 3, &all, &none) else {
            panic!("the first one makes it");
        };
        let ids: Vec<_> = voters.iter().map(|server| server.id.clone()).collect();
        assert_eq!(ids, [id(1), id(2), id(3)]);
        assert_eq!(
            bootstrap(&id(3), 3, &all, &none),
            Bootstrap::Follow("node-1".to_owned())
        );
    }

    #[test]
    fn too_few_or_silent_ones_are_waited_for() {
        let two = servers(&[(1, "3"), (2, "3")]);
        assert_eq!(
            bootstrap(&id(1), 3, &two, &asked(&[(2, false)])),
            Bootstrap::Wait { seen: 2, silent: 0 }
        );
        let three = servers(&[(1, "3"), (2, "3"), (3, "3")]);
        assert_eq!(
            bootstrap(&id(1), 3, &three, &asked(&[(2, false)])),
            Bootstrap::Wait { seen: 3, silent: 1 }
        );
        let failed = server_members(
            &[
                server_tagged(1, &[("expect", "2")]),
                with(server_tagged(2, &[("expect", "2")]), Status::Failed),
            ],
            "dc1",
        );
        assert_eq!(
            bootstrap(&id(1), 2, &failed, &asked(&[])),
            Bootstrap::Wait { seen: 1, silent: 0 }
        );
        // one that expects none makes none
        let never = bootstrap(&id(1), 0, &three, &asked(&[(2, false), (3, false)]));
        assert_eq!(never, Bootstrap::Wait { seen: 3, silent: 0 });
    }

    #[test]
    fn one_alone_expects_itself() {
        let one = servers(&[(1, "1")]);
        assert!(matches!(
            bootstrap(&id(1), 1, &one, &asked(&[])),
            Bootstrap::Initialize(_)
        ));
    }

    #[test]
    fn a_cluster_that_is_there_is_joined() {
        let three = servers(&[(1, "3"), (2, "3"), (3, "3")]);
        let answers = asked(&[(2, true), (3, false)]);
        assert_eq!(
            bootstrap(&id(1), 3, &three, &answers),
            Bootstrap::Join("node-2".to_owned())
        );
    }

    #[test]
    fn servers_that_do_not_agree_make_no_cluster() {
        let mixed = servers(&[(1, "3"), (2, "5"), (3, "3")]);
        let Bootstrap::Refuse(reason) = bootstrap(&id(1), 3, &mixed, &asked(&[])) else {
            panic!("they do not agree");
        };
        assert!(
            reason.contains("\"node-2\" expects 5 servers, this one 3"),
            "{reason}"
        );
        let mut alone = servers(&[(1, "3"), (2, "3")]);
        alone[1].bootstrap = true;
        assert!(matches!(
            bootstrap(&id(1), 3, &alone, &asked(&[])),
            Bootstrap::Refuse(_)
        ));
    }
}
