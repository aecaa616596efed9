//! What an agent that is a server puts into the catalog about itself.

use std::collections::BTreeMap;
use std::net::IpAddr;

use tribune_config::Config;
use tribune_state::{Operation, Registration};
use tribune_types::{HealthCheck, Meta, Node, NodeName, NodeService, ServiceName, Status};

use crate::version::CONSUL_VERSION;

/// ID of the check that says whether a node's agent is alive.
pub(crate) const SERF_HEALTH: &str = "serfHealth";
/// Name of the servers' own service.
pub(crate) const CONSUL_SERVICE: &str = "consul";

/// The agent's node.
pub(crate) fn node(config: &Config, id: &str) -> Node {
    let mut meta = config.node_meta.clone();
    meta.insert("consul-network-segment".to_owned(), String::new());
    meta.insert("consul-version".to_owned(), CONSUL_VERSION.to_owned());
    Node {
        id: id.to_owned(),
        node: NodeName::new(config.node_name.as_str()),
        address: config.advertise.to_string(),
        datacenter: config.datacenter.clone(),
        tagged_addresses: Some(tagged_addresses(config)),
        meta: Some(meta),
        ..Node::default()
    }
}

fn tagged_addresses(config: &Config) -> Meta {
    let family = |ip: IpAddr| if ip.is_ipv4() { "ipv4" } else { "ipv6" };
    let mut addresses = BTreeMap::new();
    for (name, ip) in [("lan", config.advertise), ("wan", config.advertise_wan)] {
        addresses.insert(name.to_owned(), ip.to_string());
        addresses.insert(format!("{name}_{}", family(ip)), ip.to_string());
    }
    addresses.extend(config.tagged_addresses.clone());
    addresses
}

/// The registration of a server: its node, the service `consul`, and that it is alive.
pub(crate) fn registration(config: &Config, node: Node) -> Operation {
    let meta = [
        ("grpc_port", config.ports.grpc.unwrap_or(0).to_string()),
        (
            "grpc_tls_port",
            config.ports.grpc_tls.unwrap_or(0).to_string(),
        ),
        ("non_voter", "false".to_owned()),
        ("raft_version", "3".to_owned()),
        ("read_replica", "false".to_owned()),
        ("serf_protocol_current", "2".to_owned()),
        ("serf_protocol_max", "5".to_owned()),
        ("serf_protocol_min", "1".to_owned()),
        ("version", CONSUL_VERSION.to_owned()),
    ];
    let optional = |key: &str, value: &str| !(key.starts_with("grpc") && value == "0");
    let meta = meta
        .into_iter()
        .filter(|(key, value)| optional(key, value))
        .map(|(key, value)| (key.to_owned(), value));
    let service = NodeService {
        id: CONSUL_SERVICE.into(),
        service: ServiceName::new(CONSUL_SERVICE),
        tags: Some(Vec::new()),
        port: i32::from(config.ports.server),
        meta: Some(meta.collect()),
        ..NodeService::default()
    };
    let check = HealthCheck {
        node: node.node.clone(),
        check_id: SERF_HEALTH.into(),
        name: "Serf Health Status".to_owned(),
        status: Status::Passing,
        output: "Agent alive and reachable".to_owned(),
        ..HealthCheck::default()
    };
    let registration = Registration {
        node,
        skip_node_update: false,
        service: Some(service),
        checks: vec![check],
    };
    Operation::Register(Box::new(registration))
}
