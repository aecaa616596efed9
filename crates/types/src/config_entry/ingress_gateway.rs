//! `ingress-gateway`: where traffic from outside comes into the mesh.

use serde::{Deserialize, Serialize};

use super::header_modifiers::HeaderModifiers;
use super::upstream::PassiveHealthCheck;
use super::{Ignored, is_http_like};
use crate::names::WILDCARD;
use crate::{Meta, ServiceName, is_default};

mod check;

/// An `ingress-gateway` entry as a client wrote it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct RawIngressGateway {
    /// Ignored: the kind is known before the fields are read.
    #[serde(skip_serializing)]
    pub kind: Ignored,
    /// Ignored: writes assign it.
    #[serde(skip_serializing)]
    pub create_index: Ignored,
    /// Ignored: writes assign it.
    #[serde(skip_serializing)]
    pub modify_index: Ignored,
    /// Ignored: computed from the rest.
    #[serde(skip_serializing)]
    pub hash: Ignored,
    /// Service name of the gateway.
    pub name: String,
    /// TLS of every listener.
    #[serde(rename = "TLS")]
    pub tls: GatewayTls,
    /// Where it listens. Absent and empty print differently.
    pub listeners: Option<Vec<IngressListener>>,
    /// Limits of every service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub defaults: Option<IngressServiceDefaults>,
    /// Free-form pairs.
    #[serde(skip_serializing_if = "Meta::is_empty")]
    pub meta: Meta,
}

/// Limits of every service behind an ingress gateway; none where 0.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct IngressServiceDefaults {
    /// Most connections.
    pub max_connections: u32,
    /// Most requests that wait for a connection.
    pub max_pending_requests: u32,
    /// Most requests at a time.
    pub max_concurrent_requests: u32,
    /// Outlier detection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passive_health_check: Option<PassiveHealthCheck>,
}

/// A port that an ingress gateway listens on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct IngressListener {
    /// The port; not checked, as in Consul, but for being there once.
    pub port: i64,
    /// `tcp`, `http`, `http2` or `grpc`, in lower case once checked; `tcp` where empty.
    pub protocol: String,
    /// TLS of this listener, in place of the gateway's.
    #[serde(rename = "TLS", skip_serializing_if = "Option::is_none")]
    pub tls: Option<GatewayTls>,
    /// The services behind it.
    pub services: Option<Vec<IngressService>>,
}

/// A service behind a listener.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct IngressService {
    /// The service, or `*` for every one that speaks the listener's protocol.
    pub name: String,
    /// Hosts by which it is asked for.
    pub hosts: Option<Vec<String>>,
    /// Its certificate, in place of the listener's.
    #[serde(rename = "TLS", skip_serializing_if = "Option::is_none")]
    pub tls: Option<GatewayServiceTls>,
    /// What happens to the headers of requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_headers: Option<HeaderModifiers>,
    /// What happens to the headers of responses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_headers: Option<HeaderModifiers>,
    /// Most connections; the gateway's where 0.
    #[serde(skip_serializing_if = "is_default")]
    pub max_connections: u32,
    /// Most requests that wait for a connection; the gateway's where 0.
    #[serde(skip_serializing_if = "is_default")]
    pub max_pending_requests: u32,
    /// Most requests at a time; the gateway's where 0.
    #[serde(skip_serializing_if = "is_default")]
    pub max_concurrent_requests: u32,
    /// Outlier detection, in place of the gateway's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passive_health_check: Option<PassiveHealthCheck>,
    /// Free-form pairs; not limited, as in Consul.
    #[serde(skip_serializing_if = "Meta::is_empty")]
    pub meta: Meta,
}

/// TLS towards clients outside the mesh.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct GatewayTls {
    /// Whether the gateway shows its certificate of the mesh.
    pub enabled: bool,
    /// Where another certificate comes from.
    #[serde(rename = "SDS", skip_serializing_if = "Option::is_none")]
    pub sds: Option<GatewayTlsSds>,
    /// `""`, `TLS_AUTO`, or `TLSv1_0` to `TLSv1_3`.
    #[serde(rename = "TLSMinVersion", skip_serializing_if = "String::is_empty")]
    pub tls_min_version: String,
    /// `""`, `TLS_AUTO`, or `TLSv1_0` to `TLSv1_3`.
    #[serde(rename = "TLSMaxVersion", skip_serializing_if = "String::is_empty")]
    pub tls_max_version: String,
    /// Cipher suites up to TLS 1.2, by their IANA names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cipher_suites: Vec<String>,
}

/// TLS of one service behind a listener.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct GatewayServiceTls {
    /// Where its certificate comes from.
    #[serde(rename = "SDS", skip_serializing_if = "Option::is_none")]
    pub sds: Option<GatewayTlsSds>,
}

/// A certificate that Envoy is given by somebody else's discovery service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct GatewayTlsSds {
    /// Cluster of the discovery service, from Envoy's bootstrap.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cluster_name: String,
    /// Name of the certificate there.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cert_resource: String,
}

/// A checked `ingress-gateway` entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IngressGateway(RawIngressGateway);

impl IngressGateway {
    /// Its fields, normalised.
    #[must_use]
    pub const fn raw(&self) -> &RawIngressGateway {
        &self.0
    }

    /// Service name of the gateway.
    #[must_use]
    pub fn gateway(&self) -> ServiceName {
        ServiceName::new(self.0.name.as_str())
    }

    /// Where it listens.
    pub fn listeners(&self) -> impl Iterator<Item = &IngressListener> {
        self.0.listeners.iter().flatten()
    }

    /// The services behind its listeners by name, each time that it is there. Wildcards are none.
    pub fn services(&self) -> impl Iterator<Item = ServiceName> + '_ {
        let services = self.listeners().flat_map(IngressListener::services);
        services
            .filter(|service| service.name != WILDCARD)
            .map(|service| ServiceName::new(service.name.as_str()))
    }
}

impl IngressListener {
    /// The services behind it.
    pub fn services(&self) -> impl Iterator<Item = &IngressService> {
        self.services.iter().flatten()
    }

    /// Whether its traffic is made of requests.
    #[must_use]
    pub fn is_http_like(&self) -> bool {
        is_http_like(&self.protocol)
    }
}

impl IngressService {
    /// Hosts by which it is asked for.
    pub fn hosts(&self) -> impl Iterator<Item = &String> {
        self.hosts.iter().flatten()
    }
}
