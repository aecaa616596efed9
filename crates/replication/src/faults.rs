//! What can go wrong between a proposer and the log, done on purpose: a handle with faults behaves as one
//! over a network does on its bad days.

use std::time::Duration;

/// What happens to one proposal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// It takes this much longer.
    Delay(Duration),
    /// It never reaches the log, and nobody knows.
    LoseRequest,
    /// It is applied, and nobody knows.
    LoseAnswer,
    /// Another server leads.
    NotLeader(Option<String>),
    /// Nobody leads.
    Unavailable,
}

/// Decides what happens to proposals.
pub trait Faults: Send + Sync + 'static {
    /// What happens to the proposal with this number, counted from 0.
    fn next(&self, number: u64) -> Fault;
}

impl<F: Fn(u64) -> Fault + Send + Sync + 'static> Faults for F {
    fn next(&self, number: u64) -> Fault {
        self(number)
    }
}
