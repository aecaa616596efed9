//! A server over logs that behave and logs that do not.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

mod authority;
mod cluster;
mod faults;
mod leader;
mod reads;
mod support;
mod views;
