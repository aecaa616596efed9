//! The way of an agent that is no server to those that are.

use std::time::Duration;

use tribune_config::Config;
use tribune_membership::Membership;
use tribune_rpc::{Client, ClientSettings};
use tribune_runtime::Shutdown;

use super::Network;
use crate::cluster::gossip;

/// How long it may take to connect to a server.
const CONNECT: Duration = Duration::from_secs(5);

/// A client that asks the servers among the members.
pub(super) fn connect(config: &Config, network: &Network) -> Client {
    let settings = ClientSettings {
        node: config.node_name.clone(),
        datacenter: config.datacenter.clone(),
        hold: config.patience.rpc_hold,
        timeout: config.limits.rpc_client_timeout,
        longest_wait: config.queries.max_wait,
        connect: CONNECT,
        rate: config.limits.rpc_rate.unwrap_or(-1.0),
        burst: config.limits.rpc_max_burst,
        ..ClientSettings::default()
    };
    let client = Client::new(settings, network.tls.clone(), &network.tasks);
    let (membership, shutdown) = (network.membership.clone(), network.tasks.shutdown().clone());
    let followed = follow(
        client.clone(),
        membership,
        config.datacenter.clone(),
        shutdown,
    );
    network.tasks.spawn("servers", followed);
    client
}

/// Tells the client which servers there are, until shutdown.
async fn follow(client: Client, membership: Membership, datacenter: String, shutdown: Shutdown) {
    let mut changes = membership.changes();
    loop {
        changes.mark_unchanged();
        client.set_servers(gossip::servers(&membership.members(), &datacenter));
        tokio::select! {
            () = shutdown.begun() => return,
            changed = changes.changed() => if changed.is_err() { return },
        }
    }
}
