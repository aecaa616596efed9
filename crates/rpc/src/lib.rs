//! Between agents and servers: requests of the API, derived values, the log's messages, certificates and
//! snapshots, as one gRPC service over mutual TLS.
//!
//! A server implements [`Backend`]. A client agent asks any server and gets what the server itself would
//! say.
//!
//! Invariant: every method says whose certificate it takes, and takes no other.
//! Invariant: with TLS configured, not a byte goes over a connection whose other end was not verified.
//! Invariant: nothing from the network panics, nor is it held without a bound.

mod backend;
mod peer;

pub use backend::{
    AgentIdentity, AutoEncryptRequest, Backend, Certificate, Chunks, Failure, Pending, ProxyReport,
    ProxyState, Reply, SignRequest, Snapshot,
};
pub use peer::{Identity, Peer};
