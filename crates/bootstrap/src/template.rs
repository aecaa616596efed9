//! A proxy's own bootstrap template (`envoy_bootstrap_json_tpl`).
//!
//! Consul's templates are Go's. Fields (`{{ .ProxyID }}`), comments and trim markers are understood here;
//! conditions, loops and functions are refused by name.

use serde_json::Value;

use crate::{ADS_CLUSTER, AgentAddress, Error, Parameters, TrustedCa};

/// Fills in a template. Values are those of `document`, the bootstrap that is rendered without a template.
pub(crate) fn fill(
    template: &str,
    parameters: &Parameters,
    document: &Value,
) -> Result<Value, Error> {
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((action, after)) = after.split_once("}}") else {
            return refuse("an action is not closed with }}");
        };
        let (trim_before, action) = trim_marker(action, |action| action.strip_prefix('-'));
        let (trim_after, action) = trim_marker(action, |action| action.strip_suffix('-'));
        text.push_str(if trim_before {
            before.trim_end()
        } else {
            before
        });
        text.push_str(&evaluate(action.trim(), parameters, document)?);
        rest = if trim_after {
            after.trim_start()
        } else {
            after
        };
    }
    text.push_str(rest);
    serde_json::from_str(&text)
        .or_else(|error| refuse(format!("what it makes is not valid JSON: {error}")))
}

fn refuse<T>(reason: impl Into<String>) -> Result<T, Error> {
    Err(Error::Template {
        reason: reason.into(),
    })
}

fn trim_marker(action: &str, strip: impl Fn(&str) -> Option<&str>) -> (bool, &str) {
    strip(action).map_or((false, action), |action| (true, action))
}

fn evaluate(action: &str, parameters: &Parameters, document: &Value) -> Result<String, Error> {
    if action.starts_with("/*") && action.ends_with("*/") {
        return Ok(String::new());
    }
    let field = action
        .strip_prefix('.')
        .filter(|name| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.'));
    let Some(field) = field else {
        return refuse(format!(
            "{{{{ {action} }}}}: only fields like {{{{ .ProxyID }}}} are supported"
        ));
    };
    match text_field(field, parameters) {
        Some(text) => Ok(escaped(&text)),
        None => json_field(field, document)
            .map_or_else(|| refuse(format!("there is no field .{field}")), Ok),
    }
}

/// A text as it stands between the quotes of a JSON string, so that no value can break out of them.
fn escaped(text: &str) -> String {
    let quoted = Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

fn text_field(name: &str, parameters: &Parameters) -> Option<String> {
    let tls = parameters.prometheus.tls.as_ref();
    let text = match name {
        "ProxyCluster" => parameters.proxy_cluster.clone(),
        "ProxyID" => parameters.proxy_id.clone(),
        "ProxySourceService" => parameters.source_service.clone(),
        "NodeName" => parameters.node_name.clone().unwrap_or_default(),
        "Namespace" | "Partition" => "default".to_owned(),
        "Datacenter" => parameters.datacenter.clone(),
        "Token" => parameters.token.secret().to_owned(),
        "LocalAgentClusterName" => ADS_CLUSTER.to_owned(),
        "AdminBindAddress" => parameters.admin.ip().to_string(),
        "AdminBindPort" => parameters.admin.port().to_string(),
        "AgentCAPEM" => parameters.agent_ca.clone(),
        "GRPC.AgentTLS" => parameters.agent_tls.to_string(),
        "GRPC.AgentAddress" | "GRPC.AgentPort" | "GRPC.AgentSocket" => {
            match (&parameters.agent, name) {
                (AgentAddress::Tcp { address, .. }, "GRPC.AgentAddress") => address.to_string(),
                (AgentAddress::Tcp { port, .. }, "GRPC.AgentPort") => port.to_string(),
                (AgentAddress::Unix { path }, "GRPC.AgentSocket") => path.clone(),
                _ => String::new(),
            }
        }
        "PrometheusBackendPort" => parameters
            .prometheus
            .backend_port
            .map_or_else(String::new, |p| p.to_string()),
        "PrometheusScrapePath" => parameters.prometheus.scrape_path.clone(),
        "PrometheusCertFile" => tls.map_or_else(String::new, |tls| tls.cert_file.clone()),
        "PrometheusKeyFile" => tls.map_or_else(String::new, |tls| tls.key_file.clone()),
        "PrometheusCAFile" | "PrometheusCAPath" => match (tls.map(|tls| &tls.ca), name) {
            (Some(TrustedCa::File(path)), "PrometheusCAFile")
            | (Some(TrustedCa::Folder(path)), "PrometheusCAPath") => path.clone(),
            _ => String::new(),
        },
        _ => return None,
    };
    Some(text)
}

/// Fields that are JSON themselves. Lists come without brackets, clusters without that of the agent.
fn json_field(name: &str, document: &Value) -> Option<String> {
    let statics = &document["static_resources"];
    let list = |value: &Value, skip: usize| {
        let items: Vec<String> = value
            .as_array()
            .into_iter()
            .flatten()
            .skip(skip)
            .map(Value::to_string)
            .collect();
        items.join(",")
    };
    let whole = |value: &Value| {
        if value.is_null() {
            String::new()
        } else {
            value.to_string()
        }
    };
    Some(match name {
        "StaticClustersJSON" => list(&statics["clusters"], 1),
        "StaticListenersJSON" => list(&statics["listeners"], 0),
        "StaticSecretsJSON" => list(&statics["secrets"], 0),
        "StatsSinksJSON" => whole(&document["stats_sinks"]),
        "StatsConfigJSON" => whole(&document["stats_config"]),
        "StatsFlushInterval" => document["stats_flush_interval"]
            .as_str()
            .map_or_else(String::new, escaped),
        "TracingConfigJSON" => whole(&document["tracing"]),
        "AdminAccessLogConfig" => list(&document["admin"]["access_log"], 0),
        _ => return None,
    })
}
