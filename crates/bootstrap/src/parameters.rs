//! What a bootstrap is made from.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use tribune_types::proxy::AccessLogs;
use tribune_types::{Opaque, Token};

use crate::Bind;

/// Everything that [`render`](crate::render) needs to know.
#[derive(Debug, Clone)]
pub struct Parameters {
    /// ID of the proxy's registration: Envoy's node ID.
    pub proxy_id: String,
    /// Envoy's node cluster: the destination service of a sidecar, the service name of a gateway.
    pub proxy_cluster: String,
    /// Value of the metrics' `consul.source.service` tag; none where empty.
    pub source_service: String,
    /// Name of the catalog node, where the registration was taken from the catalog and not from the agent.
    pub node_name: Option<String>,
    /// Value of the metrics' `consul.source.datacenter` tag; none where empty.
    pub datacenter: String,
    /// The token that the proxy identifies itself with.
    pub token: Token,
    /// Where the agent serves ADS.
    pub agent: AgentAddress,
    /// Whether the agent's ADS port speaks TLS. Then `agent_ca` must be given.
    pub agent_tls: bool,
    /// PEM of the certificates that the agent's is verified with.
    pub agent_ca: String,
    /// Where Envoy's administration interface listens.
    pub admin: SocketAddr,
    /// File for the administration interface's access log, if `access_logs` says nothing else.
    pub admin_access_log_path: String,
    /// Access logs of the merged proxy configuration.
    pub access_logs: AccessLogs,
    /// The proxy's merged `Proxy.Config`; empty where the central configuration is not to be used.
    pub config: Opaque,
    /// Whether the metrics tags are left out that newer ones have replaced.
    pub omit_deprecated_tags: bool,
    /// Where `/ready` is served, if anywhere.
    pub ready: Option<Bind>,
    /// How Prometheus reads metrics, if the settings say where.
    pub prometheus: Prometheus,
    /// Environment variables that settings may refer to.
    pub environment: BTreeMap<String, String>,
}

/// Where an agent serves ADS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AgentAddress {
    /// A TCP address.
    Tcp {
        /// Its IP address.
        address: IpAddr,
        /// Its port.
        port: u16,
    },
    /// A Unix socket.
    Unix {
        /// Its path.
        path: String,
    },
}

/// How Prometheus reads metrics.
#[derive(Debug, Clone)]
pub struct Prometheus {
    /// Port on 127.0.0.1 that serves the metrics instead of Envoy's administration interface.
    pub backend_port: Option<u16>,
    /// Path that Prometheus asks for.
    pub scrape_path: String,
    /// Certificate for the metrics listeners, which are plain HTTP without it.
    pub tls: Option<PrometheusTls>,
}

/// Files of the certificate that the metrics listeners show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrometheusTls {
    /// What clients are verified with.
    pub ca: TrustedCa,
    /// File of the certificate chain.
    pub cert_file: String,
    /// File of the private key.
    pub key_file: String,
}

/// Where certificates of trusted CAs are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrustedCa {
    /// In a file.
    File(String),
    /// In a folder.
    Folder(String),
}

impl Default for Prometheus {
    fn default() -> Self {
        Self {
            backend_port: None,
            scrape_path: "/metrics".to_owned(),
            tls: None,
        }
    }
}
