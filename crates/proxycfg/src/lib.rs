//! What a proxy's Envoy configuration is made from: a [`Builder`] says which derived values it needs, takes
//! them in as they come, and yields an immutable [`Snapshot`] that points at them.
//!
//! Invariant: a snapshot holds pointers to shared values and copies none of them.
//! Invariant: a proxy's bad input is reported in its own snapshot and reaches no other proxy.
//! Invariant: no I/O, no clock, no `async`; whoever drives a builder subscribes for it.

mod builder;
mod opaque;
mod problem;
mod registration;
mod settings;
mod snapshot;
mod upstream_id;

pub use builder::{Builder, Need, Status};
pub use opaque::{Found, SettingError};
pub use problem::{Problem, Reason};
pub use registration::{Bind, Definition, Registration};
pub use settings::{Limits, PassiveHealthCheck, ProxySettings, UpstreamSettings};
pub use snapshot::{Snapshot, Upstream};
pub use upstream_id::UpstreamId;
