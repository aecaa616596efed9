//! What a user writes to register a service or a check with an agent, over HTTP or in a file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::catalog::{Locality, ServiceAddress, ServiceKind, Weights};
use crate::duration::GoDuration;
use crate::proxy::ProxyConfig;
use crate::{Meta, Name};

/// A service as it is registered with an agent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct ServiceDefinition {
    /// What kind of instance it is.
    pub kind: ServiceKind,
    /// Its ID; its name where empty.
    #[serde(rename = "ID")]
    pub id: Name,
    /// Name of the service.
    pub name: Name,
    /// Its tags.
    pub tags: Option<Vec<String>>,
    /// Where it is reached; the agent's address where empty.
    pub address: String,
    /// Other addresses, by what they are for.
    pub tagged_addresses: Option<BTreeMap<String, ServiceAddress>>,
    /// Free-form pairs.
    pub meta: Option<Meta>,
    /// Its port.
    pub port: i32,
    /// Its Unix socket, instead of address and port.
    pub socket_path: String,
    /// A check of it.
    pub check: Option<CheckType>,
    /// More checks of it.
    pub checks: Option<Vec<CheckType>>,
    /// Its weights by health.
    pub weights: Option<Weights>,
    /// The token that the agent registers it with.
    pub token: String,
    /// Whether anti-entropy keeps the tags that the catalog has.
    pub enable_tag_override: bool,
    /// Region and zone.
    pub locality: Option<Locality>,
    /// What it is told as a proxy.
    pub proxy: Option<ProxyConfig>,
    /// Its part in the mesh.
    pub connect: Option<ServiceConnect>,
    /// Namespace; only `default` exists here.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Partition; only `default` exists here.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub partition: String,
}

/// A service's part in the mesh.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct ServiceConnect {
    /// Whether it speaks the mesh's mutual TLS itself.
    pub native: bool,
    /// A sidecar that the agent registers beside it.
    pub sidecar_service: Option<Box<ServiceDefinition>>,
}

/// A check of a service, in that service's definition or on its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct CheckType {
    /// Its ID; made from the service's ID where empty.
    #[serde(rename = "CheckID")]
    pub check_id: Name,
    /// Its ID, as a check on its own spells it.
    #[serde(rename = "ID")]
    pub id: Name,
    /// Its name.
    pub name: String,
    /// What it says before its first result; critical where empty.
    pub status: String,
    /// Words for people.
    pub notes: String,
    /// The instance it is about; only in a check on its own.
    #[serde(rename = "ServiceID")]
    pub service_id: Name,
    /// The token that the agent registers it with; only in a check on its own.
    pub token: String,
    /// A command that is run.
    pub script_args: Vec<String>,
    /// The same under its older name.
    pub args: Vec<String>,
    /// A URL that must answer with a 2xx status.
    #[serde(rename = "HTTP")]
    pub http: String,
    /// An address that must answer an HTTP/2 ping.
    #[serde(rename = "H2PING")]
    pub h2ping: String,
    /// Whether that ping goes over TLS.
    #[serde(rename = "H2PingUseTLS")]
    pub h2ping_use_tls: Option<bool>,
    /// Headers of the HTTP request.
    pub header: BTreeMap<String, Vec<String>>,
    /// Method of the HTTP request.
    pub method: String,
    /// Body of the HTTP request.
    pub body: String,
    /// Whether redirects are not followed.
    pub disable_redirects: bool,
    /// An address that must accept a connection.
    #[serde(rename = "TCP")]
    pub tcp: String,
    /// Whether that connection goes over TLS.
    #[serde(rename = "TCPUseTLS")]
    pub tcp_use_tls: bool,
    /// An address that must not refuse a datagram.
    #[serde(rename = "UDP")]
    pub udp: String,
    /// How often it runs.
    pub interval: GoDuration,
    /// Node of the instance whose health is repeated.
    pub alias_node: String,
    /// Instance whose health is repeated.
    pub alias_service: String,
    /// A container that the command is run in.
    #[serde(rename = "DockerContainerID")]
    pub docker_container_id: String,
    /// Shell that the command is run with in a container.
    pub shell: String,
    /// An address whose gRPC health service must say SERVING.
    #[serde(rename = "GRPC")]
    pub grpc: String,
    /// Whether gRPC goes over TLS.
    #[serde(rename = "GRPCUseTLS")]
    pub grpc_use_tls: bool,
    /// A service of the operating system that must be active.
    #[serde(rename = "OSService")]
    pub os_service: String,
    /// Name that the certificate of the probed server must have.
    #[serde(rename = "TLSServerName")]
    pub tls_server_name: String,
    /// Whether that certificate is not checked.
    #[serde(rename = "TLSSkipVerify")]
    pub tls_skip_verify: bool,
    /// How long a probe may take.
    pub timeout: GoDuration,
    /// How long a result that the application reports holds.
    #[serde(rename = "TTL")]
    pub ttl: GoDuration,
    /// Good probes in a row before it passes.
    pub success_before_passing: i32,
    /// Bad probes in a row before it warns.
    pub failures_before_warning: i32,
    /// Bad probes in a row before it is critical.
    pub failures_before_critical: i32,
    /// How long it may be critical before its service is removed.
    pub deregister_critical_service_after: GoDuration,
    /// Most bytes of output that are kept; 4,096 where 0.
    pub output_max_size: i32,
    /// Namespace; only `default` exists here.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Partition; only `default` exists here.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub partition: String,
}
