//! Proxies that are connected and what they have of what they should have, as `/v1/mesh/proxies` lists them.

use serde::{Deserialize, Deserializer, Serialize};

/// A proxy that is connected to an agent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Proxy {
    /// ID of the proxy's service instance.
    #[serde(rename = "ID")]
    pub id: String,
    /// The node that the instance is on.
    pub node: String,
    /// What kind of proxy it is, such as `connect-proxy`; empty while it is not registered.
    pub kind: String,
    /// The service it is registered as; empty while it is not registered.
    pub service: String,
    /// When it connected, RFC 3339.
    pub connected_since: String,
    /// The address that it connected from; empty where that is not known.
    pub address: String,
    /// Its version, where it is an Envoy that says so; else empty.
    pub version: String,
    /// `ready`, or why it has no configuration.
    pub state: String,
    /// What it was told and what it did with that.
    #[serde(deserialize_with = "nullable")]
    pub resources: Vec<Resource>,
    /// What could not be built for it, and why: its own configuration is wrong there.
    #[serde(deserialize_with = "nullable")]
    pub problems: Vec<String>,
}

/// A resource that a proxy subscribes to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Resource {
    /// Type of the resource: the last part of its type URL, such as `Listener`.
    pub r#type: String,
    /// Name of the resource.
    pub name: String,
    /// How far the proxy is with it.
    pub state: State,
    /// The version that the proxy should have; empty where there is none.
    pub version: String,
    /// The proxy's own words, where it refused that version.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// How far a proxy is with a resource.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It has accepted the version that it should have.
    Synced,
    /// It was sent that version and has not answered yet.
    Sent,
    /// That version waits to be sent.
    #[default]
    Stale,
    /// It refused that version and goes on with the last one that it accepted.
    Rejected,
    /// It asked for something that does not exist.
    Missing,
}

/// Where a list may be missing, as in JSON of other makers.
fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}
