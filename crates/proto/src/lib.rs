//! Bindings of our protobuf files, which lie in `proto/`.
//!
//! They are checked in, so nothing is generated while the project is built; `tests/fresh.rs` proves that
//! they are what the files say, and makes them anew where `UPDATE_GOLDEN=1` is set.
//!
//! Invariant: nothing here is written by hand, and nothing means anything before its reader checked it.

/// Between agents and servers.
pub mod rpc {
    /// Version 1.
    #[expect(
        missing_docs,
        clippy::all,
        clippy::too_many_lines,
        reason = "generated; the protobuf files say what it is"
    )]
    pub mod v1 {
        include!("gen/tribune.rpc.v1.rs");
    }
}
