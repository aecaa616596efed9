//! Clusters of servers in one thread, on a network, disks and a clock that are simulated: what one seed does, it does
//! again.
#![expect(
    clippy::unwrap_used,
    reason = "whatever is not as it should be fails a test"
)]

mod disks;
mod entries;
mod forwarding;
mod history;
mod membership;
mod network;
mod planted;
mod seeds;
mod story;
mod world;
