use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tribune_types::Meta;

/// Who may talk to whom.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Intention {
    /// Its ID, if it was written by one; those in config entries have none.
    #[serde(rename = "ID", skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// Words for people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Namespace of the service that connects.
    #[serde(rename = "SourceNS", skip_serializing_if = "String::is_empty")]
    pub source_ns: String,
    /// Name of the service that connects, or `*`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub source_name: String,
    /// The peer that the service that connects is in; empty for this cluster.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub source_peer: String,
    /// Namespace of the service connected to.
    #[serde(rename = "DestinationNS", skip_serializing_if = "String::is_empty")]
    pub destination_ns: String,
    /// Name of the service connected to, or `*`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub destination_name: String,
    /// `consul`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub source_type: String,
    /// `allow` or `deny`; empty where permissions decide.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub action: String,
    /// What is decided request by request, as JSON in Consul's spelling.
    #[serde(
        deserialize_with = "super::nullable",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub permissions: Vec<Value>,
    /// Free-form pairs.
    #[serde(
        deserialize_with = "super::nullable",
        skip_serializing_if = "Meta::is_empty"
    )]
    pub meta: Meta,
    /// How early it is judged: higher is earlier.
    #[serde(skip_serializing)]
    pub precedence: u32,
    /// When it was written, RFC 3339.
    #[serde(skip_serializing)]
    pub created_at: String,
    /// When the config entry that holds it was written first.
    #[serde(skip_serializing)]
    pub create_index: u64,
    /// When the config entry that holds it changed last.
    #[serde(skip_serializing)]
    pub modify_index: u64,
}

// === impl Intention ===

impl Intention {
    /// The side that connects, with its peer if it is in one.
    #[must_use]
    pub fn source(&self) -> String {
        if self.source_peer.is_empty() {
            return qualified(&self.source_ns, &self.source_name);
        }
        format!(
            "peer:{}/{}",
            self.source_peer,
            qualified(&self.source_ns, &self.source_name)
        )
    }

    /// The side connected to.
    #[must_use]
    pub fn destination(&self) -> String {
        qualified(&self.destination_ns, &self.destination_name)
    }
}

impl fmt::Display for Intention {
    /// `web => db (allow)`, or the number of its permissions instead of an action.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} => {} (", self.source(), self.destination())?;
        match self.permissions.len() {
            0 => f.write_str(&self.action)?,
            1 => f.write_str("1 permission")?,
            many => write!(f, "{many} permissions")?,
        }
        f.write_str(")")
    }
}

fn qualified(namespace: &str, name: &str) -> String {
    if namespace.is_empty() || namespace == "default" {
        name.to_owned()
    } else {
        format!("{namespace}/{name}")
    }
}
