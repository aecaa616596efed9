//! The tables and the indexes kept with them.

use std::net::Ipv4Addr;
use std::sync::Arc;

use tribune_types::autopilot;
use tribune_types::config_entry::{self, Entry};
use tribune_types::connect::{CaConfiguration, CaRoot};
use tribune_types::{
    HealthCheck, Index, InstanceName, Name, Node, NodeName, NodeService, PeerName,
    PeeredServiceName, ServiceKind, ServiceName, Status,
};

use crate::map::Map;
use crate::recent::Recent;

/// Everything that is stored. A clone shares all of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tables {
    /// Index of the last command applied.
    pub(crate) index: Index,
    pub(crate) nodes: Map<NodeName, NodeRow>,
    /// Names of the nodes that have an ID.
    pub(crate) node_ids: Map<NodeId, NodeName>,
    pub(crate) services: Map<InstanceName, Arc<NodeService>>,
    /// Instances by the service that they are of.
    pub(crate) service_names: Map<PeeredServiceName, Instances>,
    /// Instances by the service whose mesh traffic they take.
    pub(crate) connect: Map<PeeredServiceName, Instances>,
    pub(crate) checks: Map<CheckName, Arc<HealthCheck>>,
    /// The checks of each instance by ID, and under the instance without an ID those of the node.
    pub(crate) checks_by_instance: Map<InstanceName, Arc<[Arc<HealthCheck>]>>,
    pub(crate) checks_by_status: Map<(Status, CheckName), Arc<HealthCheck>>,
    pub(crate) kinds: Map<(NameKind, ServiceName), Index>,
    pub(crate) kind_indexes: Map<NameKind, Index>,
    pub(crate) peers: Map<PeerName, PeerIndexes>,
    pub(crate) virtual_ips: VirtualIps,
    pub(crate) config: Config,
    pub(crate) ca: Ca,
    pub(crate) autopilot: Option<Arc<autopilot::Configuration>>,
    pub(crate) staged: Staged,
    pub(crate) recent: Recent,
}

#[derive(Clone, Debug)]
pub(crate) struct NodeRow {
    pub(crate) node: Arc<Node>,
    /// When the node or a service on it changed last.
    pub(crate) index: Index,
}

/// The ID of a node; IDs are compared without case, as names are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NodeId {
    pub(crate) id: Name,
    pub(crate) peer: PeerName,
}

/// Names a check: its node and its ID there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CheckName {
    pub(crate) node: NodeName,
    pub(crate) id: Name,
}

/// The instances of a service and when one of them, its node or its checks changed last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Instances {
    pub(crate) index: Index,
    pub(crate) rows: Map<InstanceName, Arc<NodeService>>,
}

/// When the tables of a peer (or of this cluster) changed last.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PeerIndexes {
    pub(crate) nodes: Index,
    pub(crate) services: Index,
    pub(crate) checks: Index,
    /// When the last instance of any service was removed last.
    pub(crate) service_extinction: Index,
    /// When any node was removed last.
    pub(crate) node_extinction: Index,
}

/// What a service name is known as.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NameKind {
    /// It has had instances of this kind.
    Instance(ServiceKind),
    /// It has a proxy or a native instance (`connect-enabled`).
    ConnectEnabled,
}

/// The virtual addresses of services.
#[derive(Clone, Debug, Default)]
pub(crate) struct VirtualIps {
    pub(crate) index: Index,
    pub(crate) rows: Map<PeeredServiceName, VirtualIp>,
    /// Addresses that were given out and are free again.
    pub(crate) free: Map<Ipv4Addr, ()>,
    /// The last address given out for the first time.
    pub(crate) last: Option<Ipv4Addr>,
}

/// The virtual addresses of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VirtualIp {
    /// The one that was allocated for it.
    pub address: Ipv4Addr,
    /// Those that an operator gave it.
    pub manual: Vec<Ipv4Addr>,
    /// When it was written first.
    pub create_index: Index,
    /// When it changed last.
    pub modify_index: Index,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Config {
    pub(crate) index: Index,
    pub(crate) rows: Map<config_entry::Key, Stored>,
    /// Sources of intentions with their destinations.
    pub(crate) sources: Map<(ServiceName, ServiceName), ()>,
}

/// A config entry as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// The entry.
    pub entry: Arc<Entry>,
    /// When it was written first.
    pub create_index: Index,
    /// When it changed last.
    pub modify_index: Index,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Ca {
    pub(crate) roots: Arc<[Arc<CaRoot>]>,
    pub(crate) roots_index: Index,
    pub(crate) configuration: Option<Arc<CaConfiguration>>,
}

/// Tables in bytes that have not come whole.
#[derive(Clone, Debug, Default)]
pub(crate) struct Staged {
    pub(crate) id: u128,
    pub(crate) length: u64,
    /// By where they begin.
    pub(crate) parts: Map<u64, Arc<[u8]>>,
}

// === impl Tables ===

impl Tables {
    /// The instances on a node, by ID.
    pub(crate) fn instances_on<'a>(
        &'a self,
        node: &'a NodeName,
    ) -> impl Iterator<Item = (&'a InstanceName, &'a Arc<NodeService>)> {
        let first = InstanceName {
            node: node.clone(),
            id: Name::default(),
        };
        self.services
            .range_from(&first)
            .take_while(move |(instance, _)| instance.node == *node)
    }

    /// The checks on a node, by ID.
    pub(crate) fn checks_on<'a>(
        &'a self,
        node: &'a NodeName,
    ) -> impl Iterator<Item = &'a Arc<HealthCheck>> {
        let first = CheckName {
            node: node.clone(),
            id: Name::default(),
        };
        self.checks
            .range_from(&first)
            .take_while(move |(check, _)| check.node == *node)
            .map(|(_, check)| check)
    }

    /// The checks of an instance, by ID. One without an ID has none: what is listed there is its node's.
    pub(crate) fn checks_of(&self, instance: &InstanceName) -> &[Arc<HealthCheck>] {
        if instance.id.is_empty() {
            &[]
        } else {
            self.checks_listed(instance)
        }
    }

    /// The checks of a node itself, by ID.
    pub(crate) fn checks_of_node(&self, node: &NodeName) -> &[Arc<HealthCheck>] {
        self.checks_listed(&InstanceName {
            node: node.clone(),
            id: Name::default(),
        })
    }

    /// The checks of an instance, or of the node where its ID is empty.
    pub(crate) fn checks_listed(&self, instance: &InstanceName) -> &[Arc<HealthCheck>] {
        self.checks_by_instance
            .get(instance)
            .map_or(&[], |checks| checks)
    }

    /// The indexes of a peer.
    pub(crate) fn peer(&self, peer: &PeerName) -> PeerIndexes {
        self.peers.get(peer).copied().unwrap_or_default()
    }
}

/// The service of an instance, with the peer of its node.
pub(crate) fn service_of(node: &NodeName, service: &NodeService) -> PeeredServiceName {
    PeeredServiceName {
        service: service.service.clone(),
        peer: node.peer.clone(),
    }
}

/// The service whose mesh traffic an instance takes, with the peer of its node.
pub(crate) fn connect_of(node: &NodeName, service: &NodeService) -> Option<PeeredServiceName> {
    let taken = service
        .connect_service()
        .filter(|taken| !taken.name.is_empty())?;
    Some(PeeredServiceName {
        service: taken,
        peer: node.peer.clone(),
    })
}
