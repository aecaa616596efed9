//! Where Envoy sends its metrics.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest;
use serde_json::{Value, json};

use crate::statics::{HTTP2, address, cluster};
use crate::{Bind, Error, Parameters, settings};

/// Cluster through which the metrics reach the telemetry collector.
const COLLECTOR: &str = "consul_telemetry_collector_loopback";

/// Sinks, the clusters that they need and how often they are fed.
pub(crate) struct Sinks {
    pub(crate) sinks: Vec<Value>,
    pub(crate) clusters: Vec<Value>,
    pub(crate) flush_interval: Option<String>,
}

/// What the settings ask for.
pub(crate) fn sinks(parameters: &Parameters) -> Result<Sinks, Error> {
    let config = &parameters.config;
    let mut sinks = Vec::new();
    for (key, name, kind) in [
        ("envoy_statsd_url", "envoy.stat_sinks.statsd", "StatsdSink"),
        (
            "envoy_dogstatsd_url",
            "envoy.stat_sinks.dog_statsd",
            "DogStatsdSink",
        ),
    ] {
        if let Some(url) = settings::text(config, key)? {
            let typed = json!({
                "@type": format!("type.googleapis.com/envoy.config.metrics.v3.{kind}"),
                "address": sink_address(key, &url, parameters)?,
            });
            sinks.push(json!({ "name": name, "typedConfig": typed }));
        }
    }
    sinks.extend(settings::objects(config, "envoy_extra_stats_sinks_json")?);
    let mut flush_interval = settings::text(config, "envoy_stats_flush_interval")?;
    let mut clusters = Vec::new();
    if let Some(folder) = settings::text(config, "envoy_telemetry_collector_bind_socket_dir")? {
        if sinks.is_empty() {
            flush_interval.get_or_insert_with(|| "60s".to_owned());
        }
        let path = format!(
            "{}/{}.sock",
            folder.trim_end_matches('/'),
            socket_name(&parameters.proxy_id)
        );
        clusters.push(cluster(
            COLLECTOR,
            None,
            HTTP2,
            json!({ "pipe": { "path": path } }),
        ));
        sinks.push(json!({
            "name": "envoy.stat_sinks.metrics_service",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.config.metrics.v3.MetricsServiceConfig",
                "transport_api_version": "V3",
                "grpc_service": { "envoy_grpc": { "cluster_name": COLLECTOR } },
                "emit_tags_as_labels": true,
            },
        }));
    }
    Ok(Sinks {
        sinks,
        clusters,
        flush_interval,
    })
}

/// The collector's socket is named after the proxy, in a form that fits a socket's short path.
fn socket_name(proxy_id: &str) -> String {
    let digest = digest::digest(
        &digest::SHA1_FOR_LEGACY_USE_ONLY,
        format!("default_{proxy_id}").as_bytes(),
    );
    URL_SAFE_NO_PAD.encode(digest)
}

fn sink_address(key: &'static str, url: &str, parameters: &Parameters) -> Result<Value, Error> {
    let url = with_variables(key, url, parameters)?;
    if let Some(path) = url
        .strip_prefix("unix://")
        .filter(|path| path.starts_with('/'))
    {
        return Ok(json!({ "pipe": { "path": path } }));
    }
    match url.strip_prefix("udp://").and_then(Bind::parse) {
        Some(bind) if !bind.host.is_empty() => Ok(address(&bind)),
        _ => Err(Error::SinkUrl { key, found: url }),
    }
}

/// `$NAME` alone stands for that variable, `${HOST_IP}` anywhere for the address of the host.
fn with_variables(key: &'static str, url: &str, parameters: &Parameters) -> Result<String, Error> {
    const HOST_IP: &str = "${HOST_IP}";
    let variable = |name: &str| {
        let value = parameters.environment.get(name).cloned();
        value.ok_or_else(|| Error::Variable {
            key,
            name: name.to_owned(),
        })
    };
    if let Some(name) = url.strip_prefix('$').filter(|name| !name.starts_with('{')) {
        return variable(name);
    }
    if url.contains(HOST_IP) {
        return Ok(url.replace(HOST_IP, &variable("HOST_IP")?));
    }
    Ok(url.to_owned())
}
