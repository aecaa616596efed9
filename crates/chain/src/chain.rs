//! The compiled graph.

use std::collections::BTreeMap;
use std::sync::Arc;

use tribune_types::proxy::{EnvoyExtension, MeshGateway, TransparentProxy};
use tribune_types::{GoDuration, Meta, ServiceName};

/// What a service name resolves to: a graph from [`Chain::start_node`] to [`Chain::targets`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// The service that it was compiled for.
    pub service: ServiceName,
    /// The datacenter that it was compiled in.
    pub datacenter: String,
    /// Eight hexadecimal digits of what the caller overrode; empty where nothing took effect.
    pub customization_hash: String,
    /// Whether no config entry shapes it: one resolver, one target.
    pub default: bool,
    /// The protocol that its traffic is treated as.
    pub protocol: String,
    /// Free-form pairs of the service's service-defaults.
    pub service_meta: Option<Meta>,
    /// Envoy extensions of the service and of the proxy defaults.
    pub envoy_extensions: Vec<EnvoyExtension>,
    /// Key of the first node.
    pub start_node: String,
    /// Nodes by `TYPE:NAME`.
    pub nodes: BTreeMap<String, Node>,
    /// Targets by ID.
    pub targets: BTreeMap<String, Arc<Target>>,
    /// Virtual addresses that the cluster gave the service.
    pub auto_virtual_ips: Vec<String>,
    /// Virtual addresses that an operator gave the service; absent where it has no row.
    pub manual_virtual_ips: Option<Vec<String>>,
}

impl Chain {
    /// The target of a chain that starts with a resolver; `None` for one that routes or splits first.
    #[must_use]
    pub fn start_target(&self) -> Option<&Arc<Target>> {
        match self.nodes.get(&self.start_node)? {
            Node::Resolver(resolver) => self.targets.get(&resolver.target),
        }
    }
}

/// A node of the graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// Turns a name into instances.
    Resolver(Resolver),
}

/// Turns a name into instances.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolver {
    /// Name of the node, without its type.
    pub name: String,
    /// Whether no service-resolver shapes it.
    pub default: bool,
    /// Time to establish a connection.
    pub connect_timeout: GoDuration,
    /// Time that a whole request may take; none where zero.
    pub request_timeout: GoDuration,
    /// ID of its target.
    pub target: String,
}

/// A set of instances of one service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its ID, `[SUBSET.]SERVICE.NAMESPACE.PARTITION.DATACENTER`.
    pub id: String,
    /// The service.
    pub service: ServiceName,
    /// The datacenter it is in.
    pub datacenter: String,
    /// How other datacenters are reached.
    pub mesh_gateway: MeshGateway,
    /// Settings of the transparent mode.
    pub transparent_proxy: TransparentProxy,
    /// Time to establish a connection.
    pub connect_timeout: GoDuration,
    /// Name that a client asks for in its TLS handshake.
    pub sni: String,
    /// Name of its Envoy cluster.
    pub name: String,
    /// Whether it lies outside the mesh.
    pub external: bool,
}

/// What a caller insists on, whatever the config entries say.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Overrides {
    /// Protocol; not overridden where empty.
    pub protocol: String,
    /// Time to establish a connection; not overridden where zero.
    pub connect_timeout: GoDuration,
    /// How other datacenters are reached; not overridden where its mode is empty.
    pub mesh_gateway: MeshGateway,
}
