//! What there is to be allowed.

use std::fmt;

use tribune_types::{NodeName, ServiceName};

/// How a thing is acted on. Whoever may write may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Access {
    /// It is looked at.
    Read,
    /// It is changed.
    Write,
}

/// One action on one thing, named as Consul's ACL rules name their resources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission<'a> {
    /// The ACL system itself.
    Acl(Access),
    /// The agent on a node.
    Agent(&'a NodeName, Access),
    /// Intentions about a destination.
    Intention(&'a ServiceName, Access),
    /// The keys that gossip is encrypted with.
    Keyring(Access),
    /// Config entries that concern the whole mesh.
    Mesh(Access),
    /// A node of the catalog and its checks.
    Node(&'a NodeName, Access),
    /// The cluster's operation.
    Operator(Access),
    /// A service: its instances, their checks, its identity.
    Service(&'a ServiceName, Access),
    /// Everything that the servers keep, keys and tokens among it. Whoever may take it away or replace it
    /// might as well manage the ACL system.
    Snapshot,
}

impl fmt::Display for Permission<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (resource, name, access): (_, Option<&dyn fmt::Display>, _) = match self {
            Self::Snapshot => ("acl", None, &Access::Write),
            Self::Acl(access) => ("acl", None, access),
            Self::Agent(node, access) => ("agent", Some(node), access),
            Self::Intention(service, access) => ("intention", Some(service), access),
            Self::Keyring(access) => ("keyring", None, access),
            Self::Mesh(access) => ("mesh", None, access),
            Self::Node(node, access) => ("node", Some(node), access),
            Self::Operator(access) => ("operator", None, access),
            Self::Service(service, access) => ("service", Some(service), access),
        };
        let access = match access {
            Access::Read => "read",
            Access::Write => "write",
        };
        write!(f, "{resource}:{access}")?;
        name.map_or(Ok(()), |name| {
            write!(f, " on {name:?}", name = name.to_string())
        })
    }
}

/// What kind of thing a [`Permission`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resource {
    /// The ACL system itself.
    Acl,
    /// Agents.
    Agent,
    /// Intentions.
    Intention,
    /// The keys that gossip is encrypted with.
    Keyring,
    /// Config entries that concern the whole mesh.
    Mesh,
    /// Nodes.
    Node,
    /// The cluster's operation.
    Operator,
    /// Services.
    Service,
    /// Everything that the servers keep.
    Snapshot,
}
