//! Access loggers of the administration interface.

use serde_json::{Value, json};
use tribune_types::proxy::AccessLogs;

use crate::Error;

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
    let format: serde_json::Map<String, Value> = AccessLogs::DEFAULT_FORMAT
        .iter()
        .map(|(key, operator)| ((*key).to_owned(), json!(operator)))
        .collect();
    Ok(json!({ "json_format": format }))
}
