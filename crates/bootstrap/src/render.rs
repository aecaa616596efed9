//! The document as a whole.

use serde_json::{Value, json};

use crate::sinks::sinks;
use crate::{Error, Parameters, access_log, settings, statics, tags, template};

/// Name of the cluster that leads to the agent's ADS.
pub const ADS_CLUSTER: &str = "local_agent";

/// Renders the bootstrap of one Envoy (`envoy.config.bootstrap.v3.Bootstrap` as JSON).
///
/// # Errors
/// A setting or parameter that can't be honoured.
pub fn render(parameters: &Parameters) -> Result<Value, Error> {
    let sinks = sinks(parameters)?;
    let admin = json!({
        "access_log": access_log::loggers(&parameters.access_logs, &parameters.admin_access_log_path)?,
        "address": {
            "socket_address": {
                "address": parameters.admin.ip().to_string(),
                "port_value": parameters.admin.port(),
            },
        },
    });
    let mut document = json!({
        "admin": admin,
        "node": node(parameters),
        "layered_runtime": {
            "layers": [{
                "name": "base",
                // The expressions of intentions and of the tags below are larger than Envoy's default allows.
                "static_layer": { "re2.max_program_size.error_level": 1_048_576 },
            }],
        },
        "static_resources": statics::resources(parameters, &sinks)?,
        "stats_config": tags::stats_config(parameters)?,
        "dynamic_resources": dynamic_resources(parameters.token.secret()),
    });
    if !sinks.sinks.is_empty() {
        document["stats_sinks"] = sinks.sinks.into();
    }
    if let Some(interval) = sinks.flush_interval {
        document["stats_flush_interval"] = interval.into();
    }
    if let Some(tracing) = settings::object(&parameters.config, "envoy_tracing_json")? {
        document["tracing"] = tracing;
    }
    match settings::text(&parameters.config, "envoy_bootstrap_json_tpl")? {
        Some(text) => template::fill(&text, parameters, &document),
        None => Ok(document),
    }
}

fn node(parameters: &Parameters) -> Value {
    let mut metadata = json!({ "namespace": "default", "partition": "default" });
    if let Some(name) = &parameters.node_name {
        metadata["node_name"] = json!(name);
    }
    json!({ "cluster": parameters.proxy_cluster, "id": parameters.proxy_id, "metadata": metadata })
}

/// Listeners and clusters over one delta-ADS stream, which must not start before they have come.
fn dynamic_resources(token: &str) -> Value {
    let over_ads =
        json!({ "ads": {}, "initial_fetch_timeout": "0s", "resource_api_version": "V3" });
    json!({
        "lds_config": over_ads,
        "cds_config": over_ads,
        "ads_config": {
            "api_type": "DELTA_GRPC",
            "transport_api_version": "V3",
            "grpc_services": {
                "initial_metadata": [{ "key": "x-consul-token", "value": token }],
                "envoy_grpc": { "cluster_name": ADS_CLUSTER },
            },
        },
    })
}
