//! The servers of a cluster.

use std::fmt;

use xxhash_rust::xxh3::xxh3_64;

/// A server of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Server {
    /// Names it for good: the node's UUID. One that comes back with an empty disk comes as another server.
    pub id: String,
    /// The node's name, for people.
    pub name: String,
    /// Where the other servers reach it.
    pub address: String,
}

/// What a server is in its cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It votes, and may lead.
    Voter,
    /// It follows and has no vote.
    Nonvoter,
}

/// A server of the configuration, as the server that was asked knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Which server.
    pub server: Server,
    /// What it is. One that is being added is no voter until it has caught up.
    pub role: Role,
    /// Whether it leads, as far as is known.
    pub leader: bool,
    /// On the leader: the index up to which its log is known to be the leader's.
    pub matched: Option<u64>,
    /// On the leader: the term of that entry.
    pub matched_term: Option<u64>,
    /// On the leader: how long ago it was heard of.
    pub last_contact: Option<std::time::Duration>,
}

// === impl Server ===

impl Server {
    /// The number that stands for it in the log's own protocol.
    ///
    /// Two UUIDs give the same number once in 2^64 pairs; the second of such servers is refused.
    pub(crate) fn number(&self) -> u64 {
        number(&self.id)
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}, {})", self.name, self.id, self.address)
    }
}

/// The number of the server with this ID.
pub(crate) fn number(id: &str) -> u64 {
    xxh3_64(id.to_ascii_lowercase().as_bytes())
}
