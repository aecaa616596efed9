//! Agents and servers over real sockets, with certificates made here.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "rpc/calls.rs"]
mod calls;
#[path = "rpc/certificates.rs"]
mod certificates;
#[path = "rpc/hostile.rs"]
mod hostile;
#[path = "rpc/latency.rs"]
mod latency;
#[path = "rpc/snapshots.rs"]
mod snapshots;
#[path = "rpc/streams.rs"]
mod streams;
#[path = "rpc/tls.rs"]
mod tls;
#[path = "rpc/watch.rs"]
mod watch;
#[path = "rpc/world.rs"]
mod world;
