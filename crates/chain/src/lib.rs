//! The discovery-chain compiler: what a service name resolves to, given the config entries about it.
//!
//! Invariant: checked entries in, a [`Chain`] or a [`CompileError`] out; nothing else is read.

mod chain;
mod compile;

pub use chain::{Chain, Node, Overrides, Resolver, Target};
pub use compile::{CompileError, CompileRequest, Entries, compile};
