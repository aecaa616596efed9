use serde::{Deserialize, Serialize};

/// A proxy that is connected to the agent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Proxy {
    /// ID of the proxy's service instance.
    #[serde(rename = "ID")]
    pub id: String,
    /// The node that the instance is on.
    pub node: String,
    /// What kind of proxy it is, such as `connect-proxy`.
    pub kind: String,
    /// The service it stands for; its own where it stands for none.
    pub service: String,
    /// When it connected, RFC 3339.
    pub connected_since: String,
    /// Where it connected from.
    pub address: String,
    /// Version of the proxy, as it says itself.
    pub version: String,
    /// What it was told and what it did with that.
    pub resources: Vec<ProxyResource>,
    /// What could not be built for it, and why: its own configuration is wrong there.
    pub problems: Vec<String>,
}

/// A resource that a proxy subscribes to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct ProxyResource {
    /// Type of the resource: the last part of its type URL, such as `Listener`.
    pub r#type: String,
    /// Name of the resource.
    pub name: String,
    /// Whether the proxy has what it should have.
    pub state: ResourceState,
    /// Version that it should have.
    pub version: String,
    /// The proxy's own words, where it refused that version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejection: Option<Rejection>,
}

/// Whether a proxy has what it should have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ResourceState {
    /// It has accepted the version that it should have.
    Synced,
    /// A newer version waits to be sent or to be accepted.
    #[default]
    Stale,
    /// It refused the version that it should have, and goes on with the last one that it accepted.
    Rejected,
}

/// A proxy's refusal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Rejection {
    /// Version that was refused.
    pub version: String,
    /// The proxy's own words.
    pub message: String,
}
