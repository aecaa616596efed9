//! The servers that agree on the log, as an operator sees and changes them.

use serde::{Deserialize, Serialize};

use crate::Index;

/// The servers of the log, and when that was so.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Configuration {
    /// The servers.
    pub servers: Vec<Peer>,
    /// Index of the log entry that made it so.
    pub index: Index,
}

/// A server of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Peer {
    /// Its ID, which is its node's.
    #[serde(rename = "ID")]
    pub id: String,
    /// Name of its node; `(unknown)` where no member has its ID.
    pub node: String,
    /// Where other servers reach it.
    pub address: String,
    /// Whether it leads.
    pub leader: bool,
    /// Version of the protocol between servers.
    pub protocol_version: String,
    /// Whether its vote counts.
    pub voter: bool,
    /// Index of the last entry that it is known to have; 0 where nobody knows.
    pub last_index: Index,
}

/// One server of the log, named in one of two ways.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Selector {
    /// By its ID.
    Id(String),
    /// By where other servers reach it.
    Address(String),
}

// === impl Selector ===

impl Selector {
    /// Whether this is the server that is meant.
    #[must_use]
    pub fn selects(&self, peer: &Peer) -> bool {
        match self {
            Self::Id(id) => peer.id == *id,
            Self::Address(address) => peer.address == *address,
        }
    }
}

impl std::fmt::Display for Selector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Id(id) => write!(f, "id {id:?}"),
            Self::Address(address) => write!(f, "address {address:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_selected_by_what_is_named_alone() {
        let peer = Peer {
            id: "a".to_owned(),
            address: "10.0.0.1:8300".to_owned(),
            ..Peer::default()
        };
        assert!(Selector::Id("a".to_owned()).selects(&peer));
        assert!(Selector::Address("10.0.0.1:8300".to_owned()).selects(&peer));
        assert!(!Selector::Address("a".to_owned()).selects(&peer));
        assert!(!Selector::Id("10.0.0.1:8300".to_owned()).selects(&peer));
    }
}
