//! Whole processes and real Envoys, driven as a user would drive them: through the `tribune` command,
//! the HTTP API and the sidecars' listeners. The end-to-end tests and `cargo xtask demo` share it.
//!
//! Everything here blocks the calling thread; one small runtime of its own moves the bytes.
//!
//! Invariant: no crate of the product is linked; what is tested is what a user starts.
//! Invariant: every process is in a group of its own that ends when its value is dropped, and when
//! this process is interrupted.
//! Invariant: ports are free ones, files lie in the folder that the caller names.

mod agent;
mod cluster;
pub mod console;
pub mod envoy;
pub mod examples;
pub mod http;
pub mod load;
mod mesh;
pub mod network;
pub mod ports;
pub mod process;
mod runtime;
mod service;
mod sidecar;
pub mod statics;
pub mod steps;
mod tls;
pub mod wait;
pub mod workspace;

pub use agent::{Agent, Output};
pub use cluster::{Cluster, Node};
pub use mesh::Mesh;
pub use service::Service;
pub use sidecar::{Certificate, Sidecar};
pub use tls::{Identity, Secrets};
