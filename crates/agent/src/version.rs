//! Versions: the level of Consul that is served, which clients look at, and our own.

/// The level of Consul that is served.
pub const CONSUL_VERSION: &str = "1.21.0";

/// Version of this build.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Versions of Envoy that are tested with, the newest first.
pub(crate) const ENVOY_VERSIONS: [&str; 5] = ["1.40.0", "1.39.3", "1.38.3", "1.37.0", "1.36.4"];
