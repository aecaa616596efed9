//! The proxy part of a registration: what a sidecar stands for, what it dials and how.

use serde::{Deserialize, Serialize};

use crate::{Name, Opaque, is_default};

/// What a connect-proxy or a gateway is told at registration (`ConnectProxyConfig`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct ProxyConfig {
    /// Envoy extensions, from central configuration.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub envoy_extensions: Vec<EnvoyExtension>,
    /// The service that the proxy stands for.
    #[serde(skip_serializing_if = "is_default")]
    pub destination_service_name: Name,
    /// The instance that the proxy stands for; empty for any on its node.
    #[serde(rename = "DestinationServiceID", skip_serializing_if = "is_default")]
    pub destination_service_id: Name,
    /// Where the application listens; `127.0.0.1` where empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub local_service_address: String,
    /// Port that the application listens on.
    #[serde(skip_serializing_if = "is_default")]
    pub local_service_port: i32,
    /// Unix socket that the application listens on, instead of address and port.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub local_service_socket_path: String,
    /// `""`, `direct` or `transparent`.
    pub mode: String,
    /// Settings passed on to the proxy.
    #[serde(skip_serializing_if = "Opaque::is_empty")]
    pub config: Opaque,
    /// What the application dials through the proxy.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub upstreams: Vec<Upstream>,
    /// How other datacenters and peers are reached.
    pub mesh_gateway: MeshGateway,
    /// Paths that are reachable without mutual TLS.
    pub expose: Expose,
    /// Settings of the transparent mode.
    #[serde(skip_serializing_if = "is_default")]
    pub transparent_proxy: TransparentProxy,
    /// Whether plain-text connections are taken; only central configuration sets it.
    #[serde(rename = "MutualTLSMode", skip)]
    pub mutual_tls_mode: String,
    /// Envoy's access logs.
    #[serde(skip_serializing_if = "is_default")]
    pub access_logs: AccessLogs,
}

/// A service that a proxy dials for its application.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Upstream {
    /// `service` or `prepared_query`; empty means `service`.
    pub destination_type: String,
    /// Namespace of the destination.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub destination_namespace: String,
    /// Partition of the destination.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub destination_partition: String,
    /// Peer that the destination is imported from.
    #[serde(skip_serializing_if = "is_default")]
    pub destination_peer: Name,
    /// Name of the service or of the prepared query.
    pub destination_name: Name,
    /// Datacenter of the destination; the proxy's own where empty.
    pub datacenter: String,
    /// Where the proxy listens for the application; `127.0.0.1` where empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub local_bind_address: String,
    /// Port that the proxy listens on for the application.
    #[serde(skip_serializing_if = "is_default")]
    pub local_bind_port: i32,
    /// Unix socket that the proxy listens on, instead of address and port.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub local_bind_socket_path: String,
    /// Mode of that socket, in octal digits.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub local_bind_socket_mode: String,
    /// Settings passed on to the proxy.
    #[serde(skip_serializing_if = "Opaque::is_empty")]
    pub config: Opaque,
    /// How other datacenters and peers are reached.
    pub mesh_gateway: MeshGateway,
    /// Whether central configuration, not the registration, asked for it.
    #[serde(skip_serializing_if = "is_default")]
    pub centrally_configured: bool,
}

/// Through which gateways traffic leaves for another datacenter or peer.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct MeshGateway {
    /// `""` (whatever a wider scope says), `none`, `local` or `remote`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub mode: String,
}

/// What of an application is reachable without mutual TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Expose {
    /// Whether every HTTP and gRPC check of the instance is.
    #[serde(skip_serializing_if = "is_default")]
    pub checks: bool,
    /// Paths that are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<ExposePath>,
}

/// A path that is reachable without mutual TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct ExposePath {
    /// Port that the proxy listens on for it.
    #[serde(skip_serializing_if = "is_default")]
    pub listener_port: i32,
    /// The HTTP path.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// Port of the application.
    #[serde(skip_serializing_if = "is_default")]
    pub local_path_port: i32,
    /// `http` or `http2`; empty means `http`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub protocol: String,
    /// Whether a health check, not the registration, asked for it.
    #[serde(skip_serializing_if = "is_default")]
    pub parsed_from_check: bool,
}

/// Settings of the transparent mode.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct TransparentProxy {
    /// Port of the outbound listener; 15001 where 0.
    #[serde(skip_serializing_if = "is_default")]
    pub outbound_listener_port: i32,
    /// Whether instances may be dialled by their own address.
    #[serde(skip_serializing_if = "is_default")]
    pub dialed_directly: bool,
}

/// Envoy's access logs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct AccessLogs {
    /// Whether there are any.
    #[serde(skip_serializing_if = "is_default")]
    pub enabled: bool,
    /// Whether connections that match no filter chain are left out.
    #[serde(skip_serializing_if = "is_default")]
    pub disable_listener_logs: bool,
    /// `""` (standard output), `stdout`, `stderr` or `file`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub r#type: String,
    /// The file, where the type is `file`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// A line's format as a JSON object.
    #[serde(rename = "JSONFormat", skip_serializing_if = "String::is_empty")]
    pub json_format: String,
    /// A line's format as text.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub text_format: String,
}

impl AccessLogs {
    /// Keys and Envoy's operators of a line, where no format is asked for.
    pub const DEFAULT_FORMAT: [(&str, &str); 24] = [
        ("start_time", "%START_TIME%"),
        ("route_name", "%ROUTE_NAME%"),
        ("method", "%REQ(:METHOD)%"),
        ("path", "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%"),
        ("protocol", "%PROTOCOL%"),
        ("response_code", "%RESPONSE_CODE%"),
        ("response_flags", "%RESPONSE_FLAGS%"),
        ("response_code_details", "%RESPONSE_CODE_DETAILS%"),
        (
            "connection_termination_details",
            "%CONNECTION_TERMINATION_DETAILS%",
        ),
        ("bytes_received", "%BYTES_RECEIVED%"),
        ("bytes_sent", "%BYTES_SENT%"),
        ("duration", "%DURATION%"),
        (
            "upstream_service_time",
            "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%",
        ),
        ("x_forwarded_for", "%REQ(X-FORWARDED-FOR)%"),
        ("user_agent", "%REQ(USER-AGENT)%"),
        ("request_id", "%REQ(X-REQUEST-ID)%"),
        ("authority", "%REQ(:AUTHORITY)%"),
        ("upstream_host", "%UPSTREAM_HOST%"),
        ("upstream_cluster", "%UPSTREAM_CLUSTER%"),
        ("upstream_local_address", "%UPSTREAM_LOCAL_ADDRESS%"),
        ("downstream_local_address", "%DOWNSTREAM_LOCAL_ADDRESS%"),
        ("downstream_remote_address", "%DOWNSTREAM_REMOTE_ADDRESS%"),
        ("requested_server_name", "%REQUESTED_SERVER_NAME%"),
        (
            "upstream_transport_failure_reason",
            "%UPSTREAM_TRANSPORT_FAILURE_REASON%",
        ),
    ];
}

/// An Envoy extension and its arguments.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct EnvoyExtension {
    /// Name of the extension, such as `builtin/lua`.
    pub name: String,
    /// Whether a failure of it holds back the proxy's configuration.
    pub required: bool,
    /// What it is told.
    pub arguments: Opaque,
    /// Constraint on the version of Consul.
    pub consul_version: String,
    /// Constraint on the version of Envoy.
    pub envoy_version: String,
}
