//! Why no bootstrap can be rendered.

/// A parameter or a setting of the proxy that can't be honoured.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting has a value of another type.
    #[error("{key}: expected {expected}")]
    Type {
        /// The setting's key.
        key: &'static str,
        /// What it takes.
        expected: &'static str,
    },
    /// A listener is to be bound to something that is no address.
    #[error("{key}: expected an address like 0.0.0.0:9102, found {found:?}")]
    BindAddress {
        /// The setting's key.
        key: &'static str,
        /// What it says.
        found: String,
    },
    /// Metrics are to be sent to something that is no address.
    #[error("{key}: expected udp://HOST:PORT or unix:///PATH, found {found:?}")]
    SinkUrl {
        /// The setting's key.
        key: &'static str,
        /// What it says, variables replaced.
        found: String,
    },
    /// A setting refers to an environment variable that is not set.
    #[error("{key}: the environment variable {name} is not set")]
    Variable {
        /// The setting's key.
        key: &'static str,
        /// The variable.
        name: String,
    },
    /// A piece of JSON in a setting can't be read.
    #[error("{key}: not valid JSON: {source}")]
    Json {
        /// The setting's key.
        key: &'static str,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The proxy's own template can't be filled in.
    #[error("envoy_bootstrap_json_tpl: {reason}")]
    Template {
        /// What is wrong with it.
        reason: String,
    },
    /// The agent's gRPC port speaks TLS, but nothing says which CA to trust.
    #[error("the agent's gRPC address uses TLS, which needs a CA to verify it with")]
    MissingCa,
}
