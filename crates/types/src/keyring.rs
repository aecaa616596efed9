//! The keys that gossip is encrypted with, as an operator sees and changes them.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A key as text, which nothing prints by accident.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(String);

/// What is done to the keys of every gossip pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// What is done.
    pub operation: Operation,
    /// Through how many other members an answer goes besides coming straight back, up to [`MAX_RELAY_FACTOR`].
    pub relay_factor: u8,
}

/// The greatest relay factor.
pub const MAX_RELAY_FACTOR: u8 = 5;

/// One operation on the keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operation {
    /// Tells which keys there are.
    List {
        /// Whether only this datacenter's servers are asked.
        local_only: bool,
    },
    /// Adds a key, with which nothing is encrypted yet.
    Install(Key),
    /// Makes a key that everybody has the one that is encrypted with.
    Use(Key),
    /// Takes a key away that nothing is encrypted with.
    Remove(Key),
}

/// What the members of one pool said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Answer {
    /// Whether it is the pool of the servers of all datacenters.
    #[serde(rename = "WAN")]
    pub wan: bool,
    /// The datacenter of the pool.
    pub datacenter: String,
    /// Network segment of the pool; always empty.
    pub segment: String,
    /// What single members said, by their names, where they had something to say.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub messages: BTreeMap<String, String>,
    /// How many members have each key.
    pub keys: BTreeMap<String, usize>,
    /// How many members encrypt with each key.
    pub primary_keys: BTreeMap<String, usize>,
    /// How many members there are.
    pub num_nodes: usize,
    /// What went wrong, if something did.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub error: String,
}

// === impl Key ===

impl Key {
    /// The key, Base64.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.0
    }
}

impl From<String> for Key {
    fn from(text: String) -> Self {
        Self(text)
    }
}

/// The key itself stays out of logs.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() {
            "\"\""
        } else {
            "<hidden>"
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_not_printed() {
        let request = Request {
            operation: Operation::Use("s3cret".to_owned().into()),
            relay_factor: 0,
        };
        assert!(!format!("{request:?}").contains("s3cret"));
    }

    #[test]
    fn an_answer_without_messages_and_error_does_not_mention_them() {
        let json = serde_json::to_value(Answer::default()).unwrap();
        assert!(json.get("Messages").is_none() && json.get("Error").is_none());
        assert_eq!(json["PrimaryKeys"], serde_json::json!({}));
    }
}
