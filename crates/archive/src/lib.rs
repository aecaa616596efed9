//! The file that a snapshot of a cluster travels in: a compressed tar archive of `meta.json`, which says what
//! the snapshot is, `state.bin`, which is it, and `SHA256SUMS`, with which both are checked.
//!
//! Invariant: nothing of an archive counts before all of it has come and is what was written.
//! Invariant: a state of any size goes through; nothing but its checksums is held in memory.

mod meta;
mod read;
mod sums;
mod write;

pub use meta::Meta;
pub use read::{ReadError, read};
pub use write::write;

/// Name of the file that says what a snapshot is.
const META: &str = "meta.json";
/// Name of the file that is the snapshot.
const STATE: &str = "state.bin";
/// Name of the file with the checksums of the other two.
const SUMS: &str = "SHA256SUMS";

#[cfg(test)]
mod tests;
