//! Qualified names: every key of the mesh carries its partition, namespace and, where rows can be
//! imported, its peer.
//!
//! Consul keeps names as they were written and compares them without regard to ASCII case; so do these.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Name of the partition and of the namespace that everything is in until tenancy is used.
pub const DEFAULT: &str = "default";

/// The name that stands for every service in an intention.
pub const WILDCARD: &str = "*";

/// A name as it was written; equality, order and hash ignore ASCII case.
#[derive(Clone, Default)]
pub struct Name(Option<Arc<str>>);

impl Name {
    /// The text as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }

    /// Whether this is the name `*`.
    #[must_use]
    pub fn is_wildcard(&self) -> bool {
        self.as_str() == WILDCARD
    }

    /// Whether the two are the same to the letter, case included.
    #[must_use]
    pub fn identical(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }

    fn folded(&self) -> impl Iterator<Item = u8> {
        self.as_str().bytes().map(|byte| byte.to_ascii_lowercase())
    }
}

impl std::ops::Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Self {
        Self((!text.is_empty()).then(|| text.into()))
    }
}

impl From<String> for Name {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.as_str().eq_ignore_ascii_case(other.as_str())
    }
}

impl Eq for Name {}

impl PartialEq<str> for Name {
    fn eq(&self, other: &str) -> bool {
        self.as_str().eq_ignore_ascii_case(other)
    }
}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> Ordering {
        let (a, b) = (self.as_str().as_bytes(), other.as_str().as_bytes());
        // What is the same to the letter needs no folding: the keys of a table share long beginnings.
        let words = a.as_chunks::<8>().0.iter().zip(b.as_chunks::<8>().0);
        let same = words.take_while(|(a, b)| a == b).count() * 8;
        let a = a.iter().skip(same).map(u8::to_ascii_lowercase);
        a.cmp(b.iter().skip(same).map(u8::to_ascii_lowercase))
    }
}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for byte in self.folded() {
            state.write_u8(byte);
        }
        state.write_u8(0xff);
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Cow::<'de, str>::deserialize(deserializer)?.as_ref().into())
    }
}

/// The partition and the namespace of a name. Both are `default` unless said otherwise.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tenancy(Option<Arc<(Name, Name)>>);

impl Tenancy {
    /// A partition and a namespace; an empty part means `default`.
    #[must_use]
    pub fn new(partition: &str, namespace: &str) -> Self {
        let or_default = |text: &str| Name::from(if text.is_empty() { DEFAULT } else { text });
        let parts = (or_default(partition), or_default(namespace));
        let default = &parts.0 == DEFAULT && &parts.1 == DEFAULT;
        Self((!default).then(|| Arc::new(parts)))
    }

    /// Name of the partition.
    #[must_use]
    pub fn partition(&self) -> &str {
        self.0.as_ref().map_or(DEFAULT, |parts| parts.0.as_str())
    }

    /// Name of the namespace.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.0.as_ref().map_or(DEFAULT, |parts| parts.1.as_str())
    }

    /// Whether partition and namespace are both `default`.
    #[must_use]
    pub const fn is_default(&self) -> bool {
        self.0.is_none()
    }
}

impl Serialize for Tenancy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.partition(), self.namespace()).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Tenancy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (partition, namespace) = <(Cow<'de, str>, Cow<'de, str>)>::deserialize(deserializer)?;
        Ok(Self::new(&partition, &namespace))
    }
}

impl fmt::Debug for Tenancy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.partition(), self.namespace())
    }
}

/// Name of a peer, that is of another cluster whose services are imported.
pub type PeerName = Name;

/// A service's name with its partition and namespace.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ServiceName {
    /// Name of the service, `*` for all of them.
    pub name: Name,
    /// Where the name is valid.
    pub tenancy: Tenancy,
}

impl ServiceName {
    /// A service of the default partition and namespace.
    #[must_use]
    pub fn new(name: impl Into<Name>) -> Self {
        Self {
            name: name.into(),
            tenancy: Tenancy::default(),
        }
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.tenancy.is_default() {
            write!(
                f,
                "{}/{}/",
                self.tenancy.partition(),
                self.tenancy.namespace()
            )?;
        }
        fmt::Display::fmt(&self.name, f)
    }
}

impl fmt::Debug for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A service, of this cluster or imported from a peer.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PeeredServiceName {
    /// The service.
    pub service: ServiceName,
    /// The peer it was imported from; empty for a service of this cluster.
    pub peer: PeerName,
}

impl From<ServiceName> for PeeredServiceName {
    fn from(service: ServiceName) -> Self {
        Self {
            service,
            peer: PeerName::default(),
        }
    }
}

/// A node of the catalog. Nodes belong to a partition, not to a namespace.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NodeName {
    /// Name of the node.
    pub name: Name,
    /// The peer it was imported from; empty for a node of this cluster.
    pub peer: PeerName,
    /// Partition of the node; its namespace is always `default`.
    pub tenancy: Tenancy,
}

impl NodeName {
    /// A node of this cluster, in the default partition.
    #[must_use]
    pub fn new(name: impl Into<Name>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }
}

impl fmt::Display for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.name, f)
    }
}

impl fmt::Debug for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One instance of a service: its node and its ID there.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct InstanceName {
    /// The node that it is registered on.
    pub node: NodeName,
    /// Its service ID, unique on that node.
    pub id: Name,
}

impl InstanceName {
    /// An instance on a node of this cluster, in the default partition.
    #[must_use]
    pub fn new(node: impl Into<Name>, id: impl Into<Name>) -> Self {
        Self {
            node: NodeName::new(node),
            id: id.into(),
        }
    }
}

impl fmt::Display for InstanceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.node, self.id)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_compare_without_case_and_keep_how_they_were_written() {
        let (lower, upper) = (Name::from("web"), Name::from("WEB"));
        assert_eq!(lower, upper);
        assert_eq!(lower.cmp(&upper), Ordering::Equal);
        assert!(!lower.identical(&upper));
        assert_eq!(HashSet::from([lower, upper.clone()]).len(), 1);
        assert_eq!(upper.as_str(), "WEB");
    }

    #[test]
    fn names_are_ordered_by_their_letters_without_case() {
        let ordered = [
            "",
            "a",
            "service-0001",
            "SERVICE-0002",
            "service-0002-b",
            "Service-0010",
            "z",
        ];
        let names: Vec<Name> = ordered.into_iter().map(Name::from).collect();
        for (at, name) in names.iter().enumerate() {
            for (other_at, other) in names.iter().enumerate() {
                assert_eq!(name.cmp(other), at.cmp(&other_at), "{name} and {other}");
            }
        }
    }

    #[test]
    fn an_empty_part_of_a_tenancy_is_the_default_one() {
        assert!(Tenancy::new("", "default").is_default());
        let other = Tenancy::new("edge", "");
        assert_eq!((other.partition(), other.namespace()), ("edge", "default"));
        assert_ne!(other, Tenancy::default());
    }

    #[test]
    fn a_default_service_name_prints_as_its_bare_name() {
        assert_eq!(ServiceName::new("web").to_string(), "web");
        let qualified = ServiceName {
            tenancy: Tenancy::new("edge", "shop"),
            ..ServiceName::new("web")
        };
        assert_eq!(qualified.to_string(), "edge/shop/web");
    }
}
