//! What every endpoint answers and what every change comes to, over a store that changes made.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests, as in the tests themselves"
)]

mod catalog;
mod config;
mod connect;
mod gateways;
mod health;
mod intentions;
mod permissions;
mod robust;
mod world;
