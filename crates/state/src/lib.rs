//! The tables of the mesh: nodes, services, checks, config entries and the certificate authority's rows,
//! with the indexes that Consul keeps.
//!
//! [`Store::apply`] is the only way in: it takes a [`Command`] and tells the exact [`Key`]s that changed.
//! A [`Snapshot`] is the only way out: an immutable view that costs nothing to make; its reads tell the
//! index of their answer and record in a [`WatchSet`] what the answer depends on.
//!
//! [`Command::encode`] and [`Snapshot::encode`] give both the bytes that they have in a log, on disk and
//! between servers; [`Store::restore`] makes tables of such bytes.
//!
//! Invariant: the same commands in the same order give the same tables, whoever applies them.
//! Invariant: a command is applied whole or not at all, and never panics.
//! Invariant: a read whose result changed has one of its keys among the changes.

mod apply;
mod codec;
mod command;
mod map;
mod recent;
mod snapshot;
mod store;
mod tables;
mod watch;

pub use codec::{DecodeError, Inspection, Restore, TableSize, inspect};
pub use command::{
    ApplyError, Command, Deregistration, Operation, Outcome, Registration, Removed, RestorePart,
};
pub use map::{Iter, Map, MapKey};
pub use snapshot::{CheckServiceNode, Indexed, NodeServices, ServiceNode, Snapshot};
pub use store::{Applied, Store};
pub use tables::{NameKind, Stored, VirtualIp};
pub use watch::{Changes, Key, WatchSet};
