//! What can be subscribed to.

use tribune_chain::Overrides;
use tribune_types::{InstanceName, PeeredServiceName, ServiceName};

/// Names one derived value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// A proxy's registration with central configuration merged in.
    Proxy(InstanceName),
    /// The instances that take mesh traffic for a service.
    Endpoints(PeeredServiceName),
    /// Those of them that a filter selects: the instances of a subset.
    Subset(SubsetKey),
    /// A service's central configuration.
    ServiceConfig(ServiceName),
    /// What a service name resolves to.
    Chain(ChainKey),
    /// The intentions about a destination, by precedence.
    Intentions(ServiceName),
    /// The certificates that the mesh trusts.
    Roots,
    /// The `mesh` config entry.
    Mesh,
}

/// Names one compiled chain.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChainKey {
    /// The service.
    pub service: ServiceName,
    /// Datacenter to compile it in; the cluster's own where empty.
    pub datacenter: String,
    /// What the caller insists on.
    pub overrides: Overrides,
}

/// Names the instances of a subset. Subsets with one filter are one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubsetKey {
    /// The service.
    pub service: ServiceName,
    /// The filter expression, as it was written.
    pub filter: String,
}
