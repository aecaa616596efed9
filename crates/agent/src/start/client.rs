//! The way of an agent to the servers, itself one or not.

use std::time::Duration;

use tribune_config::Config;
use tribune_rpc::{Client, ClientSettings};
use tribune_server::cluster::discover;

use super::Network;

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
        bind: Some(config.bind).filter(|bind| !bind.is_unspecified()),
        ..ClientSettings::default()
    };
    let client = Client::new(settings, network.tls.clone(), &network.tasks);
    let (membership, shutdown) = (network.membership.clone(), network.tasks.shutdown().clone());
    let found = discover(membership, client.clone(), config.datacenter.clone());
    network.tasks.spawn("servers", async move {
        shutdown.unless(found).await;
    });
    client
}
