//! The mesh's vocabulary: names, catalog rows, config entries, intentions and the requests of the API.
//!
//! Rows are plain values with Consul's field names in JSON. What needs checking has two forms: a raw
//! one, as a client wrote it, and a checked one that only `TryFrom` makes.
//!
//! Invariant: a checked value is valid, so nobody validates it again.
//! Invariant: nothing here is derived from other rows, and nothing does I/O or reads a clock.

pub mod autopilot;
pub mod call;
pub mod catalog;
pub mod check;
pub mod config_entry;
pub mod connect;
pub mod definition;
pub mod duration;
pub mod intention;
pub mod keyring;
pub mod member;
pub mod names;
pub mod proxy;
pub mod proxy_status;
pub mod raft;
pub mod request;
pub mod spiffe;
pub mod time;
pub mod token;
pub mod validate;

pub use catalog::{Node, NodeService, ServiceAddress, ServiceKind, Weights};
pub use check::{HealthCheck, Status};
pub use duration::GoDuration;
pub use names::{InstanceName, Name, NodeName, PeerName, PeeredServiceName, ServiceName, Tenancy};
pub use token::Token;

/// A Raft log index, as in `CreateIndex`, `ModifyIndex` and `X-Consul-Index`.
pub type Index = u64;

/// Free-form key–value pairs of strings, in the order of their keys.
pub type Meta = std::collections::BTreeMap<String, String>;

/// A part of a configuration that Consul passes on without looking inside (`Config`).
pub type Opaque = serde_json::Map<String, serde_json::Value>;

/// For `skip_serializing_if`: whether a value is what its type starts as.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
