//! An agent's own services and checks, and how they get into the catalog.
//!
//! [`Local`] takes registrations, results of checks and the time; [`Local::poll_sync`] says what the
//! catalog must be told.
//!
//! Invariant: what an agent says of its own services wins over what the catalog says of them.
//! Invariant: a registration is taken whole or not at all.

mod alias;
mod check;
mod definition;
mod error;
mod expand;
#[cfg(test)]
mod fixture;
mod health;
mod kind;
mod maintenance;
mod register;
mod restore;
mod state;
mod sync;

pub use check::CheckState;
pub use error::{RegisterError, UnknownCheck, UnknownService};
pub use expand::SidecarPorts;
pub use health::ServiceHealth;
pub use kind::{CheckKind, Probe, ProbeResult, ProbeTarget};
pub use state::{Local, Settings};
pub use sync::{InCatalog, Sync};
