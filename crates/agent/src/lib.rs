//! The agent: its own services and checks, the HTTP API and the discovery service of its proxies. An agent
//! that is a server runs `tribune_server` in the same process.
//!
//! Invariant: registrations live in `tribune_local`, and reach the catalog through anti-entropy alone.
//! Invariant: there is one way to run an agent, whatever else the process is.

mod agent;
mod anti_entropy;
mod api;
mod arguments;
mod catalog;
mod cluster;
mod definitions;
mod latest;
mod listeners;
mod log;
mod machine;
mod probes;
mod process;
mod reload;
mod requests;
mod rpc;
mod run;
mod running;
mod saved;
mod servers;
mod start;
mod version;

pub use arguments::{Command, UsageError, parse};
pub use run::{exit, main};
pub use version::{CONSUL_VERSION, VERSION};
