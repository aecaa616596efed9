//! The discovery-chain compiler: what a service name resolves to, given the config entries about it; and
//! the check that a write leaves those entries in a state that compiles.
//!
//! Invariant: checked entries in, a [`Chain`] or a [`CompileError`] out; nothing else is read.

mod binding;
mod chain;
mod check;
mod compile;
mod customization;
mod entries;
mod names;

pub use binding::bind;
pub use chain::{
    Chain, Failover, Node, Overrides, Resolver, Route, Router, Split, Splitter, Target,
};
pub use check::{CheckError, Proposal, check};
pub use compile::{CompileError, CompileRequest, compile};
pub use entries::Entries;
pub use names::{service_sni, target_id};
