//! What every edge of the process needs: waking those who wait for a change, tasks that are accounted
//! for, shutdown, and limits on connections.
//!
//! Invariant: this is the only place that spawns tasks that nobody awaits.
//! Invariant: whoever waits costs memory alone until something that it waits for changes.

mod jitter;
mod listener;
mod shutdown;
mod tasks;
mod watch_hub;

pub use jitter::jitter;
pub use listener::{Accepted, Limits, Listener, Permit, Refusal, Refused};
pub use shutdown::Shutdown;
pub use tasks::{StillRunning, Tasks};
pub use watch_hub::{Waiter, WatchHub};
