//! Static clusters, listeners and secrets: the way to the agent, and the listeners for metrics and readiness.

use serde_json::{Value, json};

use crate::sinks::Sinks;
use crate::{
    ADS_CLUSTER, AgentAddress, Bind, Error, Parameters, PrometheusTls, TrustedCa, settings,
};

pub(crate) const HTTP1: &str = "http_protocol_options";
pub(crate) const HTTP2: &str = "http2_protocol_options";

/// Cluster of Envoy's own administration interface.
const SELF_ADMIN: &str = "self_admin";
/// Cluster of what serves the metrics instead.
const PROMETHEUS_BACKEND: &str = "prometheus_backend";
const PROMETHEUS_CERT: &str = "prometheus_cert";
const PROMETHEUS_CA: &str = "prometheus_validation_context";

/// A listener that passes one path on and answers everything else with 404.
struct Passage<'a> {
    name: &'static str,
    bind: Bind,
    matches: Value,
    rewrite: &'static str,
    cluster: &'static str,
    tls: Option<&'a PrometheusTls>,
}

/// `static_resources`.
pub(crate) fn resources(parameters: &Parameters, sinks: &Sinks) -> Result<Value, Error> {
    let mut clusters = vec![agent_cluster(parameters)?];
    clusters.extend(settings::objects(
        &parameters.config,
        "envoy_extra_static_clusters_json",
    )?);
    clusters.extend(sinks.clusters.iter().cloned());
    let mut listeners = settings::objects(&parameters.config, "envoy_extra_static_listeners_json")?;
    let mut secrets = Vec::new();
    for passage in passages(parameters)? {
        if !clusters
            .iter()
            .any(|cluster| cluster["name"] == passage.cluster)
        {
            clusters.push(passage_cluster(parameters, passage.cluster));
        }
        // Both metrics listeners show one certificate; Envoy refuses two secrets of one name.
        if let (Some(tls), true) = (passage.tls, secrets.is_empty()) {
            secrets.extend(prometheus_secrets(tls));
        }
        listeners.push(passage.listener());
    }
    let mut resources = json!({ "clusters": clusters });
    for (key, values) in [("listeners", listeners), ("secrets", secrets)] {
        if !values.is_empty() {
            resources[key] = values.into();
        }
    }
    Ok(resources)
}

fn passages(parameters: &Parameters) -> Result<Vec<Passage<'_>>, Error> {
    let prometheus = &parameters.prometheus;
    let tls = prometheus.tls.as_ref();
    let mut passages = Vec::new();
    if let Some(bind) = settings::bind(&parameters.config, "envoy_prometheus_bind_addr")? {
        let cluster = if prometheus.backend_port.is_some() {
            PROMETHEUS_BACKEND
        } else {
            SELF_ADMIN
        };
        let matches = json!({ "path": prometheus.scrape_path });
        let (name, rewrite) = ("envoy_prometheus_metrics", "/stats/prometheus");
        passages.push(Passage {
            name,
            bind,
            matches,
            rewrite,
            cluster,
            tls,
        });
    }
    if let Some(bind) = settings::bind(&parameters.config, "envoy_stats_bind_addr")? {
        let (name, rewrite, matches) = ("envoy_metrics", "/stats", json!({ "prefix": "/stats" }));
        passages.push(Passage {
            name,
            bind,
            matches,
            rewrite,
            cluster: SELF_ADMIN,
            tls,
        });
    }
    if let Some(bind) = parameters.ready.clone() {
        let (name, rewrite, matches) = ("envoy_ready", "/ready", json!({ "path": "/ready" }));
        passages.push(Passage {
            name,
            bind,
            matches,
            rewrite,
            cluster: SELF_ADMIN,
            tls: None,
        });
    }
    Ok(passages)
}

// === impl Passage ===

impl Passage<'_> {
    fn listener(&self) -> Value {
        let manager = json!({
            "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": self.name,
            "codec_type": "HTTP1",
            "route_config": {
                "name": "self_admin_route",
                "virtual_hosts": [{
                    "name": "self_admin",
                    "domains": ["*"],
                    "routes": [
                        {
                            "match": self.matches,
                            "route": { "cluster": self.cluster, "prefix_rewrite": self.rewrite },
                        },
                        { "match": { "prefix": "/" }, "direct_response": { "status": 404 } },
                    ],
                }],
            },
            "http_filters": [{
                "name": "envoy.filters.http.router",
                "typedConfig": { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" },
            }],
        });
        let filter = json!({ "name": "envoy.filters.network.http_connection_manager", "typedConfig": manager });
        let mut chain = json!({ "filters": [filter] });
        if self.tls.is_some() {
            chain["transportSocket"] = json!({
                "name": "tls",
                "typedConfig": {
                    "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
                    "commonTlsContext": {
                        "tlsCertificateSdsSecretConfigs": [{ "name": PROMETHEUS_CERT }],
                        "validationContextSdsSecretConfig": { "name": PROMETHEUS_CA },
                    },
                },
            });
        }
        json!({
            "name": format!("{}_listener", self.name),
            "address": address(&self.bind),
            "filter_chains": [chain],
        })
    }
}

fn passage_cluster(parameters: &Parameters, name: &str) -> Value {
    let bind = match parameters.prometheus.backend_port {
        Some(port) if name == PROMETHEUS_BACKEND => Bind {
            host: "127.0.0.1".to_owned(),
            port,
        },
        _ => Bind {
            host: parameters.admin.ip().to_string(),
            port: parameters.admin.port(),
        },
    };
    cluster(name, Some("5s"), HTTP1, address(&bind))
}

fn prometheus_secrets(tls: &PrometheusTls) -> [Value; 2] {
    let validation = match &tls.ca {
        TrustedCa::File(file) => json!({ "trustedCa": { "filename": file } }),
        TrustedCa::Folder(folder) => json!({ "watchedDirectory": { "path": folder } }),
    };
    let certificate = json!({
        "certificateChain": { "filename": tls.cert_file },
        "privateKey": { "filename": tls.key_file },
    });
    [
        json!({ "name": PROMETHEUS_CERT, "tlsCertificate": certificate }),
        json!({ "name": PROMETHEUS_CA, "validationContext": validation }),
    ]
}

/// The cluster that leads to the agent's ADS.
fn agent_cluster(parameters: &Parameters) -> Result<Value, Error> {
    let address = match &parameters.agent {
        AgentAddress::Tcp { address: ip, port } => address(&Bind {
            host: ip.to_string(),
            port: *port,
        }),
        AgentAddress::Unix { path } => json!({ "pipe": { "path": path } }),
    };
    let mut cluster = cluster(ADS_CLUSTER, Some("1s"), HTTP2, address);
    if parameters.agent_tls {
        if parameters.agent_ca.trim().is_empty() {
            return Err(Error::MissingCa);
        }
        cluster["transport_socket"] = json!({
            "name": "tls",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
                "common_tls_context": {
                    "validation_context": { "trusted_ca": { "inline_string": parameters.agent_ca } },
                },
            },
        });
    }
    Ok(cluster)
}

/// A static cluster of one endpoint. One with a timeout also says what happens when a host is removed.
pub(crate) fn cluster(
    name: &str,
    connect_timeout: Option<&str>,
    protocol: &str,
    address: Value,
) -> Value {
    let options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
    let mut cluster = json!({
        "name": name,
        "type": "STATIC",
        "typed_extension_protocol_options": {
            options: {
                "@type": format!("type.googleapis.com/{options}"),
                "explicit_http_config": { protocol: {} },
            },
        },
        "loadAssignment": {
            "clusterName": name,
            "endpoints": [{ "lbEndpoints": [{ "endpoint": { "address": address } }] }],
        },
    });
    if let Some(timeout) = connect_timeout {
        cluster["connect_timeout"] = json!(timeout);
        cluster["ignore_health_on_host_removal"] = json!(false);
    }
    cluster
}

pub(crate) fn address(bind: &Bind) -> Value {
    json!({ "socket_address": { "address": bind.host, "port_value": bind.port } })
}
