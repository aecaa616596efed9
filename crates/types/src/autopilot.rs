//! What looks after the servers by itself: its settings, and how it finds the servers to be.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{GoDuration, Index, Meta};

/// Settings of autopilot. Whatever a written one leaves out is set to its default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Configuration {
    /// Whether servers that failed are taken out of the log when others take their place.
    pub cleanup_dead_servers: bool,
    /// How long the leader may not hear of a server that still counts as healthy.
    pub last_contact_threshold: GoDuration,
    /// How many entries a server may be behind that still counts as healthy.
    pub max_trailing_logs: u64,
    /// How many servers there must be left for dead ones to be taken out.
    pub min_quorum: u64,
    /// How long a new server must be healthy before its vote counts.
    pub server_stabilization_time: GoDuration,
    /// Node metadata that names a server's zone; of Consul Enterprise, kept and without effect.
    pub redundancy_zone_tag: String,
    /// Whether newer servers wait for nothing; of Consul Enterprise, kept and without effect.
    pub disable_upgrade_migration: bool,
    /// Node metadata that names a server's version; of Consul Enterprise, kept and without effect.
    pub upgrade_version_tag: String,
    /// When it was written first.
    pub create_index: Index,
    /// When it changed last.
    pub modify_index: Index,
}

/// How all servers are: what `/v1/operator/autopilot/health` answers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Health {
    /// Whether all are healthy.
    pub healthy: bool,
    /// How many may fail without the cluster losing its quorum.
    pub failure_tolerance: usize,
    /// Each of them.
    pub servers: Vec<ServerHealth>,
}

/// How one server is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct ServerHealth {
    /// Its ID.
    #[serde(rename = "ID")]
    pub id: String,
    /// Name of its node.
    pub name: String,
    /// Where other servers reach it.
    pub address: String,
    /// What gossip says of it, such as `alive`.
    pub serf_status: String,
    /// The version that it serves.
    pub version: String,
    /// Whether it leads.
    pub leader: bool,
    /// How long ago the leader heard of it.
    pub last_contact: GoDuration,
    /// Term of the last entry that it has.
    pub last_term: u64,
    /// Index of the last entry that it has.
    pub last_index: Index,
    /// Whether it is healthy.
    pub healthy: bool,
    /// Whether its vote counts.
    pub voter: bool,
    /// Since when it is as healthy as it is, RFC 3339.
    pub stable_since: String,
}

/// What autopilot knows and would do: what `/v1/operator/autopilot/state` answers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct State {
    /// Whether all servers are healthy.
    pub healthy: bool,
    /// How many may fail without the cluster losing its quorum.
    pub failure_tolerance: usize,
    /// As that, where servers without a vote could take over; of Consul Enterprise, always 0.
    pub optimistic_failure_tolerance: usize,
    /// The servers, by ID.
    pub servers: BTreeMap<String, Server>,
    /// ID of the leader.
    pub leader: String,
    /// IDs of those whose votes count.
    pub voters: Vec<String>,
}

/// A server in autopilot's state.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Server {
    /// Its ID.
    #[serde(rename = "ID")]
    pub id: String,
    /// Name of its node.
    pub name: String,
    /// Where other servers reach it.
    pub address: String,
    /// What gossip says of it, such as `alive`.
    pub node_status: String,
    /// The version that it serves.
    pub version: String,
    /// How long ago the leader heard of it.
    pub last_contact: GoDuration,
    /// Term of the last entry that it has.
    pub last_term: u64,
    /// Index of the last entry that it has.
    pub last_index: Index,
    /// Whether it is healthy.
    pub healthy: bool,
    /// Since when it is as healthy as it is, RFC 3339.
    pub stable_since: String,
    /// Whether it is meant never to vote; of Consul Enterprise, always false.
    pub read_replica: bool,
    /// `leader`, `voter` or `non-voter`.
    pub status: String,
    /// Free-form pairs of its node.
    pub meta: Meta,
    /// What it is meant to be: `voter`.
    pub node_type: String,
}

// === impl Configuration ===

impl Default for Configuration {
    fn default() -> Self {
        Self {
            cleanup_dead_servers: true,
            last_contact_threshold: GoDuration::from_millis(200),
            max_trailing_logs: 250,
            min_quorum: 0,
            server_stabilization_time: GoDuration::from_secs(10),
            redundancy_zone_tag: String::new(),
            disable_upgrade_migration: false,
            upgrade_version_tag: String::new(),
            create_index: 0,
            modify_index: 0,
        }
    }
}

// === impl State ===

impl State {
    /// The same as a report of health.
    #[must_use]
    pub fn health(&self) -> Health {
        let servers = self.servers.values().map(|server| ServerHealth {
            id: server.id.clone(),
            name: server.name.clone(),
            address: server.address.clone(),
            serf_status: server.node_status.clone(),
            version: server.version.clone(),
            leader: server.id == self.leader,
            last_contact: server.last_contact,
            last_term: server.last_term,
            last_index: server.last_index,
            healthy: server.healthy,
            voter: self.voters.contains(&server.id),
            stable_since: server.stable_since.clone(),
        });
        Health {
            healthy: self.healthy,
            failure_tolerance: self.failure_tolerance,
            servers: servers.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_configuration_leaves_out_is_its_default() {
        let configuration: Configuration =
            serde_json::from_str(r#"{"MaxTrailingLogs": 7, "LastContactThreshold": 300000000}"#)
                .unwrap();
        assert_eq!(configuration.max_trailing_logs, 7);
        assert_eq!(configuration.last_contact_threshold.to_string(), "300ms");
        assert!(configuration.cleanup_dead_servers);
        let json = serde_json::to_value(Configuration::default()).unwrap();
        assert_eq!(json["LastContactThreshold"], "200ms");
        assert_eq!(json["ServerStabilizationTime"], "10s");
    }

    #[test]
    fn health_is_the_state_in_other_words() {
        let server = |id: &str, healthy| Server {
            id: id.to_owned(),
            node_status: "alive".to_owned(),
            healthy,
            ..Server::default()
        };
        let state = State {
            failure_tolerance: 1,
            leader: "a".to_owned(),
            voters: vec!["a".to_owned()],
            servers: [("a", true), ("b", false)]
                .map(|(id, healthy)| (id.to_owned(), server(id, healthy)))
                .into(),
            ..State::default()
        };
        let health = state.health();
        assert!(!health.healthy);
        assert_eq!(health.failure_tolerance, 1);
        let roles: Vec<_> = health
            .servers
            .iter()
            .map(|server| (server.leader, server.voter, server.healthy))
            .collect();
        assert_eq!(roles, [(true, true, true), (false, false, false)]);
    }
}
