//! The derived values.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use tribune_chain::{Chain, CompileError};
use tribune_types::catalog::Locality;
use tribune_types::config_entry;
use tribune_types::intention::Intention;
use tribune_types::proxy::ProxyConfig;
use tribune_types::{
    InstanceName, Meta, Opaque, PeeredServiceName, ServiceAddress, ServiceKind, ServiceName,
    Weights,
};

/// A derived value, shared by pointer.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A proxy's registration; `None` while there is no such proxy.
    Proxy(Option<Arc<Proxy>>),
    /// The instances of a service.
    Endpoints(Arc<Endpoints>),
    /// A service's central configuration.
    ServiceConfig(Arc<ServiceConfig>),
    /// A compiled chain, or why there is none.
    Chain(ChainResult),
    /// The intentions about a destination.
    Intentions(Arc<Intentions>),
    /// The certificates that the mesh trusts; `None` until the certificate authority has a root.
    Roots(Option<Arc<Roots>>),
    /// The `mesh` config entry, or that there is none.
    Mesh(Arc<Mesh>),
}

impl Value {
    /// Whether the two are the same object, not only equal.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Proxy(Some(a)), Self::Proxy(Some(b))) => Arc::ptr_eq(a, b),
            (Self::Proxy(None), Self::Proxy(None)) | (Self::Roots(None), Self::Roots(None)) => true,
            (Self::Endpoints(a), Self::Endpoints(b)) => Arc::ptr_eq(a, b),
            (Self::ServiceConfig(a), Self::ServiceConfig(b)) => Arc::ptr_eq(a, b),
            (Self::Chain(Ok(a)), Self::Chain(Ok(b))) => Arc::ptr_eq(a, b),
            (Self::Chain(Err(a)), Self::Chain(Err(b))) => Arc::ptr_eq(a, b),
            (Self::Intentions(a), Self::Intentions(b)) => Arc::ptr_eq(a, b),
            (Self::Roots(Some(a)), Self::Roots(Some(b))) => Arc::ptr_eq(a, b),
            (Self::Mesh(a), Self::Mesh(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }
}

/// A compiled chain, or why there is none.
pub type ChainResult = Result<Arc<Chain>, Arc<CompileError>>;

/// A proxy as it was registered, with central configuration merged in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxy {
    /// Its node and its ID there.
    pub instance: InstanceName,
    /// What kind of proxy it is.
    pub kind: ServiceKind,
    /// The service it is registered as.
    pub service: ServiceName,
    /// Its own address; empty where it was registered without one.
    pub address: String,
    /// Its port, as it was registered: not yet known to be one.
    pub port: i32,
    /// Its node's address.
    pub node_address: String,
    /// Its other addresses.
    pub tagged_addresses: BTreeMap<String, ServiceAddress>,
    /// Free-form pairs of its registration.
    pub meta: Meta,
    /// The datacenter it is in.
    pub datacenter: String,
    /// Region and zone.
    pub locality: Option<Locality>,
    /// Its configuration, central configuration merged in.
    pub config: ProxyConfig,
}

impl Proxy {
    /// The service whose identity the proxy has: its destination, or itself where it is a gateway.
    #[must_use]
    pub fn identity(&self) -> ServiceName {
        if self.kind == ServiceKind::ConnectProxy {
            ServiceName {
                name: self.config.destination_service_name.clone(),
                tenancy: self.service.tenancy.clone(),
            }
        } else {
            self.service.clone()
        }
    }
}

/// The instances that take mesh traffic for a service, in the order of node and ID.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoints {
    /// The instances, healthy or not.
    pub endpoints: Vec<Endpoint>,
}

/// An instance that takes mesh traffic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoint {
    /// Its node and its ID there.
    pub instance: InstanceName,
    /// What kind of instance it is.
    pub kind: ServiceKind,
    /// Address of the service, or of its node where it has none.
    pub address: String,
    /// Its port, as it was registered: not yet known to be one.
    pub port: i32,
    /// Address of its node.
    pub node_address: String,
    /// Other addresses of its node.
    pub node_tagged_addresses: Meta,
    /// Its own other addresses.
    pub tagged_addresses: BTreeMap<String, ServiceAddress>,
    /// The datacenter it is in.
    pub datacenter: String,
    /// Region and zone: its own, else its node's.
    pub locality: Option<Locality>,
    /// Free-form pairs of its registration.
    pub meta: Meta,
    /// Its tags.
    pub tags: Vec<String>,
    /// Its weights by health.
    pub weights: Weights,
    /// The sum of its own and its node's checks.
    pub health: Health,
}

impl Endpoint {
    /// A healthy instance that is reached at an address of its own.
    #[must_use]
    pub fn new(instance: InstanceName, address: SocketAddr) -> Self {
        Self {
            instance,
            address: address.ip().to_string(),
            port: address.port().into(),
            ..Self::default()
        }
    }
}

/// The sum of the checks of an instance and of its node: the worst one counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Health {
    /// All pass, or there is none.
    #[default]
    Passing,
    /// One warns, none is critical.
    Warning,
    /// One is critical.
    Critical,
}

/// A service's central configuration: proxy-defaults, then service-defaults over it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceConfig {
    /// A proxy's configuration as far as it is set centrally: its `Config`, mode, gateway mode, exposed
    /// paths, access logs and extensions. Its upstreams are empty.
    pub proxy: ProxyConfig,
    /// The protocol that its service-defaults names; empty where it names none.
    pub protocol: String,
    /// Settings of its upstreams.
    pub upstreams: UpstreamDefaults,
    /// Free-form pairs of its service-defaults.
    pub meta: Meta,
}

/// Central settings of the upstreams of a service, as maps with the keys of an upstream's `Config`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpstreamDefaults {
    /// The protocol of the proxy defaults, below everything else; in lower case.
    pub protocol: String,
    /// For every upstream, below what its own service-defaults says.
    pub wildcard: Opaque,
    /// The same again above it; absent where the service-defaults has no defaults for upstreams.
    pub defaults: Option<Opaque>,
    /// For the upstreams that the service-defaults names, above everything else.
    pub overrides: BTreeMap<PeeredServiceName, Opaque>,
}

/// The intentions about a destination.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Intentions {
    /// By precedence, the first that matches a source decides.
    pub intentions: Vec<Arc<Intention>>,
    /// Whether what no intention matches is allowed.
    pub default_allow: bool,
}

/// The certificates that the mesh trusts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roots {
    /// What every SPIFFE ID starts with.
    pub trust_domain: String,
    /// ID of the root that leaves are signed under.
    pub active_root_id: String,
    /// Every trusted root, PEM, each ended by a newline, in a fixed order.
    pub bundle: Arc<str>,
}

/// The `mesh` config entry, or that there is none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mesh {
    /// The entry.
    pub entry: Option<Arc<config_entry::Entry>>,
}
