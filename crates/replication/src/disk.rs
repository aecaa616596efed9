//! What a server keeps on disk, over a seam that tests put a disk of their own behind.
//!
//! A data directory holds, beside each other:
//!
//! - `log-SEQUENCE`: the segments of the [`Log`], whose payloads nobody here looks into;
//! - `vote`: what this server has promised ([`VoteFile`]);
//! - `snapshot-SEQUENCE`: the tables as they were at some index ([`Snapshots`]);
//! - `identity`: whose directory it is ([`Identity`]).
//!
//! `docs/formats.md` says what is in them. Everything here blocks, so it belongs on a thread of its own.
//!
//! Invariant: what a call has made durable is there after any crash, or the next open says what is wrong
//! with it. Nothing that is damaged is passed over, and nothing is served without its checksum.
//! Invariant: after a failed sync nothing more is written through the same value.

mod atomic;
mod directory;
mod error;
mod files;
mod identity;
mod log;
mod memory;
mod snapshots;
mod vote;

pub use directory::{Directory, DirectoryError};
pub use error::{Damage, OpenError, ReadError, WriteError};
pub use files::{File, Files};
pub use identity::{Identity, IdentityError};
pub use log::{Cut, Log, Position, Reader, Record, Recovery, Settings};
pub use memory::{Call, Fault, Memory, MemoryFile, Operation};
pub use snapshots::{Chunks, Meta, SnapshotReader, SnapshotRecovery, SnapshotWriter, Snapshots};
pub use vote::VoteFile;
