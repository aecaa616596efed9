//! Settings of the upstreams of a service.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::checks;
use super::invalid::{Problems, Reason};
use crate::names::WILDCARD;
use crate::proxy::MeshGateway;
use crate::{GoDuration, is_default};

/// Settings of the upstreams of a service: of those that are named, and of the others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct UpstreamConfiguration {
    /// For upstreams by name and peer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<UpstreamConfig>,
    /// For every upstream, under the overrides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub defaults: Option<UpstreamConfig>,
}

/// Settings of an upstream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct UpstreamConfig {
    /// The service; empty in defaults.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The peer that it is imported from.
    pub peer: String,
    /// An Envoy listener that replaces the generated one.
    #[serde(rename = "EnvoyListenerJSON", skip_serializing_if = "String::is_empty")]
    pub envoy_listener_json: String,
    /// An Envoy cluster that replaces the generated one.
    #[serde(rename = "EnvoyClusterJSON", skip_serializing_if = "String::is_empty")]
    pub envoy_cluster_json: String,
    /// Its protocol, in lower case once checked; not checked otherwise.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub protocol: String,
    /// Time to establish a connection, in milliseconds; not negative once checked.
    #[serde(skip_serializing_if = "is_default")]
    pub connect_timeout_ms: i64,
    /// Circuit breakers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<UpstreamLimits>,
    /// Outlier detection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passive_health_check: Option<PassiveHealthCheck>,
    /// How it is reached in other datacenters and peers.
    pub mesh_gateway: MeshGateway,
    /// `""` or `exact_balance`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub balance_outbound_connections: String,
}

/// Circuit breakers of an upstream; none where absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct UpstreamLimits {
    /// Most connections.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_connections: Option<i64>,
    /// Most requests that wait for a connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_pending_requests: Option<i64>,
    /// Most requests at a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_concurrent_requests: Option<i64>,
}

/// Outlier detection of an upstream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct PassiveHealthCheck {
    /// How often hosts are judged; printed in nanoseconds.
    #[serde(
        skip_serializing_if = "GoDuration::is_zero",
        serialize_with = "nanoseconds"
    )]
    pub interval: GoDuration,
    /// Failures in a row before a host is ejected. A negative number wraps around, as in Consul.
    #[serde(skip_serializing_if = "is_default", deserialize_with = "wrapping")]
    pub max_failures: u32,
    /// How likely a host with that many failures is ejected, in percent.
    #[serde(
        rename = "EnforcingConsecutive5xx",
        skip_serializing_if = "Option::is_none"
    )]
    pub enforcing_consecutive_5xx: Option<i64>,
    /// Most hosts that may be ejected at a time, in percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_ejection_percent: Option<i64>,
    /// How long a host is ejected for; printed in nanoseconds.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "nanoseconds_if_any"
    )]
    pub base_ejection_time: Option<GoDuration>,
}

pub(super) fn nanoseconds<S: Serializer>(
    duration: &GoDuration,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_i64(duration.as_nanos())
}

fn nanoseconds_if_any<S: Serializer>(
    duration: &Option<GoDuration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    duration.map(GoDuration::as_nanos).serialize(serializer)
}

/// The numbers of a list, each as [`wrapping`] reads it.
pub(super) fn wrapping_list<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<u32>, D::Error> {
    #[derive(Deserialize)]
    struct Wrapping(#[serde(deserialize_with = "wrapping")] u32);
    let numbers = Vec::<Wrapping>::deserialize(deserializer)?;
    Ok(numbers.into_iter().map(|number| number.0).collect())
}

/// A number that is cut to 32 bits, as Consul cuts it.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "wraps around by design"
)]
pub(super) fn wrapping<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    Ok(i64::deserialize(deserializer)? as u32)
}

impl UpstreamConfiguration {
    /// Brings every upstream's settings into their normal form.
    pub(super) fn normalize(&mut self) {
        for upstream in self.overrides.iter_mut().chain(&mut self.defaults) {
            upstream.protocol.make_ascii_lowercase();
            upstream.connect_timeout_ms = upstream.connect_timeout_ms.max(0);
        }
    }

    pub(super) fn check(&self, problems: &mut Problems) {
        for (i, upstream) in self.overrides.iter().enumerate() {
            let at = format!("UpstreamConfig.Overrides[{i}]");
            checks::name(problems, &format!("{at}.Name"), &upstream.name);
            problems.add_if(
                upstream.name == WILDCARD,
                &format!("{at}.Name"),
                Reason::Wildcard,
            );
            upstream.check(problems, &at);
        }
        if let Some(defaults) = &self.defaults {
            let named = Reason::Forbidden("in the defaults for all upstreams");
            problems.add_if(
                !defaults.name.is_empty(),
                "UpstreamConfig.Defaults.Name",
                named,
            );
            defaults.check(problems, "UpstreamConfig.Defaults");
        }
    }
}

impl UpstreamConfig {
    fn check(&self, problems: &mut Problems, at: &str) {
        if let Some(limits) = &self.limits {
            let rows = [
                ("MaxConnections", limits.max_connections),
                ("MaxPendingRequests", limits.max_pending_requests),
                ("MaxConcurrentRequests", limits.max_concurrent_requests),
            ];
            for (field, value) in rows {
                problems.range(
                    &format!("{at}.Limits.{field}"),
                    value.unwrap_or(0),
                    0,
                    i64::MAX,
                );
            }
        }
        if let Some(check) = &self.passive_health_check {
            let base = check.base_ejection_time.unwrap_or_default();
            let rows = [
                ("Interval", check.interval.as_nanos(), i64::MAX),
                (
                    "EnforcingConsecutive5xx",
                    check.enforcing_consecutive_5xx.unwrap_or(0),
                    100,
                ),
                (
                    "MaxEjectionPercent",
                    check.max_ejection_percent.unwrap_or(0),
                    100,
                ),
                ("BaseEjectionTime", base.as_nanos(), i64::MAX),
            ];
            for (field, value, most) in rows {
                problems.range(&format!("{at}.PassiveHealthCheck.{field}"), value, 0, most);
            }
        }
        let field = format!("{at}.BalanceOutboundConnections");
        problems.one_of(&field, &self.balance_outbound_connections, checks::BALANCE);
    }
}
