//! Servers and client agents that are one cluster, over a network that can be cut.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::network::{GOSSIP, Network, SERVER};
use crate::{Agent, ports, wait};

/// A cluster. Processes end before the network does.
#[derive(Debug)]
pub struct Cluster {
    /// The servers, then the client agents.
    pub nodes: Vec<Node>,
    /// What is between them.
    pub network: Network,
    servers: usize,
}

/// One agent of a cluster.
#[derive(Debug)]
pub struct Node {
    /// Its number in the network.
    pub host: u8,
    /// The name of its node.
    pub name: String,
    /// The process.
    pub agent: Agent,
    /// Where its servers' calls reach it.
    address: SocketAddr,
}

// === impl Cluster ===

impl Cluster {
    /// Starts servers and client agents in `folder`, which is emptied; each has `extra` laid over its
    /// configuration. Waits until every one of them knows a leader and a root certificate.
    ///
    /// # Errors
    /// When one of them does not come up.
    pub fn start(
        binary: &Path,
        folder: &Path,
        servers: u8,
        clients: u8,
        extra: &Value,
    ) -> Result<Self> {
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        let network = Network::start(servers + clients)?;
        let mut nodes = Vec::new();
        for host in 1..=servers + clients {
            let is_server = host <= servers;
            let others = (1..=servers).filter(|other| *other != host);
            let others: Vec<String> = others
                .map(|other| SocketAddr::new(network.public(other), GOSSIP).to_string())
                .collect();
            let name = format!("{}{host}", if is_server { "server" } else { "client" });
            let http = SocketAddr::from(([127, 0, 0, 1], ports::free()?));
            let mut config = json!({
                "node_name": name,
                "server": is_server,
                "data_dir": folder.join(&name),
                "bind_addr": network.real(host),
                "advertise_addr": network.public(host),
                "client_addr": "127.0.0.1",
                "ports": {
                    "http": http.port(), "https": -1, "grpc": ports::free()?, "grpc_tls": -1, "dns": -1,
                    "server": SERVER, "serf_lan": GOSSIP, "serf_wan": -1,
                },
                "retry_join": others,
                "retry_interval": "1s",
                "performance": { "raft_multiplier": 1 },
                "connect": { "enabled": true },
            });
            if is_server {
                config["bootstrap_expect"] = json!(servers);
            }
            crate::agent::merge(&mut config, extra);
            let agent = Agent::launch(&name, binary, folder, http, &[], &config)?;
            let address = SocketAddr::new(network.public(host), SERVER);
            nodes.push(Node {
                host,
                name,
                agent,
                address,
            });
        }
        let mut cluster = Self {
            nodes,
            network,
            servers: usize::from(servers),
        };
        for node in &mut cluster.nodes {
            node.agent.wait_ready().with_context(|| node.name.clone())?;
        }
        Ok(cluster)
    }

    /// The servers.
    pub fn servers(&self) -> &[Node] {
        self.nodes.get(..self.servers).unwrap_or_default()
    }

    /// The client agents.
    pub fn clients(&self) -> &[Node] {
        self.nodes.get(self.servers..).unwrap_or_default()
    }

    /// Position of the server that leads, as most of the servers that answer see it.
    pub fn leader(&self) -> Option<usize> {
        let said: Vec<String> = (self.servers().iter())
            .filter_map(|server| server.agent.get("/v1/status/leader").ok())
            .filter_map(|leader| leader.as_str().map(str::to_owned))
            .collect();
        self.servers().iter().position(|server| {
            let address = server.address.to_string();
            2 * said.iter().filter(|said| **said == address).count() > self.servers
        })
    }

    /// Waits until one leads, and says how long that took.
    ///
    /// # Errors
    /// When none does in time.
    pub fn wait_for_leader(&self) -> Result<(usize, Duration)> {
        wait::until("a leader", || Ok(self.leader()))
    }
}

// === impl Node ===

impl Node {
    /// Stops it where it is; everything that it has open stays open.
    pub fn pause(&mut self) {
        self.agent.process().signal(Signal::STOP);
    }

    /// Lets it go on.
    pub fn resume(&mut self) {
        self.agent.process().signal(Signal::CONT);
    }
}
