//! `proxy-defaults`: settings of every proxy.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::invalid::{Invalid, Problems, Reason};
use super::{Ignored, checks};
use crate::proxy::{AccessLogs, EnvoyExtension, Expose, MeshGateway, TransparentProxy};
use crate::{Meta, Name, Opaque};

/// The only name that a `proxy-defaults` entry can have.
pub const PROXY_DEFAULTS_NAME: &str = "global";

/// A `proxy-defaults` entry as a client wrote it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct RawProxyDefaults {
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
    /// `global`, also where empty.
    pub name: Name,
    /// Settings passed on to proxies. Absent and empty print differently.
    pub config: Option<Opaque>,
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
    /// Envoy's access logs.
    pub access_logs: AccessLogs,
    /// Envoy extensions, before those of a service.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub envoy_extensions: Vec<EnvoyExtension>,
    /// How failover targets are ordered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failover_policy: Option<FailoverPolicy>,
    /// Whether near instances come first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prioritize_by_locality: Option<PrioritizeByLocality>,
    /// Free-form pairs.
    #[serde(skip_serializing_if = "Meta::is_empty")]
    pub meta: Meta,
}

/// How failover targets are ordered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct FailoverPolicy {
    /// `""`, `sequential` or `order-by-locality`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub mode: String,
    /// Regions in the order of preference.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub regions: Vec<String>,
}

/// Whether near instances come first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct PrioritizeByLocality {
    /// Empty here; other modes are a Consul Enterprise feature.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub mode: String,
}

/// A checked `proxy-defaults` entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyDefaults {
    raw: RawProxyDefaults,
    protocol: String,
}

impl ProxyDefaults {
    /// Its fields, normalised.
    #[must_use]
    pub const fn raw(&self) -> &RawProxyDefaults {
        &self.raw
    }

    /// The `protocol` of its `Config`, as it is written there; empty where there is none. Consul does not
    /// check which protocol it is.
    #[must_use]
    pub fn protocol(&self) -> &str {
        &self.protocol
    }
}

impl TryFrom<RawProxyDefaults> for ProxyDefaults {
    type Error = Invalid;

    fn try_from(mut raw: RawProxyDefaults) -> Result<Self, Invalid> {
        let mut problems = Problems::default();
        if raw.name.is_empty() {
            raw.name = PROXY_DEFAULTS_NAME.into();
        }
        problems.one_of("Name", &raw.name, &[PROXY_DEFAULTS_NAME]);
        checks::access_logs(&mut problems, &raw.access_logs);
        checks::meta(&mut problems, "Meta", &raw.meta);
        checks::extensions(&mut problems, &raw.envoy_extensions);
        if let Some(policy) = &raw.failover_policy {
            problems.one_of(
                "FailoverPolicy.Mode",
                &policy.mode,
                &["", "sequential", "order-by-locality"],
            );
        }
        let by_locality = raw
            .prioritize_by_locality
            .as_ref()
            .is_some_and(|prioritize| !prioritize.mode.is_empty());
        problems.add_if(by_locality, "PrioritizeByLocality.Mode", Reason::Enterprise);
        problems.one_of(
            "MutualTLSMode",
            &raw.mutual_tls_mode,
            checks::MUTUAL_TLS_MODES,
        );
        let protocol = opaque(&mut problems, &raw);
        problems.finish()?;
        Ok(Self { raw, protocol })
    }
}

/// Checks what is known of the opaque settings, and reads their protocol.
fn opaque(problems: &mut Problems, raw: &RawProxyDefaults) -> String {
    let field = |key: &str| raw.config.as_ref().and_then(|config| config.get(key));
    if let Some(Value::String(folder)) = field("envoy_hcp_metrics_bind_socket_dir") {
        problems.add_if(
            folder.len() > 70,
            "Config.envoy_hcp_metrics_bind_socket_dir",
            Reason::TooLong(70),
        );
    }
    match field("protocol") {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(protocol)) => protocol.clone(),
        Some(Value::Bool(flag)) => u8::from(*flag).to_string(),
        Some(Value::Number(number)) => number.to_string(),
        Some(other) => {
            problems.add(
                "Config.protocol",
                Reason::Malformed {
                    value: other.to_string(),
                    expected: "a protocol",
                },
            );
            String::new()
        }
    }
}
