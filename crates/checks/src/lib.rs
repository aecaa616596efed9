//! Health probes and their one scheduler: TCP connects and HTTP requests, each as often as its check asks.
//!
//! What a result makes of a check is not decided here but by `tribune-local`, which the results go to.
//!
//! Invariant: one task schedules every probe, and a bounded number of them runs at once.
//! Invariant: a probe that is no longer wanted reports nothing.

mod http;
mod plan;
mod probe;
mod scheduler;

pub use scheduler::{Runner, Scheduler};
