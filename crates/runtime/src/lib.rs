//! What every edge needs: shutdown, supervised tasks, accept loops with limits, and the hub where reads wait.
//!
//! Invariant: detached tasks are spawned here alone, and a panic in one is logged, never lost.
//! Invariant: nothing here knows what it carries.

mod accept;
mod hub;
mod jitter;
mod shutdown;
mod tasks;

pub use accept::{Accepted, Counted, Limits, accept};
pub use hub::{Waiter, WatchHub};
pub use jitter::jitter;
pub use shutdown::Shutdown;
pub use tasks::Tasks;
