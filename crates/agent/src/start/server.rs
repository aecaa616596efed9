//! The part of an agent that is a server.

mod disk;

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Result;
use tribune_acl::Resolver;
use tribune_config::Config;
use tribune_leaf::Now;
use tribune_replication::{Handle, Raft};
use tribune_server::{CaSettings, Server, Settings, Waits};
use tribune_types::Node;

use super::Context;
use crate::catalog;
use crate::process::DataDir;
use crate::servers::LocalServers;

/// A server and its log.
pub(crate) struct ServerPart {
    pub(crate) server: Arc<Server>,
    pub(crate) log: Handle,
    /// Its part in the log, where that is on disk.
    pub(crate) raft: Option<Raft>,
}

impl ServerPart {
    /// Starts a server that leads from the start: from what its folder has, or in memory where it has none.
    ///
    /// # Errors
    /// Where it does not start.
    pub(super) async fn start(config: &Config, node: &Node, context: &Context) -> Result<Self> {
        let leader = SocketAddr::new(config.advertise, config.ports.server).to_string();
        let api = tribune_api::Settings {
            datacenter: config.datacenter.clone(),
            default_allow: config.allows_by_default(),
            intention_policy: config.default_intention_policy.is_some(),
            peers: vec![leader.clone()],
            leader: leader.clone(),
        };
        let hub = Server::hub(&api, context.resolver.clone());
        let folder = context.data_dir.as_ref().map(DataDir::path);
        let (log, raft) = match folder {
            Some(folder) => {
                let me = tribune_replication::Server {
                    id: node.id.clone(),
                    name: config.node_name.clone(),
                    address: leader,
                };
                let (log, raft) = disk::alone(config, me, folder, hub.clone()).await?;
                (log, Some(raft))
            }
            None => {
                let settings = tribune_replication::Settings::default();
                let store = tribune_state::Store::new();
                (
                    tribune_replication::single(store, settings, hub.clone()),
                    None,
                )
            }
        };
        let settings = Settings {
            api,
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
        };
        let server = Arc::new(Server::start(settings, log.clone(), hub).await?);
        server
            .propose(catalog::registration(config, node.clone()))
            .await?;
        Ok(Self { server, log, raft })
    }

    /// The server as its agent asks it.
    pub(super) fn servers(&self, resolver: Arc<dyn Resolver>, now: Now) -> LocalServers {
        LocalServers::new(self.server.clone(), resolver, now)
    }
}
