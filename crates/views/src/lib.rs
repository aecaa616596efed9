//! Computes derived values from snapshots of the tables, holds those that somebody asks for, and recomputes
//! after a change just those that the change concerns.
//!
//! Invariant: a held value is the one that [`compute`] makes of the snapshot given last.
//! Invariant: a value that comes out equal keeps its pointer, and nobody is told.
//! Invariant: an update looks at the views that read what changed, and at no other.

mod compute;
mod entries;
mod exports;
mod gateways;
mod merge;
mod views;
mod visible;

pub use compute::{Settings, compute};
pub use entries::StoredEntries;
pub use exports::exported_services;
pub use gateways::{gateway_services, ingress_gateways_of};
pub use merge::merge;
pub use views::Views;
pub use visible::visible;
