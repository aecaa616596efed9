//! Generates Envoy's configuration (xDS v3) from a proxy's snapshot.
//!
//! A [`Generator`] belongs to one proxy and says what changed between two snapshots; a [`Memo`] is shared by
//! all of them, so that what is made from shared values alone is encoded once. Resources are bytes with a
//! name and a version: whoever sends them needs no protobuf.
//!
//! Invariant: what cannot be built is reported in [`Changed::problems`], and the rest is served.
//! Invariant: a resource is rebuilt only when a value that it was made from is another one, and the same
//! values always give the same bytes and the same version.
//! Invariant: certificates and keys are secrets by name; no other resource carries them.
//! Invariant: no I/O, no clock, no `async`.

mod access_logs;
mod check;
mod clusters;
mod endpoints;
mod generator;
mod json;
mod listeners;
mod memo;
mod names;
mod problem;
mod rbac;
mod resource;
mod routes;
mod secrets;
mod tls;
mod wire;

pub use check::{Dangling, check};
pub use generator::{Changed, Generator};
pub use json::{JsonError, dump};
pub use memo::Memo;
pub use problem::{Problem, Reason};
pub use resource::{Resource, ResourceType};
pub use secrets::{LEAF, ROOTS, leaf};
