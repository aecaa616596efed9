//! Envoy's aggregated discovery service: real proxies' streams around `proxycfg`, `xds` and `delta`.
//!
//! A [`Service`] serves delta streams: each subscribes to its proxy's registration through a
//! [`tribune_derived::Source`], and sends what a builder, a generator and a session make of it. Who is
//! connected and how far each is, a [`Registry`] tells. [`serve`] is a server for it with limits. [`Values`]
//! is a source for who has a registry of one's own.
//!
//! Invariant: one task a stream; it holds no rule of the protocol or the mesh, only what waits for what.
//! Invariant: what a stream costs is bounded by what its proxy has and subscribes to, however its client
//! behaves, and no stream waits for another.
//! Invariant: private keys are in no log and no status.

mod convert;
mod limits;
mod mailbox;
mod node;
mod pipeline;
mod registry;
mod server;
mod service;
mod stream;
mod values;
mod wire;

pub use limits::Limits;
pub use registry::{Counts, ProxyStatus, Registry, ResourceState, ResourceStatus};
pub use server::serve;
pub use service::{Config, Service};
pub use values::Values;
