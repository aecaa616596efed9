//! The part of an agent that is a server.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Result;
use tribune_acl::Resolver;
use tribune_config::Config;
use tribune_leaf::Now;
use tribune_replication::Handle;
use tribune_server::{CaSettings, Server, Settings, Waits};
use tribune_types::Node;

use super::Context;
use crate::catalog;
use crate::servers::LocalServers;

/// A server and its log.
pub(crate) struct ServerPart {
    pub(crate) server: Arc<Server>,
    pub(crate) log: Handle,
}

impl ServerPart {
    /// Starts a server that keeps its state in memory and leads from the start.
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
            leader,
        };
        let hub = Server::hub(&api, context.resolver.clone());
        let settings = tribune_replication::Settings::default();
        let log = tribune_replication::single(tribune_state::Store::new(), settings, hub.clone());
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
        Ok(Self { server, log })
    }

    /// The server as its agent asks it.
    pub(super) fn servers(&self, resolver: Arc<dyn Resolver>, now: Now) -> LocalServers {
        LocalServers::new(self.server.clone(), resolver, now)
    }
}
