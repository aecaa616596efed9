//! Access loggers of the administration interface.

use serde_json::{Value, json};
use tribune_types::proxy::AccessLogs;

use crate::Error;

/// Keys and Envoy's operators of a line, where the configuration names no format.
const DEFAULT_FORMAT: [(&str, &str); 24] = [
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

/// The loggers that the mesh's access logs ask for; a file at `path` where they ask for none.
pub(crate) fn loggers(logs: &AccessLogs, path: &str) -> Result<Value, Error> {
    let Some(mut sink) = sink(logs) else {
        return Ok(json!([{
            "name": "envoy.access_loggers.file",
            "typed_config": { "@type": file_type(), "path": path },
        }]));
    };
    sink["log_format"] = format(logs)?;
    Ok(json!([{ "name": "Consul Listener Filter Log", "typed_config": sink }]))
}

fn file_type() -> &'static str {
    "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog"
}

fn sink(logs: &AccessLogs) -> Option<Value> {
    let stream = |name: &str| {
        let kind = format!("type.googleapis.com/envoy.extensions.access_loggers.stream.v3.{name}");
        Some(json!({ "@type": kind }))
    };
    match logs.r#type.as_str() {
        _ if !logs.enabled => None,
        "" | "stdout" => stream("StdoutAccessLog"),
        "stderr" => stream("StderrAccessLog"),
        "file" => Some(json!({ "@type": file_type(), "path": logs.path })),
        _ => None,
    }
}

fn format(logs: &AccessLogs) -> Result<Value, Error> {
    if !logs.json_format.is_empty() {
        let format: Value =
            serde_json::from_str(&logs.json_format).map_err(|source| Error::Json {
                key: "AccessLogs.JSONFormat",
                source,
            })?;
        return Ok(json!({ "json_format": format }));
    }
    if !logs.text_format.is_empty() {
        let line = format!("{}\n", logs.text_format.trim_end_matches('\n'));
        return Ok(json!({ "text_format_source": { "inline_string": line } }));
    }
    let format: serde_json::Map<String, Value> = DEFAULT_FORMAT
        .iter()
        .map(|(key, operator)| ((*key).to_owned(), json!(operator)))
        .collect();
    Ok(json!({ "json_format": format }))
}
