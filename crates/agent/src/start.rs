//! Puts an agent together: the same whether it is a server or asks servers elsewhere.

mod client;
mod network;
mod server;

use std::sync::Arc;
use std::time::SystemTime;

use anyhow::Result;
use tribune_acl::Resolver;
use tribune_config::Config;
use tribune_leaf::Manager;
use tribune_runtime::{Shutdown, Tasks};
use tribune_types::Node;

use crate::agent::{Agent, Parts};
use crate::cluster::{Alone, Cluster, Inside, Several};
use crate::process::DataDir;
use crate::reload::Reloader;
use crate::servers::{RemoteServers, Servers};
use crate::{anti_entropy, catalog, definitions};

pub(crate) use network::Network;
pub(crate) use server::{Among, ServerPart};

/// What an agent has of the process that it runs in.
pub(crate) struct Context {
    pub(crate) resolver: Arc<dyn Resolver>,
    /// Its folder; none in development mode.
    pub(crate) data_dir: Option<DataDir>,
    pub(crate) reloader: Reloader,
    /// The signal that ends it.
    pub(crate) shutdown: Shutdown,
}

/// An agent that is put together, and what it has to serve.
pub(crate) struct Started {
    pub(crate) agent: Arc<Agent>,
    pub(crate) discovery: tribune_ads::Service,
    /// Of one that is a server.
    pub(crate) server: Option<ServerPart>,
    /// Of one that others can reach.
    pub(crate) network: Option<Network>,
}

/// Where the agent's servers are.
enum Place {
    Here(ServerPart),
    Elsewhere(tribune_rpc::Client),
}

/// Puts an agent together. Without `tasks` nobody else reaches it, and it reaches nobody.
pub(crate) async fn start(
    config: Config,
    context: Context,
    tasks: Option<&Tasks>,
) -> Result<Started> {
    let node = node(&config, context.data_dir.as_ref())?;
    let network = match tasks {
        Some(tasks) => Some(Network::open(&config, &node, &context, tasks).await?),
        None => None,
    };
    let now: tribune_leaf::Now = Arc::new(SystemTime::now);
    let (place, servers): (Place, Arc<dyn Servers>) = match &network {
        Some(network) if !config.server => {
            let client = client::connect(&config, network);
            let servers = RemoteServers::new(client.clone());
            (Place::Elsewhere(client), Arc::new(servers))
        }
        Some(_) | None => {
            let part = ServerPart::start(&config, &node, &context, network.as_ref()).await?;
            let servers = part.servers(context.resolver.clone(), now.clone());
            (Place::Here(part), Arc::new(servers))
        }
    };
    let leaves = Manager::new(servers.issuer(), now.clone());
    let discovery = tribune_ads::Service::new(tribune_ads::Config {
        source: servers.source(),
        resolver: context.resolver.clone(),
        leaves: leaves.clone(),
        node_name: config.node_name.as_str().into(),
        limits: tribune_ads::Limits::default(),
        now,
    });
    let (cluster, server): (Arc<dyn Cluster>, _) = match place {
        Place::Here(part) => {
            let proxies = discovery.registry().clone();
            let alone = Alone::new(&config, &node, part.log.clone(), proxies);
            let server: Arc<dyn Cluster> = match &part.several {
                Some(among) => Arc::new(Several::new(&config, among.clone(), alone)),
                None => Arc::new(alone),
            };
            (joined(&config, network.as_ref(), server), Some(part))
        }
        Place::Elsewhere(client) => {
            let network = network.as_ref();
            let cluster = network.map(|network| network.joined(&config, Inside::Client(client)));
            let cluster = cluster.expect("an agent that asks servers has a network");
            (Arc::new(cluster), None)
        }
    };
    let agent = finish(
        config,
        context,
        (node, servers, leaves, cluster),
        &discovery,
    )?;
    if server.as_ref().is_some_and(|server| server.leads) {
        agent.write_missing(&agent.config).await;
        anti_entropy::partial(&agent).await;
    }
    Ok(Started {
        agent,
        discovery,
        server,
        network,
    })
}

/// The agent's node, under the ID that it had before.
fn node(config: &Config, data_dir: Option<&DataDir>) -> Result<Node> {
    let id = match (data_dir, &config.node_id) {
        (Some(data_dir), id) => data_dir.node_id(id.as_deref())?,
        (None, Some(id)) => id.clone(),
        (None, None) => uuid::Uuid::new_v4().to_string(),
    };
    Ok(catalog::node(config, &id))
}

/// A server as its operators see it.
fn joined(
    config: &Config,
    network: Option<&Network>,
    server: Arc<dyn Cluster>,
) -> Arc<dyn Cluster> {
    match network {
        Some(network) => Arc::new(network.joined(config, Inside::Server(server))),
        None => server,
    }
}

/// What the parts of an agent that its servers decide about are.
type Chosen = (Node, Arc<dyn Servers>, Manager, Arc<dyn Cluster>);

fn finish(
    config: Config,
    context: Context,
    (node, servers, leaves, cluster): Chosen,
    discovery: &tribune_ads::Service,
) -> Result<Arc<Agent>> {
    let Context {
        data_dir,
        mut reloader,
        shutdown,
        ..
    } = context;
    let mut local = definitions::local(&config)?;
    reloader.defined(&local);
    let saved = definitions::restore(data_dir.as_ref(), &mut local)?;
    let parts = Parts {
        config,
        node,
        servers,
        leaves,
        proxies: discovery.registry().clone(),
        cluster,
        shutdown,
        reloader,
        data_dir,
    };
    Ok(Arc::new(Agent::new(parts, local, saved)))
}
