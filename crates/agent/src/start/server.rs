//! The part of an agent that is a server.

mod disk;

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Result;
use tribune_acl::Resolver;
use tribune_config::{Bootstrap, Config};
use tribune_leaf::Now;
use tribune_replication::{Handle, Raft};
use tribune_rpc::Client;
use tribune_server::cluster::{Beginning, Cluster, Parts, RpcTransport};
use tribune_server::{CaSettings, Server, Settings, Waits};
use tribune_types::Node;

use super::{Context, Network, client};
use crate::catalog;
use crate::process::DataDir;
use crate::servers::LocalServers;

/// A server and its log.
pub(crate) struct ServerPart {
    pub(crate) server: Arc<Server>,
    pub(crate) log: Handle,
    /// What it has where its log is on disk.
    pub(crate) several: Option<Among>,
    /// Whether it leads already, and nobody else can.
    pub(crate) leads: bool,
}

/// A server that is one of several, or may become one.
#[derive(Clone)]
pub(crate) struct Among {
    /// Its part in the log.
    pub(crate) raft: Raft,
    /// What it does with the others.
    pub(crate) cluster: Cluster,
    /// Its way to them.
    pub(crate) client: Client,
}

impl ServerPart {
    /// Starts a server: from what its folder has, or in memory where it has none. One that makes a cluster by itself
    /// leads from the start.
    ///
    /// # Errors
    /// Where it does not start.
    pub(super) async fn start(
        config: &Config,
        node: &Node,
        context: &Context,
        network: Option<&Network>,
    ) -> Result<Self> {
        let leader = SocketAddr::new(config.advertise, config.ports.server).to_string();
        let me = tribune_replication::Server {
            id: node.id.clone(),
            name: config.node_name.clone(),
            address: leader.clone(),
        };
        let settings = settings(config, leader);
        let hub = Server::hub(&settings.api, context.resolver.clone());
        let folder = context.data_dir.as_ref().map(DataDir::path);
        let (Some(folder), Some(network)) = (folder, network) else {
            let alone = tribune_replication::Settings::default();
            let store = tribune_state::Store::new();
            let log = tribune_replication::single(store, alone, hub.clone());
            let server = Arc::new(Server::start(settings, log.clone(), hub).await?);
            return Self::leading(config, node, (server, log, None)).await;
        };
        let client = client::connect(config, network);
        let transport = Arc::new(RpcTransport(client.clone()));
        let (log, raft) = disk::open(config, me.clone(), folder, hub.clone(), transport).await?;
        let leads = match config.bootstrap {
            Bootstrap::Alone => disk::alone(&log, &raft, &me).await?,
            Bootstrap::Join | Bootstrap::Expect(_) => false,
        };
        let cluster = Cluster::new(Parts {
            raft: raft.clone(),
            log: log.clone(),
            membership: network.membership.clone(),
            me,
            datacenter: config.datacenter.clone(),
            beginning: beginning(config),
        });
        let several = Some(Among {
            raft: raft.clone(),
            cluster,
            client,
        });
        if leads {
            let server = Server::start(settings, log.clone(), hub).await?;
            let server = Arc::new(server.with_raft(raft));
            return Self::leading(config, node, (server, log, several)).await;
        }
        let server = Server::open(settings, log.clone(), hub).with_raft(raft);
        Ok(Self {
            server: Arc::new(server),
            log,
            several,
            leads,
        })
    }

    /// One that leads puts itself into the catalog.
    async fn leading(
        config: &Config,
        node: &Node,
        (server, log, several): (Arc<Server>, Handle, Option<Among>),
    ) -> Result<Self> {
        let registration = catalog::registration(config, node.clone());
        server.propose(registration).await?;
        Ok(Self {
            server,
            log,
            several,
            leads: true,
        })
    }

    /// The server as its agent asks it.
    pub(super) fn servers(&self, resolver: Arc<dyn Resolver>, now: Now) -> LocalServers {
        LocalServers::new(self.server.clone(), resolver, now)
    }
}

fn settings(config: &Config, leader: String) -> Settings {
    Settings {
        api: tribune_api::Settings {
            datacenter: config.datacenter.clone(),
            default_allow: config.allows_by_default(),
            intention_policy: config.default_intention_policy.is_some(),
            peers: vec![leader.clone()],
            leader,
        },
        ca: CaSettings {
            cluster_id: config.connect.cluster_id.clone(),
            config: config.connect.ca_config.clone(),
            min_leaf_ttl: config.connect.min_leaf_cert_ttl,
        },
        new_cluster_id: uuid::Uuid::new_v4().to_string(),
        waits: Waits {
            default: config.queries.default_wait,
            max: config.queries.max_wait,
        },
    }
}

fn beginning(config: &Config) -> Beginning {
    match config.bootstrap {
        Bootstrap::Alone => Beginning::Alone,
        Bootstrap::Expect(servers) => {
            Beginning::Expect(usize::try_from(servers).unwrap_or(usize::MAX))
        }
        Bootstrap::Join => Beginning::Join,
    }
}
