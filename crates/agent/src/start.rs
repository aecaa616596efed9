//! Puts an agent together.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use anyhow::Result;
use tribune_acl::Resolver;
use tribune_config::Config;
use tribune_leaf::Manager;
use tribune_runtime::Shutdown;
use tribune_server::{CaSettings, Server};

use crate::agent::{Agent, Parts};
use crate::cluster::Alone;
use crate::process::DataDir;
use crate::reload::Reloader;
use crate::servers::{LocalServers, Servers};
use crate::{anti_entropy, catalog, definitions};

/// What an agent has of the process that it runs in.
pub(crate) struct Context {
    pub(crate) resolver: Arc<dyn Resolver>,
    /// Its folder; none in development mode.
    pub(crate) data_dir: Option<DataDir>,
    pub(crate) reloader: Reloader,
}

/// Starts the server and puts into the catalog what the configuration defines.
pub(crate) async fn start(
    config: Config,
    context: Context,
    shutdown: Shutdown,
) -> Result<(Arc<Agent>, tribune_ads::Service)> {
    let Context {
        resolver,
        data_dir,
        mut reloader,
    } = context;
    let leader = SocketAddr::new(config.advertise, config.ports.server).to_string();
    let api = tribune_api::Settings {
        datacenter: config.datacenter.clone(),
        default_allow: config.allows_by_default(),
        intention_policy: config.default_intention_policy.is_some(),
        peers: vec![leader.clone()],
        leader,
    };
    let hub = Server::hub(&api, resolver.clone());
    let log = tribune_replication::Settings::default();
    let replication = tribune_replication::single(tribune_state::Store::new(), log, hub.clone());
    let ca = CaSettings {
        cluster_id: config.connect.cluster_id.clone(),
        config: config.connect.ca_config.clone(),
        min_leaf_ttl: config.connect.min_leaf_cert_ttl,
    };
    let new_cluster_id = uuid::Uuid::new_v4().to_string();
    let server = Server::start(
        tribune_server::Settings {
            api,
            ca,
            new_cluster_id,
            waits: tribune_server::Waits {
                default: config.queries.default_wait,
                max: config.queries.max_wait,
            },
        },
        replication.clone(),
        hub,
    )
    .await?;
    let id = match (&data_dir, &config.node_id) {
        (Some(data_dir), id) => data_dir.node_id(id.as_deref())?,
        (None, Some(id)) => id.clone(),
        (None, None) => uuid::Uuid::new_v4().to_string(),
    };
    let node = catalog::node(&config, &id);
    server
        .propose(catalog::registration(&config, node.clone()))
        .await?;
    let now: tribune_leaf::Now = Arc::new(SystemTime::now);
    let servers: Arc<dyn Servers> = Arc::new(LocalServers::new(
        Arc::new(server),
        resolver.clone(),
        now.clone(),
    ));
    let leaves = Manager::new(servers.issuer(), now.clone());
    let discovery = tribune_ads::Service::new(tribune_ads::Config {
        source: servers.source(),
        resolver,
        leaves: leaves.clone(),
        node_name: config.node_name.as_str().into(),
        limits: tribune_ads::Limits::default(),
        now,
    });
    let mut local = definitions::local(&config)?;
    reloader.defined(&local);
    let saved = definitions::restore(data_dir.as_ref(), &mut local)?;
    let proxies = discovery.registry().clone();
    let cluster = Arc::new(Alone::new(&config, &node, replication, proxies.clone()));
    let agent = Arc::new(Agent::new(
        Parts {
            config,
            node,
            servers,
            leaves,
            proxies,
            cluster,
            shutdown,
            reloader,
            data_dir,
        },
        local,
        saved,
    ));
    agent.write_missing(&agent.config).await;
    anti_entropy::partial(&agent).await;
    Ok((agent, discovery))
}
