//! A resource, ready to be sent.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

/// The types of resources that are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ResourceType {
    /// `envoy.config.cluster.v3.Cluster`
    Cluster,
    /// `envoy.config.endpoint.v3.ClusterLoadAssignment`
    Endpoints,
    /// `envoy.config.listener.v3.Listener`
    Listener,
    /// `envoy.config.route.v3.RouteConfiguration`
    Route,
    /// `envoy.extensions.transport_sockets.tls.v3.Secret`
    Secret,
}

/// A resource of an xDS response.
#[derive(Clone, PartialEq, Eq)]
pub struct Resource {
    /// Its type.
    pub kind: ResourceType,
    /// Its name.
    pub name: Arc<str>,
    /// A hash of its content: equal where the content is equal, on every server.
    pub version: u64,
    /// Its encoded message, which goes into `Any.value` beside [`ResourceType::type_url`].
    pub body: Bytes,
}

// === impl ResourceType ===

impl ResourceType {
    /// All of them, those first that others refer to by name only after they are there (xDS protocol, "Eventual
    /// consistency considerations").
    pub const ALL: [Self; 5] = [
        Self::Cluster,
        Self::Endpoints,
        Self::Listener,
        Self::Route,
        Self::Secret,
    ];

    /// What the protocol names the type by.
    #[must_use]
    pub const fn type_url(self) -> &'static str {
        match self {
            Self::Cluster => "type.googleapis.com/envoy.config.cluster.v3.Cluster",
            Self::Endpoints => "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
            Self::Listener => "type.googleapis.com/envoy.config.listener.v3.Listener",
            Self::Route => "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
            Self::Secret => "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret",
        }
    }

    /// The type that the protocol names so.
    #[must_use]
    pub fn from_type_url(type_url: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.type_url() == type_url)
    }

    /// A word for people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cluster => "cluster",
            Self::Endpoints => "endpoints",
            Self::Listener => "listener",
            Self::Route => "route",
            Self::Secret => "secret",
        }
    }
}

impl fmt::Display for ResourceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

// === impl Resource ===

impl Resource {
    /// A resource whose version is a hash of its bytes.
    pub(crate) fn new(kind: ResourceType, name: impl Into<Arc<str>>, body: Vec<u8>) -> Self {
        Self {
            kind,
            name: name.into(),
            version: xxh3_64(&body),
            body: body.into(),
        }
    }

    /// A resource whose version is a hash of what it was made from, because equal content may be encoded
    /// in several ways: protobuf leaves the order of a map's entries open.
    pub(crate) fn made_from(
        kind: ResourceType,
        name: &str,
        body: Vec<u8>,
        sources: &[&[u8]],
    ) -> Self {
        let mut hash = Xxh3::new();
        for source in sources {
            hash.update(&(source.len() as u64).to_le_bytes());
            hash.update(source);
        }
        Self {
            kind,
            name: name.into(),
            version: hash.digest(),
            body: body.into(),
        }
    }
}

impl fmt::Debug for Resource {
    /// Without the body: it may be a private key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {:?} {:016x} ({} bytes)",
            self.kind,
            self.name,
            self.version,
            self.body.len()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn type_urls_read_back() {
        for kind in ResourceType::ALL {
            assert_eq!(ResourceType::from_type_url(kind.type_url()), Some(kind));
        }
        assert_eq!(
            ResourceType::from_type_url("type.googleapis.com/envoy.service.Nothing"),
            None
        );
    }

    #[test]
    fn a_secret_is_not_printed() {
        let resource = Resource::new(ResourceType::Secret, "leaf", b"PRIVATE".to_vec());
        assert!(!format!("{resource:?}").contains("PRIVATE"));
    }

    #[test]
    fn sources_are_told_apart_where_they_meet() {
        let of = |sources: &[&[u8]]| {
            Resource::made_from(ResourceType::Cluster, "c", Vec::new(), sources).version
        };
        assert_ne!(of(&[b"ab", b"c"]), of(&[b"a", b"bc"]));
    }
}
