//! The incremental xDS protocol, seen from the server, as plain values.
//!
//! A [`Session`] is one aggregated stream: it takes a client's requests and what a proxy's resources
//! are, and says which responses to send. What a resource's body is, it does not know: bodies are a
//! type parameter that it hands through.
//!
//! Invariant: no I/O, no clock, no `async`, no protobuf.
//!
//! Invariant: memory is bounded by what is subscribed and what exists, never by what has happened. At
//! most one response of a type is unanswered, and the latest state wins.
//!
//! Invariant: a removal is sent only for what the client holds, and what the client rejected is not
//! sent again until it changes or is asked for anew.

mod limits;
mod message;
mod nack;
mod session;
mod status;
mod subscription;

pub use limits::{Limits, RequestError, Unanswered};
pub use message::{Children, Nonce, Request, Resource, ResourceSet, Response, TypeUrl, Version};
pub use session::Session;
pub use status::{ResourceStatus, State};
