//! A server: the catalog behind its replication, the views over it, and the certificate authority.
//!
//! [`Server`] wires the pure parts together and holds no rule of its own: `state` keeps, `views` derives,
//! `api` answers, `ca` signs.
//!
//! Invariant: everything is told in the order in which it was applied.

mod authority;
pub mod cluster;
mod hub;
pub mod leader;
mod server;

pub use authority::CaSettings;
pub use hub::Hub;
pub use server::{Server, Settings, StartError, Waits};
