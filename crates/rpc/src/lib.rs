//! Between agents and servers: requests of the API, derived values, the log's messages, certificates and
//! snapshots, as one gRPC service over mutual TLS.
//!
//! A server implements [`Backend`] and is served by [`serve`]. An agent asks through a [`Client`], any server
//! of its datacenter, and gets what that server itself would say.
//!
//! Invariant: every method says whose certificate it takes, and takes no other.
//! Invariant: with TLS configured, not a byte goes over a connection whose other end was not verified.
//! Invariant: nothing from the network panics, nor is it held without a bound.

mod backend;
mod bucket;
mod client;
mod convert;
mod encodings;
mod limits;
mod method;
mod peer;
mod serve;
mod service;
mod snapshot;
pub mod tls;
mod version;
mod watch;

pub use backend::{
    AgentIdentity, AutoEncryptRequest, Backend, Call, Certificate, Chunks, Failure, Pending,
    ProxyReport, ProxyState, Reply, SignRequest, Snapshot,
};
pub use client::{Client, ClientSettings, RaftError, Server};
pub use limits::{LimitMode, Limits, RequestLimiter, RequestLimits};
pub use peer::{Identity, Peer};
pub use serve::serve;
