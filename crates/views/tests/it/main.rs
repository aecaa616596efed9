//! Views over real tables.

#![expect(
    clippy::unwrap_used,
    reason = "a fixture that does not parse fails its test"
)]

mod merge;
mod updates;
mod values;
mod visible;
mod world;
