//! What of a proxy's configuration could not be followed.

use tribune_types::Name;

use crate::{SettingError, UpstreamId};

/// A part of a proxy's configuration that is not served as it was written. Everything else is.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// The upstream it is about; `None` where it is about the proxy itself.
    pub upstream: Option<UpstreamId>,
    /// What is wrong.
    pub reason: Reason,
}

/// Why a part of a proxy's configuration is not served as it was written.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// An upstream is a prepared query.
    #[error("prepared queries are not supported yet")]
    PreparedQuery,
    /// An upstream lies in a peer.
    #[error("upstreams in peers are not supported yet: peer {0:?}")]
    Peer(Name),
    /// An upstream lies in another datacenter.
    #[error("upstreams in other datacenters are not supported yet: datacenter {0:?}")]
    Datacenter(String),
    /// An upstream has a type that does not exist.
    #[error("unknown upstream type {0:?}: write \"service\" or \"prepared_query\"")]
    UpstreamType(String),
    /// Two upstreams have the same name; the later one counts.
    #[error("the upstream is there twice; the last one counts")]
    Duplicate,
    /// An upstream has nothing that the application could dial.
    #[error("the upstream has neither a local bind port nor a local bind socket path")]
    NoBind,
    /// A port is none.
    #[error("{0} is not a port: write 1 to 65535")]
    Port(i64),
    /// An address to listen on is none.
    #[error("{0:?} is not an IP address to listen on")]
    BindAddress(String),
    /// The proxy captures traffic transparently.
    #[error("transparent mode is not supported yet")]
    TransparentMode,
    /// The proxy is to expose the paths of its service's checks.
    #[error("exposing the paths of checks is not supported yet: name them in Expose.Paths")]
    ExposeChecks,
    /// An opaque setting cannot be read.
    #[error(transparent)]
    Setting(#[from] SettingError),
}
