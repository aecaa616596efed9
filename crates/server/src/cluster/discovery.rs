//! Which servers an agent asks.

use tribune_membership::{Membership, Status};
use tribune_rpc::{Client, Server};

use crate::leader::server_members;

/// Has a client ask the servers of a datacenter that membership says are alive, for as long as it is polled. For every
/// agent, a server or not.
pub async fn discover(membership: Membership, client: Client, datacenter: String) {
    let mut changes = membership.changes();
    let mut known: Option<Vec<Server>> = None;
    loop {
        changes.mark_unchanged();
        let servers = servers(&membership, &datacenter);
        // the order in which they are asked is begun anew only where they are others
        if known.as_ref() != Some(&servers) {
            tracing::debug!(
                servers = servers.len(),
                "the servers that are known changed"
            );
            client.set_servers(servers.clone());
            known = Some(servers);
        }
        if changes.changed().await.is_err() {
            return;
        }
    }
}

fn servers(membership: &Membership, datacenter: &str) -> Vec<Server> {
    let members = server_members(&membership.members(), datacenter);
    let alive = members
        .into_iter()
        .filter(|server| server.status == Status::Alive);
    alive
        .map(|server| Server {
            name: server.name,
            datacenter: datacenter.to_owned(),
            address: server.address.to_string(),
            id: server.id,
        })
        .collect()
}
