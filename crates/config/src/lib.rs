//! Configuration of the agent: from the texts of files and flags to one checked [`Config`].
//!
//! [`load`] takes [`Source`]s in order of precedence (files as given, then flags), merges them by Consul's
//! rules (of scalars the last one wins, lists append, maps merge), fills in defaults and checks the whole.
//!
//! Invariant: every key is known: used, accepted without effect and said so, or refused by name.
//! Invariant: files, host name and addresses are looked up by the caller; nothing here does I/O.
//! Invariant: no secret is printed by `Debug`.

mod address;
mod ca;
mod check;
mod cluster;
mod config;
mod definitions;
mod error;
mod flags;
mod keys;
mod load;
mod raw;
mod restart;
mod source;
mod tls;

pub use cluster::{Autopilot, Bootstrap, Gossip, GossipKey, Join, Patience, Raft};
pub use config::{
    AclTokens, Config, Connect, DefaultPolicy, Http, Limits, Listener, LogFile, LogLevel, Ports,
    Queries,
};
pub use error::{Error, Problem};
pub use flags::{FLAGS, Flag, Takes};
pub use load::{Loaded, Machine, load};
pub use source::Source;
pub use tls::{Tls, TlsSettings, TlsVersion};
