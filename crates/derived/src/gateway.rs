//! What a gateway leads to.

use tribune_types::config_entry::Kind;
use tribune_types::{Index, ServiceName};

/// One service behind an ingress or terminating gateway, as the gateway's entry has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayService {
    /// The gateway.
    pub gateway: ServiceName,
    /// The service.
    pub service: ServiceName,
    /// Kind of the gateway's entry.
    pub kind: Kind,
    /// Port of the ingress listener; 0 behind a terminating gateway.
    pub port: i64,
    /// Protocol of the ingress listener.
    pub protocol: String,
    /// Hosts by which the service is asked for, behind an ingress gateway.
    pub hosts: Vec<String>,
    /// File on the terminating gateway with the authorities that the service's certificate must be of.
    pub ca_file: String,
    /// File on the terminating gateway with its certificate towards the service.
    pub cert_file: String,
    /// File on the terminating gateway with the key of that certificate.
    pub key_file: String,
    /// Name that the terminating gateway asks for in its TLS handshake.
    pub sni: String,
    /// Whether a wildcard brought it in.
    pub from_wildcard: bool,
    /// What is behind a terminating gateway.
    pub target: GatewayTarget,
    /// Whether a terminating gateway sets the host of requests.
    pub auto_host_rewrite: bool,
    /// When the gateway's entry was written first.
    pub create_index: Index,
    /// When the gateway's entry changed last.
    pub modify_index: Index,
}

/// What is behind a terminating gateway.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GatewayTarget {
    /// Nothing that is known yet; ingress gateways do not ask.
    #[default]
    Unknown,
    /// A service with instances.
    Service,
    /// Addresses outside the mesh, from `service-defaults`.
    Destination,
}

/// A service that peers may reach, and which.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExportedService {
    /// The service.
    pub service: ServiceName,
    /// The peers, in order and each once.
    pub peers: Vec<String>,
}
