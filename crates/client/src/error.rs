//! What goes wrong.

use std::io;
use std::path::PathBuf;

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nobody answers at the address.
    #[error("cannot connect to {address}: {source}")]
    Connect {
        /// The address.
        address: String,
        /// What the system said.
        source: io::Error,
    },
    /// The connection broke while the request was under way; whether it was carried out is not known.
    #[error("{path}: {source}")]
    Transport {
        /// What was requested.
        path: String,
        /// What happened.
        source: hyper::Error,
    },
    /// The agent answered with an error.
    #[error("Unexpected response code: {status} ({})", body.trim_end())]
    Status {
        /// The HTTP status.
        status: u16,
        /// The text of the answer.
        body: String,
    },
    /// The answer is not what the endpoint gives.
    #[error("{path}: the answer cannot be read: {source}")]
    Decode {
        /// What was requested.
        path: String,
        /// Where it differs.
        source: serde_json::Error,
    },
    /// The request has a part that HTTP cannot carry, such as a token with a line break.
    #[error("cannot make a request: {0}")]
    Request(#[from] http::Error),
}

impl Error {
    /// Whether the agent answered that what was asked for does not exist.
    #[must_use]
    pub const fn is_not_found(&self) -> bool {
        matches!(self, Self::Status { status: 404, .. })
    }
}

/// Why a client cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The address is malformed.
    #[error(
        "invalid address {address:?}: expected host:port, http://host:port, https://host:port or unix:///path"
    )]
    Address {
        /// The address as given.
        address: String,
    },
    /// A setting is not a boolean.
    #[error("{name}: {value:?} is not a boolean")]
    Boolean {
        /// Name of the environment variable.
        name: &'static str,
        /// Its value.
        value: String,
    },
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file holds no certificate or key.
    #[error("{}: no {expected} in PEM form", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What should be in it.
        expected: &'static str,
    },
    /// A client certificate without its key, or the other way round.
    #[error("a client certificate and its key must be given together")]
    HalfIdentity,
    /// The certificates do not make a TLS configuration.
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
}
