//! What the leader does because it leads: it keeps the catalog's nodes as gossip sees them, and decides who
//! belongs to the log.
//!
//! The decisions are values ([`reconcile`], [`bootstrap`], [`Autopilot`]); [`Duties`] runs those that concern the
//! catalog. Gossip says who is alive and where, so that is all that is taken from it.

mod autopilot;
mod bootstrap;
mod duties;
mod reconcile;
mod roster;

pub use autopilot::{Action, Autopilot, Peer, View};
pub use bootstrap::{Bootstrap, bootstrap};
pub use duties::Duties;
pub use reconcile::{Local, reconcile};
pub use roster::{ServerMember, server_members};

#[cfg(test)]
mod fixture;
