//! The HTTP API: routes, parsing, headers and the map from errors to statuses.
//!
//! A request becomes a [`tribune_types::call::Request`] with [`tribune_types::call::Options`]; whoever
//! implements [`Api`] says what it means.
//!
//! Invariant: nothing here knows what the catalog holds or how it is kept.
//! Invariant: every route declares what it needs before its request is parsed or its body is read.
//! Invariant: bytes from the network end in an answer with a status, never in a panic, and no more of a body
//! than its limit is ever held; a snapshot goes by piece by piece.

mod api;
mod body;
mod error;
mod options;
mod params;
mod response;
mod restrictions;
mod route;
mod routes;
mod server;
mod stream;

pub use api::{Api, Settings};
pub use restrictions::{Network, NetworkError, Restrictions};
pub use server::Server;
pub use stream::{Chunks, Streamed};
