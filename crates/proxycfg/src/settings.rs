//! The opaque settings of a proxy and of its upstreams, by Consul's keys.

use tribune_types::{GoDuration, Opaque};

use crate::SettingError;
use crate::opaque::Reader;

/// Settings of a proxy (`Proxy.Config`). What was not said is `None`, or empty where it is a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProxySettings {
    /// `protocol`: what the application speaks, in lower case; `tcp` where it was not said.
    pub protocol: String,
    /// `bind_address`: where the public listener and those of exposed paths listen.
    pub bind_address: String,
    /// `bind_port`: where the public listener listens.
    pub bind_port: Option<i64>,
    /// `local_connect_timeout_ms`: time to connect to the application, in milliseconds.
    pub local_connect_timeout_ms: Option<i64>,
    /// `local_request_timeout_ms`: time that a request to the application may take, in milliseconds.
    pub local_request_timeout_ms: Option<i64>,
    /// `local_idle_timeout_ms`: time that a request to the application may be idle, in milliseconds.
    pub local_idle_timeout_ms: Option<i64>,
    /// `max_inbound_connections`: how many connections are taken; no limit where zero or less.
    pub max_inbound_connections: i64,
    /// `balance_inbound_connections`: `exact_balance` or nothing.
    pub balance_inbound_connections: String,
    /// `xds_fetch_timeout_ms`: how long Envoy waits for what a resource refers to, in milliseconds.
    pub xds_fetch_timeout_ms: Option<i64>,
    /// `envoy_public_listener_json`: replaces the public listener.
    pub public_listener_json: String,
    /// `envoy_local_cluster_json`: replaces the cluster of the application.
    pub local_cluster_json: String,
    /// `envoy_listener_tracing_json`: replaces the tracing of HTTP listeners.
    pub listener_tracing_json: String,
}

/// Settings of an upstream (`Upstreams[].Config`). What was not said is `None`, or empty where it is a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpstreamSettings {
    /// `protocol`: what the upstream speaks, to the letter.
    pub protocol: String,
    /// `connect_timeout_ms`: time to connect, in milliseconds; not said where zero or less.
    pub connect_timeout_ms: i64,
    /// `limits`.
    pub limits: Option<Limits>,
    /// `passive_health_check`.
    pub passive_health_check: Option<PassiveHealthCheck>,
    /// `balance_outbound_connections`: `exact_balance` or nothing.
    pub balance_outbound_connections: String,
    /// `envoy_listener_json`: replaces the upstream's listener.
    pub listener_json: String,
    /// `envoy_cluster_json`: replaces the upstream's cluster.
    pub cluster_json: String,
}

/// How much a proxy asks of an upstream at a time. Zero is a limit, too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Limits {
    /// Connections.
    pub max_connections: Option<u32>,
    /// Requests that wait for a connection.
    pub max_pending_requests: Option<u32>,
    /// Requests under way.
    pub max_concurrent_requests: Option<u32>,
}

/// When an instance is left out because of its answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PassiveHealthCheck {
    /// Time between two looks; Envoy's own where zero.
    pub interval: GoDuration,
    /// Failures in a row that leave an instance out; Envoy's own where zero.
    pub max_failures: u32,
    /// Percentage of cases in which it is left out indeed.
    pub enforcing_consecutive_5xx: Option<u32>,
    /// Percentage of instances that may be left out at a time.
    pub max_ejection_percent: Option<u32>,
    /// Time that it is left out at least.
    pub base_ejection_time: Option<GoDuration>,
}

impl ProxySettings {
    /// Reads the settings, and what of them could not be read.
    pub(crate) fn read(config: &Opaque) -> (Self, Vec<SettingError>) {
        let mut reader = Reader::new(config);
        let protocol = reader
            .text("protocol")
            .unwrap_or_default()
            .to_ascii_lowercase();
        let settings = Self {
            protocol: if protocol.is_empty() {
                "tcp".to_owned()
            } else {
                protocol
            },
            bind_address: reader.text("bind_address").unwrap_or_default(),
            bind_port: reader.number("bind_port").filter(|port| *port != 0),
            local_connect_timeout_ms: reader.number("local_connect_timeout_ms"),
            local_request_timeout_ms: reader.number("local_request_timeout_ms"),
            local_idle_timeout_ms: reader.number("local_idle_timeout_ms"),
            max_inbound_connections: reader.number("max_inbound_connections").unwrap_or_default(),
            balance_inbound_connections: reader
                .text("balance_inbound_connections")
                .unwrap_or_default(),
            xds_fetch_timeout_ms: reader.number("xds_fetch_timeout_ms"),
            public_listener_json: reader
                .text("envoy_public_listener_json")
                .unwrap_or_default(),
            local_cluster_json: reader.text("envoy_local_cluster_json").unwrap_or_default(),
            listener_tracing_json: reader
                .text("envoy_listener_tracing_json")
                .unwrap_or_default(),
        };
        (settings, reader.into_errors())
    }
}

impl UpstreamSettings {
    /// Reads the settings, and what of them could not be read.
    pub(crate) fn read(config: &Opaque) -> (Self, Vec<SettingError>) {
        let mut reader = Reader::new(config);
        let settings = Self {
            protocol: reader.text("protocol").unwrap_or_default(),
            connect_timeout_ms: reader.number("connect_timeout_ms").unwrap_or_default(),
            limits: reader.object("limits", Limits::read),
            passive_health_check: reader.object("passive_health_check", PassiveHealthCheck::read),
            balance_outbound_connections: reader
                .text("balance_outbound_connections")
                .unwrap_or_default(),
            listener_json: reader.text("envoy_listener_json").unwrap_or_default(),
            cluster_json: reader.text("envoy_cluster_json").unwrap_or_default(),
        };
        (settings, reader.into_errors())
    }
}

impl Limits {
    fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            max_connections: reader.count("max_connections"),
            max_pending_requests: reader.count("max_pending_requests"),
            max_concurrent_requests: reader.count("max_concurrent_requests"),
        }
    }
}

impl PassiveHealthCheck {
    fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            interval: reader.duration("interval").unwrap_or_default(),
            max_failures: reader.count("max_failures").unwrap_or_default(),
            enforcing_consecutive_5xx: reader.count("enforcing_consecutive_5xx"),
            max_ejection_percent: reader.count("max_ejection_percent"),
            base_ejection_time: reader.duration("base_ejection_time"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_proxy_speaks_tcp_until_it_says_otherwise() {
        let read = |value: serde_json::Value| ProxySettings::read(value.as_object().unwrap()).0;
        assert_eq!(read(json!({})).protocol, "tcp");
        assert_eq!(read(json!({"protocol": "HTTP"})).protocol, "http");
        assert_eq!(read(json!({"bind_port": 0})).bind_port, None);
        assert_eq!(read(json!({"bind_port": "8889"})).bind_port, Some(8889));
    }

    #[test]
    fn limits_keep_an_explicit_zero() {
        let config =
            json!({"limits": {"max_connections": 0, "MaxPendingRequests": 5}, "protocol": "HTTP"});
        let (settings, errors) = UpstreamSettings::read(config.as_object().unwrap());
        let limits = settings.limits.unwrap();
        assert_eq!(
            (
                limits.max_connections,
                limits.max_pending_requests,
                limits.max_concurrent_requests
            ),
            (Some(0), Some(5), None)
        );
        assert_eq!(
            settings.protocol, "HTTP",
            "chains are compiled with the protocol to the letter"
        );
        assert!(errors.is_empty());
    }
}
