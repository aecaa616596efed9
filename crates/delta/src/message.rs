//! The messages of a stream, without their encoding.

use std::fmt;
use std::sync::Arc;

/// The resource types that a stream serves. Requests for any other type are to be ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TypeUrl {
    /// SDS: certificates and trust roots.
    Secret,
    /// CDS: clusters.
    Cluster,
    /// EDS: a cluster's endpoints.
    Endpoint,
    /// LDS: listeners.
    Listener,
    /// RDS: route configurations.
    Route,
}

impl TypeUrl {
    /// Every type, in the order in which a stream is configured.
    pub const ALL: [Self; 5] = [
        Self::Secret,
        Self::Cluster,
        Self::Endpoint,
        Self::Listener,
        Self::Route,
    ];

    /// The type as Envoy writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Secret => "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret",
            Self::Cluster => "type.googleapis.com/envoy.config.cluster.v3.Cluster",
            Self::Endpoint => "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
            Self::Listener => "type.googleapis.com/envoy.config.listener.v3.Listener",
            Self::Route => "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
        }
    }

    /// Reads Envoy's spelling; none for a type that is not served.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// The type whose resources a resource of this type refers to by name.
    pub(crate) const fn child(self) -> Option<Self> {
        match self {
            Self::Cluster => Some(Self::Endpoint),
            Self::Listener => Some(Self::Route),
            Self::Secret | Self::Endpoint | Self::Route => None,
        }
    }

    /// The type whose resources refer to resources of this type.
    pub(crate) const fn parent(self) -> Option<Self> {
        match self {
            Self::Endpoint => Some(Self::Cluster),
            Self::Route => Some(Self::Listener),
            Self::Secret | Self::Cluster | Self::Listener => None,
        }
    }
}

/// A hash of a resource's content. On the wire: 16 lower-case hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Version(pub u64);

impl Version {
    /// Reads the wire form; none for what this server never sent.
    pub fn parse(text: &str) -> Option<Self> {
        hex(text, 16).map(Self)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Names one response of a stream. On the wire: at least 8 lower-case hex digits, as Consul's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Nonce(pub u64);

impl Nonce {
    /// Reads the wire form; none for what this server never sent.
    pub fn parse(text: &str) -> Option<Self> {
        hex(text, 8).map(Self)
    }
}

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

fn hex(text: &str, least: usize) -> Option<u64> {
    let digits = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    (digits && (least..=16).contains(&text.len()))
        .then(|| u64::from_str_radix(text, 16).ok())
        .flatten()
}

/// Which resources of the child type (endpoints of a cluster, routes of a listener) belong to a resource.
///
/// Envoy warms a changed parent until it gets its children again, even those that it holds already.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Children {
    /// None.
    #[default]
    None,
    /// One, with the name of the parent, as a cluster's endpoints.
    SameName,
    /// These.
    Named(Arc<[Arc<str>]>),
}

/// One resource of a proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource<B> {
    /// Its name, unique within its type.
    pub name: Arc<str>,
    /// Hash of its content: equal versions of one name are never sent twice without need.
    pub version: Version,
    /// What the client gets; cheap to clone.
    pub body: B,
    /// What must be sent again after it.
    pub children: Children,
}

/// Resources of one type: all of them the first time, then what changed.
#[derive(Clone, Debug)]
pub struct ResourceSet<B> {
    /// New resources and those with a new version.
    pub changed: Vec<Resource<B>>,
    /// Names of resources that are gone.
    pub removed: Vec<Arc<str>>,
}

impl<B> Default for ResourceSet<B> {
    fn default() -> Self {
        Self {
            changed: Vec::new(),
            removed: Vec::new(),
        }
    }
}

/// One message of the client: an answer to a response, a change of subscriptions, or both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The type that it is about.
    pub type_url: TypeUrl,
    /// The response that it answers.
    pub nonce: Option<Nonce>,
    /// The client's words when it rejects that response.
    pub error: Option<String>,
    /// Names to subscribe to; `*` is all. None in the first request of a type means `*`.
    pub subscribe: Vec<String>,
    /// Names to give up.
    pub unsubscribe: Vec<String>,
    /// What the client kept from an earlier stream: names and versions. Counts in the first request of a type.
    pub initial_resource_versions: Vec<(String, String)>,
}

impl Request {
    /// A request of a type that says nothing else: as a type's first, it asks for everything.
    pub fn new(type_url: TypeUrl) -> Self {
        Self {
            type_url,
            nonce: None,
            error: None,
            subscribe: Vec::new(),
            unsubscribe: Vec::new(),
            initial_resource_versions: Vec::new(),
        }
    }
}

/// One message to the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response<B> {
    /// The type that it is about.
    pub type_url: TypeUrl,
    /// What the client answers with.
    pub nonce: Nonce,
    /// What the client is to add or replace.
    pub resources: Vec<Resource<B>>,
    /// What the client is to remove.
    pub removed: Vec<Arc<str>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn type_urls_survive_the_wire_and_others_are_refused() {
        for kind in TypeUrl::ALL {
            assert_eq!(TypeUrl::parse(kind.as_str()), Some(kind));
            assert!(
                kind.child()
                    .is_none_or(|child| child.parent() == Some(kind))
            );
        }
        assert_eq!(
            TypeUrl::parse("type.googleapis.com/envoy.config.cluster.v2.Cluster"),
            None
        );
        assert_eq!(TypeUrl::parse(""), None);
    }

    #[test]
    fn only_what_this_server_prints_is_read_as_a_version_or_nonce() {
        let version = Version(0xab);
        assert_eq!(version.to_string(), "00000000000000ab");
        assert_eq!(Version::parse("00000000000000ab"), Some(version));
        assert_eq!(Nonce(17).to_string(), "00000011");
        assert_eq!(Nonce::parse("00000011"), Some(Nonce(17)));
        for bad in [
            "",
            "11",
            "0000001G",
            "0000001A",
            "+0000011",
            "000000000000000000011",
            "🦀🦀",
        ] {
            assert_eq!(Nonce::parse(bad), None, "{bad}");
            assert_eq!(Version::parse(bad), None, "{bad}");
        }
    }
}
