//! The catalog's nodes, as gossip sees their agents.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tribune_membership::{Member, Status as Liveness};
use tribune_state::{Deregistration, Operation, Registration, Removed, Snapshot, WatchSet};
use tribune_types::{HealthCheck, Meta, Node, NodeName, NodeService, ServiceName, Status};

use super::roster::{is_in, server, tag};

/// ID of the check that says whether a node's agent is alive.
const SERF_HEALTH: &str = "serfHealth";
/// Name and ID of the servers' own service.
const CONSUL: &str = "consul";
const ALIVE: &str = "Agent alive and reachable";
const DEAD: &str = "Agent not live or unreachable";

/// The server that reconciles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Local {
    /// Name of its node, which is never taken out.
    pub node: String,
    /// Its datacenter: members of another one are left alone.
    pub datacenter: String,
}

/// What is to be written so that the catalog's nodes are as the members are: nothing where they are.
///
/// A node that something else registered has no `serfHealth` check, and is left alone.
#[must_use]
pub fn reconcile(local: &Local, members: &[Member], snapshot: &Snapshot) -> Vec<Operation> {
    let catalog = Catalog { snapshot };
    let mut operations = Vec::new();
    let mut known = BTreeSet::new();
    let agents = members.iter().filter(|member| {
        is_in(member, &local.datacenter) && matches!(tag(member, "role"), "consul" | "node")
    });
    for member in agents {
        let name = NodeName::new(member.name.as_str());
        let node = catalog.node(&name);
        known.insert(name.clone());
        match member.status {
            Liveness::Alive | Liveness::Leaving => {
                operations.extend(catalog.alive(local, member, node.as_deref()));
            }
            Liveness::Failed => {
                let same = node.filter(|node| is_of(node, member));
                operations.extend(same.and_then(|node| catalog.failed(&node)));
            }
            Liveness::Left if member.name == local.node => {}
            Liveness::Left => {
                let same = node.filter(|node| is_of(node, member));
                operations.extend(same.map(|node| deregister(&node.node)));
            }
        }
    }
    operations.extend(catalog.orphans(local, &known));
    operations
}

/// Whether a node is that member's, and not another machine's of the same name.
fn is_of(node: &Node, member: &Member) -> bool {
    node.id.is_empty() || node.id.eq_ignore_ascii_case(&member.id.to_string())
}

struct Catalog<'a> {
    snapshot: &'a Snapshot,
}

// === impl Catalog ===

impl Catalog<'_> {
    fn node(&self, name: &NodeName) -> Option<Arc<Node>> {
        self.snapshot.node(name, &mut WatchSet::ignore()).value
    }

    fn health(&self, name: &NodeName) -> Option<Arc<HealthCheck>> {
        let checks = self
            .snapshot
            .node_checks(name, &mut WatchSet::ignore())
            .value;
        checks
            .into_iter()
            .find(|check| check.check_id.as_str() == SERF_HEALTH)
    }

    fn service(&self, name: &NodeName) -> Option<Arc<NodeService>> {
        let services = self
            .snapshot
            .node_services(name, &mut WatchSet::ignore())
            .value?;
        services
            .services
            .into_iter()
            .find(|service| service.id.as_str() == CONSUL)
    }

    /// Registers a member that is alive, unless all of it is there.
    fn alive(&self, local: &Local, member: &Member, node: Option<&Node>) -> Vec<Operation> {
        let name = NodeName::new(member.name.as_str());
        let address = member.address.ip().to_string();
        let service =
            server(member).map(|server| service(member, &server.version, server.address.port()));
        let check = check(&name, Status::Passing, ALIVE);
        if let Some(node) = node {
            let is_healthy = self
                .health(&name)
                .is_some_and(|check| check.status == Status::Passing);
            let serves = service.as_ref().is_none_or(|wanted| {
                self.service(&name)
                    .is_some_and(|found| found.port == wanted.port && found.meta == wanted.meta)
            });
            let is_same = is_of(node, member) && !node.id.is_empty() && node.address == address;
            if is_same && is_healthy && serves {
                return Vec::new();
            }
        }
        let mut operations = Vec::new();
        if let Some(node) = node.filter(|node| !is_of(node, member)) {
            // the machine that had the name is gone, or gossip would not know this one by it
            operations.extend(self.failed(node));
        }
        let version =
            || Meta::from([("consul-version".to_owned(), tag(member, "build").to_owned())]);
        let registration = Registration {
            node: Node {
                id: member.id.to_string(),
                node: name,
                address,
                datacenter: local.datacenter.clone(),
                tagged_addresses: node.and_then(|node| node.tagged_addresses.clone()),
                meta: node.map_or_else(|| Some(version()), |node| node.meta.clone()),
                locality: node.and_then(|node| node.locality.clone()),
                ..Node::default()
            },
            skip_node_update: false,
            service,
            checks: vec![check],
        };
        operations.push(Operation::Register(Box::new(registration)));
        operations
    }

    /// Says of a node that its agent does not answer, unless that is said.
    fn failed(&self, node: &Node) -> Option<Operation> {
        if self
            .health(&node.node)
            .is_some_and(|check| check.status == Status::Critical)
        {
            return None;
        }
        let registration = Registration {
            node: node.clone(),
            skip_node_update: true,
            service: None,
            checks: vec![check(&node.node, Status::Critical, DEAD)],
        };
        Some(Operation::Register(Box::new(registration)))
    }

    /// Takes out the nodes whose agents nobody remembers.
    fn orphans(&self, local: &Local, known: &BTreeSet<NodeName>) -> Vec<Operation> {
        let nodes = self.snapshot.nodes(&mut WatchSet::ignore()).value;
        nodes
            .iter()
            .map(|node| &node.node)
            .filter(|name| name.name.as_str() != local.node && !known.contains(*name))
            .filter(|name| self.health(name).is_some())
            .map(deregister)
            .collect()
    }
}

fn deregister(node: &NodeName) -> Operation {
    Operation::Deregister(Deregistration {
        node: node.clone(),
        removed: Removed::Node,
    })
}

fn check(node: &NodeName, status: Status, output: &str) -> HealthCheck {
    HealthCheck {
        node: node.clone(),
        check_id: SERF_HEALTH.into(),
        name: "Serf Health Status".to_owned(),
        status,
        output: output.to_owned(),
        ..HealthCheck::default()
    }
}

/// The servers' own service.
fn service(member: &Member, version: &str, port: u16) -> NodeService {
    let versions = member.versions;
    let flag = |name: &str| (tag(member, name) == "1").to_string();
    let meta = [
        ("non_voter", flag("nonvoter")),
        ("raft_version", tag(member, "raft_vsn").to_owned()),
        ("read_replica", flag("read_replica")),
        ("serf_protocol_current", versions.protocol_cur.to_string()),
        ("serf_protocol_max", versions.protocol_max.to_string()),
        ("serf_protocol_min", versions.protocol_min.to_string()),
        ("version", version.to_owned()),
    ];
    let mut meta: BTreeMap<String, String> =
        meta.map(|(name, value)| (name.to_owned(), value)).into();
    for name in ["grpc_port", "grpc_tls_port"] {
        if tag(member, name).parse::<u16>().is_ok_and(|port| port > 0) {
            meta.insert(name.to_owned(), tag(member, name).to_owned());
        }
    }
    NodeService {
        id: CONSUL.into(),
        service: ServiceName::new(CONSUL),
        tags: Some(Vec::new()),
        port: i32::from(port),
        meta: Some(meta),
        ..NodeService::default()
    }
}

#[cfg(test)]
mod tests;
