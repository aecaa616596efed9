//! The compiled graph.

use std::collections::BTreeMap;
use std::sync::Arc;

use tribune_types::config_entry::{
    self, FailoverPolicy, LoadBalancer, PrioritizeByLocality, Subset, Weight,
};
use tribune_types::proxy::{EnvoyExtension, MeshGateway, TransparentProxy};
use tribune_types::{GoDuration, Meta, PeerName, ServiceName};

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
    /// The first node.
    #[must_use]
    pub fn start(&self) -> Option<&Node> {
        self.nodes.get(&self.start_node)
    }

    /// The target of a chain that starts with a resolver; `None` for one that routes or splits first.
    #[must_use]
    pub fn start_target(&self) -> Option<&Arc<Target>> {
        self.targets.get(&self.start()?.as_resolver()?.target)
    }

    /// The resolvers, in the order of their names.
    pub fn resolvers(&self) -> impl Iterator<Item = &Resolver> {
        self.nodes.values().filter_map(Node::as_resolver)
    }
}

/// A node of the graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// Sends requests to other nodes by what they ask for.
    Router(Router),
    /// Shares traffic out among other nodes.
    Splitter(Splitter),
    /// Turns a name into instances.
    Resolver(Resolver),
}

impl Node {
    /// The resolver that it is, if it is one.
    #[must_use]
    pub const fn as_resolver(&self) -> Option<&Resolver> {
        match self {
            Self::Resolver(resolver) => Some(resolver),
            Self::Router(_) | Self::Splitter(_) => None,
        }
    }

    /// The nodes that it leads to.
    pub fn next(&self) -> impl Iterator<Item = &str> {
        let (routes, splits): (&[Route], &[Split]) = match self {
            Self::Router(router) => (&router.routes, &[]),
            Self::Splitter(splitter) => (&[], &splitter.splits),
            Self::Resolver(_) => (&[], &[]),
        };
        let routes = routes.iter().map(|route| route.next_node.as_str());
        routes.chain(splits.iter().map(|split| split.next_node.as_str()))
    }
}

/// Sends requests to other nodes by what they ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Router {
    /// Name of the node, without its type: `SERVICE.NAMESPACE.PARTITION`.
    pub name: String,
    /// The first one that matches decides; the last one matches everything.
    pub routes: Vec<Route>,
}

/// Some requests, and where they go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The route as it was configured.
    pub definition: config_entry::Route,
    /// Key of the node that they go to.
    pub next_node: String,
}

/// Shares traffic out among other nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Splitter {
    /// Name of the node, without its type: `SERVICE.NAMESPACE.PARTITION`.
    pub name: String,
    /// The shares. No two splitters follow each other: the shares of the second are shares of the first.
    pub splits: Vec<Split>,
    /// How requests are spread, where it depends on their hashes: Envoy hashes before it picks a share.
    pub load_balancer: Option<LoadBalancer>,
}

/// A share of the traffic, and where it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// The split as it was configured, with the changes of headers of those before it.
    pub definition: config_entry::Split,
    /// The share of the node's whole traffic.
    pub weight: Weight,
    /// Key of the node that it goes to.
    pub next_node: String,
}

/// Turns a name into instances.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolver {
    /// Name of the node, without its type: the ID of its target.
    pub name: String,
    /// Whether no service-resolver shapes it.
    pub default: bool,
    /// Time to establish a connection.
    pub connect_timeout: GoDuration,
    /// Time that a whole request may take; none where zero.
    pub request_timeout: GoDuration,
    /// ID of its target.
    pub target: String,
    /// What stands in while no instance of the target is healthy.
    pub failover: Option<Failover>,
    /// How requests are spread over the instances.
    pub load_balancer: Option<LoadBalancer>,
}

/// What stands in for a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failover {
    /// IDs of the targets in the order of preference, as often as they were named.
    pub targets: Vec<String>,
    /// How they are ordered.
    pub policy: Option<FailoverPolicy>,
}

/// A set of instances of one service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its ID: `[SUBSET.]SERVICE.NAMESPACE.PARTITION.DATACENTER`, or
    /// `SERVICE.NAMESPACE.PARTITION.external.PEER`.
    pub id: String,
    /// The service.
    pub service: ServiceName,
    /// Name of its subset; empty where every instance is meant.
    pub service_subset: String,
    /// The datacenter it is in; empty where it is imported.
    pub datacenter: String,
    /// The peer that it is imported from; empty where it is of this cluster.
    pub peer: PeerName,
    /// How other datacenters are reached.
    pub mesh_gateway: MeshGateway,
    /// Which instances its subset has.
    pub subset: Subset,
    /// Settings of the transparent mode.
    pub transparent_proxy: TransparentProxy,
    /// Time to establish a connection.
    pub connect_timeout: GoDuration,
    /// Name that a client asks for in its TLS handshake; empty where it is imported.
    pub sni: String,
    /// Name of its Envoy cluster; empty where it is imported.
    pub name: String,
    /// Whether it lies outside the mesh.
    pub external: bool,
    /// Whether near instances come first.
    pub prioritize_by_locality: Option<PrioritizeByLocality>,
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
