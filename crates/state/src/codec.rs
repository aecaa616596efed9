//! The form that commands and tables have in a log, in a snapshot and between servers.
//!
//! Both are MessagePack with the names of all fields, after a version. Fields that say what they say by
//! default are left out; a field, an operation or a table that is not known is refused and never dropped.
//!
//! A command is one byte, its version, and a map of `request_id` (16 bytes, where there is one) and
//! `operation` (a map of one operation's name to its fields). Tables are frames, see [`frames`].
//!
//! What is written here is read for as long as there are logs and snapshots that have it. So a field is
//! never renamed, and never means something else; a new one has a default, which is what its absence
//! means. Whatever an older version would have to refuse comes with a new version number, so that it can
//! say which one it would need.
//!
//! Invariant: equal commands, and equal tables, have equal bytes.
//! Invariant: what was encoded is decoded to what it was, to the letter.

mod command;
mod entry;
mod error;
mod form;
mod frames;
mod inspect;
mod later;
mod names;
mod outcome;
mod restore;
mod rows;
mod snapshot;

pub use error::DecodeError;
pub use inspect::{Inspection, TableSize, inspect};
pub use restore::Restore;

/// Newest version of the form of commands. The second one has settings of autopilot and restorations; whatever the
/// first one can say is written in it.
const COMMANDS: u8 = 2;

/// Newest version of the form of tables. The second one has settings of autopilot and what is being restored; tables
/// without either are written in the first one.
const TABLES: u32 = 2;
