//! What connects an agent with others.

use anyhow::{Context as _, Result};
use tokio::net::TcpListener;
use tribune_config::Config;
use tribune_membership::Membership;
use tribune_rpc::tls::Tls;
use tribune_runtime::{Limits, Listener, Tasks};
use tribune_types::Node;

use super::Context;
use crate::cluster::{Inside, Joined, Peers, gossip};
use crate::process::DataDir;
use crate::rpc;

/// An agent's place among others.
pub(crate) struct Network {
    pub(crate) tls: Tls,
    pub(crate) membership: Membership,
    pub(crate) tasks: Tasks,
    /// The members of before.
    pub(crate) peers: Option<Peers>,
    encrypted: bool,
    /// Where a server is asked, until it is served.
    listener: Option<Listener>,
}

impl Network {
    /// Listens, and becomes a member that has joined nobody yet.
    ///
    /// # Errors
    /// Where an address cannot be listened on, or a key or certificate is of no use.
    pub(super) async fn open(
        config: &Config,
        node: &Node,
        context: &Context,
        tasks: &Tasks,
    ) -> Result<Self> {
        let tls = rpc::tls(config)?;
        let listener = if config.server {
            let address = (config.bind, config.ports.server);
            let socket = TcpListener::bind(address).await.with_context(|| {
                let (ip, port) = address;
                format!("cannot listen on {ip}:{port} for agents and servers (ports.server)")
            })?;
            let limits = Limits {
                connections_per_client: config.limits.rpc_max_conns_per_client,
                ..Limits::default()
            };
            Some(Listener::new(socket, limits))
        } else {
            None
        };
        let folder = context.data_dir.as_ref().map(DataDir::path);
        let (membership, encrypted) = gossip::start(config, node, folder, tasks).await?;
        Ok(Self {
            tls,
            membership,
            tasks: tasks.clone(),
            peers: folder.map(Peers::below),
            encrypted,
            listener,
        })
    }

    /// Where a server is asked. There once.
    pub(crate) const fn take_listener(&mut self) -> Option<Listener> {
        self.listener.take()
    }

    /// The cluster as this agent sees it.
    pub(super) fn joined(&self, config: &Config, inside: Inside) -> Joined {
        Joined {
            membership: self.membership.clone(),
            datacenter: config.datacenter.clone(),
            encrypted: self.encrypted,
            drain: gossip::drain(config),
            forgotten: self
                .peers
                .clone()
                .filter(|_| !config.join.rejoin_after_leave),
            inside,
        }
    }
}
