//! `service-defaults`: settings of one service and of its proxies.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::invalid::{Invalid, Problems, Reason};
use super::upstream::UpstreamConfiguration;
use super::{Ignored, checks};
use crate::names::WILDCARD;
use crate::proxy::{EnvoyExtension, Expose, MeshGateway, TransparentProxy};
use crate::{Meta, ServiceName, is_default};

const PROTOCOLS: &[&str] = &["", "tcp", "http", "http2", "grpc"];

/// A `service-defaults` entry as a client wrote it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct RawServiceDefaults {
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
    /// The service; not `*`.
    pub name: String,
    /// `""`, `tcp`, `http`, `http2` or `grpc`, in lower case once checked. An entry without one means `tcp`.
    pub protocol: String,
    /// `""`, `direct` or `transparent`; not checked, as in Consul.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub mode: String,
    /// Settings of the transparent mode.
    pub transparent_proxy: TransparentProxy,
    /// `""`, `strict` or `permissive`.
    #[serde(rename = "MutualTLSMode", skip_serializing_if = "String::is_empty")]
    pub mutual_tls_mode: String,
    /// How other datacenters and peers are reached.
    pub mesh_gateway: MeshGateway,
    /// Paths that are reachable without mutual TLS.
    pub expose: Expose,
    /// Name that a client asks for in its TLS handshake, for a service that lies outside the mesh.
    #[serde(rename = "ExternalSNI", skip_serializing_if = "String::is_empty")]
    pub external_sni: String,
    /// Settings of its upstreams. Absent and empty print differently.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream_config: Option<UpstreamConfiguration>,
    /// Where the service is, if it lies outside the mesh.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination: Option<Destination>,
    /// Most connections that a proxy takes; no limit unless positive.
    #[serde(skip_serializing_if = "is_default")]
    pub max_inbound_connections: i64,
    /// Time to connect to the application, in milliseconds; not set unless positive.
    #[serde(skip_serializing_if = "is_default")]
    pub local_connect_timeout_ms: i64,
    /// Time that a request to the application may take, in milliseconds; not set unless positive.
    #[serde(skip_serializing_if = "is_default")]
    pub local_request_timeout_ms: i64,
    /// `""` or `exact_balance`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub balance_inbound_connections: String,
    /// Refused: a Consul Enterprise feature.
    #[serde(skip_serializing)]
    pub rate_limits: Option<Ignored>,
    /// Envoy extensions, after those of the proxy defaults.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub envoy_extensions: Vec<EnvoyExtension>,
    /// Free-form pairs.
    #[serde(skip_serializing_if = "Meta::is_empty")]
    pub meta: Meta,
}

/// Where a service outside the mesh is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Destination {
    /// Host names or IP addresses, at least one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
    /// Its port, 1 to 65,535.
    #[serde(skip_serializing_if = "is_default")]
    pub port: i64,
}

/// A checked `service-defaults` entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceDefaults(RawServiceDefaults);

impl ServiceDefaults {
    /// Its fields, normalised.
    #[must_use]
    pub const fn raw(&self) -> &RawServiceDefaults {
        &self.0
    }

    /// The service that it is about.
    #[must_use]
    pub fn service(&self) -> ServiceName {
        ServiceName::new(self.0.name.as_str())
    }
}

impl TryFrom<RawServiceDefaults> for ServiceDefaults {
    type Error = Invalid;

    fn try_from(mut raw: RawServiceDefaults) -> Result<Self, Invalid> {
        let mut problems = Problems::default();
        raw.protocol.make_ascii_lowercase();
        checks::name(&mut problems, "Name", &raw.name);
        problems.add_if(raw.name == WILDCARD, "Name", Reason::Wildcard);
        checks::meta(&mut problems, "Meta", &raw.meta);
        problems.one_of(
            "BalanceInboundConnections",
            &raw.balance_inbound_connections,
            checks::BALANCE,
        );
        problems.one_of("Protocol", &raw.protocol, PROTOCOLS);
        if let Some(upstreams) = &mut raw.upstream_config {
            upstreams.normalize();
            upstreams.check(&mut problems);
        }
        if let Some(destination) = &raw.destination {
            problems.add_if(
                raw.upstream_config.is_some(),
                "Destination",
                Reason::Excludes("UpstreamConfig"),
            );
            destination.check(&mut problems);
        }
        problems.add_if(raw.rate_limits.is_some(), "RateLimits", Reason::Enterprise);
        checks::extensions(&mut problems, &raw.envoy_extensions);
        problems.one_of(
            "MutualTLSMode",
            &raw.mutual_tls_mode,
            checks::MUTUAL_TLS_MODES,
        );
        problems.finish()?;
        Ok(Self(raw))
    }
}

impl Destination {
    fn check(&self, problems: &mut Problems) {
        problems.add_if(
            self.addresses.is_empty(),
            "Destination.Addresses",
            Reason::Required,
        );
        for (i, address) in self.addresses.iter().enumerate() {
            let at = format!("Destination.Addresses[{i}]");
            if self.addresses[..i].contains(address) {
                problems.add(&at, Reason::Duplicate(address.clone()));
            }
            // Consul takes about anything for a host name; what Envoy would refuse is reported with the proxy.
            if address.parse::<IpAddr>().is_err() && (address.is_empty() || address.contains('*')) {
                let expected = "an IP address or a host name";
                problems.add(
                    &at,
                    Reason::Malformed {
                        value: address.clone(),
                        expected,
                    },
                );
            }
        }
        problems.range("Destination.Port", self.port, 1, 65_535);
    }
}
