//! Certificates and what is asked of others'. Files are named here and read by the caller.

/// TLS of each interface.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tls {
    /// Between agents and servers.
    pub internal_rpc: TlsSettings,
    /// The HTTP API.
    pub https: TlsSettings,
    /// gRPC for proxies.
    pub grpc: TlsSettings,
    /// The name that other agents check in this agent's certificate, instead of its node's.
    pub server_name: Option<String>,
}

/// TLS of one interface.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsSettings {
    /// File of certificates that vouch for others.
    pub ca_file: Option<String>,
    /// Folder of such files.
    pub ca_path: Option<String>,
    /// File of the agent's certificate and those that vouch for it.
    pub cert_file: Option<String>,
    /// File of its key.
    pub key_file: Option<String>,
    /// Oldest version that is spoken.
    pub min_version: TlsVersion,
    /// Whether clients have to show a certificate.
    pub verify_incoming: bool,
    /// Whether the certificates of servers are checked.
    pub verify_outgoing: bool,
    /// Whether the certificates of servers have to be for `server.DATACENTER.DOMAIN`.
    pub verify_server_hostname: bool,
}

impl TlsSettings {
    /// Whether there is a certificate to show.
    #[must_use]
    pub const fn has_identity(&self) -> bool {
        self.cert_file.is_some() && self.key_file.is_some()
    }

    /// Whether there are certificates that vouch for others.
    #[must_use]
    pub const fn has_roots(&self) -> bool {
        self.ca_file.is_some() || self.ca_path.is_some()
    }
}

/// A version of TLS.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// 1.2, the oldest that is supported.
    #[default]
    V1_2,
    /// 1.3.
    V1_3,
}
