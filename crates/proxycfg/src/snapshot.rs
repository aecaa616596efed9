//! What a proxy's Envoy configuration is generated from.

use std::collections::BTreeMap;
use std::sync::Arc;

use tribune_derived::{ChainResult, Endpoints, Intentions, Mesh, Roots};

use crate::{Definition, Registration};

/// Everything that a connect-proxy's configuration is made from, at one moment.
///
/// Two snapshots share what did not change between them: an equal pointer is an equal value.
#[derive(Debug)]
pub struct Snapshot {
    /// The proxy.
    pub registration: Arc<Registration>,
    /// The certificates that the mesh trusts.
    pub roots: Arc<Roots>,
    /// The intentions about the proxy's destination.
    pub intentions: Arc<Intentions>,
    /// The `mesh` config entry.
    pub mesh: Arc<Mesh>,
    /// The upstreams whose chain is known, in the order of their IDs.
    pub upstreams: Vec<Arc<Upstream>>,
}

/// An upstream and what is known of it.
#[derive(Debug)]
pub struct Upstream {
    /// What the registration says.
    pub definition: Arc<Definition>,
    /// What it resolves to.
    pub chain: ChainResult,
    /// The instances by ID of the chain's target; absent while they are not known, or lie elsewhere.
    pub endpoints: BTreeMap<String, Arc<Endpoints>>,
}
