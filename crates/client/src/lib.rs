//! A typed client of Consul's HTTP API, as Tribune and Consul serve it.
//!
//! [`Client::new`] takes a [`Config`], which [`Config::from_env`] makes of the environment variables that
//! Consul's own tools read. Endpoints are grouped as in the API: [`Client::agent`], [`Client::catalog`],
//! [`Client::health`], [`Client::config_entries`], [`Client::intentions`], [`Client::connect`],
//! [`Client::status`], [`Client::operator`], [`Client::snapshot`], [`Client::mesh`]. Reads take [`QueryOptions`] and give an [`Answer`] with its index;
//! [`Watch`] turns any of them into a sequence of changes by blocking queries.
//!
//! Invariant: no task is spawned and nothing is retried, but for a request that a kept-open connection never took:
//! a request lives as long as its future, and dropping that ends it on the wire too.
//! Invariant: no server crate stands behind this one; it compiles alone with `tribune-types`.

mod agent;
mod answer;
mod body;
mod catalog;
mod client;
mod config;
mod config_entries;
mod connect;
mod error;
mod health;
mod intentions;
mod mesh;
mod operator;
mod options;
mod snapshot;
mod status;
mod tls;
mod transport;
mod watch;

/// What the API answers, as far as callers look into it; fields that an answer lacks are empty.
pub mod rows;

pub use agent::Agent;
pub use answer::Answer;
pub use catalog::Catalog;
pub use client::Client;
pub use config::{Address, BasicAuth, Config, TlsConfig};
pub use config_entries::ConfigEntries;
pub use connect::Connect;
pub use error::{ConfigError, Error};
pub use health::Health;
pub use intentions::{Intentions, MatchBy};
pub use mesh::Mesh;
pub use operator::Operator;
pub use options::{QueryOptions, WriteOptions};
pub use snapshot::{Saved, Snapshot};
pub use status::Status;
pub use transport::Download;
pub use watch::Watch;
