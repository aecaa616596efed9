//! Access logs of listeners and of their filters.

use std::collections::BTreeMap;

use envoy_types::pb::envoy::config::accesslog::v3 as accesslog;
use envoy_types::pb::envoy::config::core::v3::DataSource;
use envoy_types::pb::google::protobuf::Any;
use prost::Message;
use serde_json::Value;
use tribune_types::proxy::AccessLogs;

use crate::json::JsonError;
use crate::problem::{Problem, Reason};
use crate::wire::inline;

const STDOUT: &str =
    "type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog";
const STDERR: &str =
    "type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StderrAccessLog";
const FILE: &str = "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog";

/// The access logs of a proxy, ready to be put into its listeners.
#[derive(Debug, Default)]
pub(crate) struct Logs {
    sink: Option<Any>,
    of_listeners: bool,
}

// === impl Logs ===

impl Logs {
    /// Reads what the proxy is told about its logs.
    pub(crate) fn read(config: &AccessLogs, problems: &mut Vec<Problem>) -> Self {
        if !config.enabled {
            return Self::default();
        }
        let mut report = |reason| problems.push(Problem::new("access logs", reason));
        let format = format(config, &mut report);
        let sink = match config.r#type.as_str() {
            "" | "stdout" => Some((
                STDOUT,
                StreamLog {
                    log_format: Some(format),
                }
                .encode_to_vec(),
            )),
            "stderr" => Some((
                STDERR,
                StreamLog {
                    log_format: Some(format),
                }
                .encode_to_vec(),
            )),
            "file" if config.path.is_empty() => {
                report(Reason::NoLogPath);
                None
            }
            "file" => Some((
                FILE,
                FileLog {
                    path: config.path.clone(),
                    log_format: Some(format),
                }
                .encode_to_vec(),
            )),
            other => {
                report(Reason::Unknown {
                    key: "AccessLogs.Type",
                    value: other.to_owned(),
                });
                None
            }
        };
        Self {
            sink: sink.map(|(type_url, value)| Any {
                type_url: type_url.to_owned(),
                value,
            }),
            of_listeners: !config.disable_listener_logs,
        }
    }

    /// The log of a listener: connections that no filter chain takes.
    pub(crate) fn of_listener(&self) -> Vec<accesslog::AccessLog> {
        let no_route = accesslog::ResponseFlagFilter {
            flags: vec!["NR".to_owned()],
        };
        let filter = accesslog::AccessLogFilter {
            filter_specifier: Some(
                accesslog::access_log_filter::FilterSpecifier::ResponseFlagFilter(no_route),
            ),
        };
        let sink = self.sink.as_ref().filter(|_| self.of_listeners);
        sink.map(|sink| log("Consul Listener Log", Some(filter), sink))
            .into_iter()
            .collect()
    }

    /// The log of a filter: connections or requests that it handles.
    pub(crate) fn of_filter(&self) -> Vec<accesslog::AccessLog> {
        self.sink
            .as_ref()
            .map(|sink| log("Consul Listener Filter Log", None, sink))
            .into_iter()
            .collect()
    }
}

fn log(name: &str, filter: Option<accesslog::AccessLogFilter>, sink: &Any) -> accesslog::AccessLog {
    accesslog::AccessLog {
        name: name.to_owned(),
        filter,
        config_type: Some(accesslog::access_log::ConfigType::TypedConfig(sink.clone())),
    }
}

fn format(config: &AccessLogs, report: &mut impl FnMut(Reason)) -> Format {
    if !config.json_format.is_empty() {
        match serde_json::from_str::<serde_json::Map<String, Value>>(&config.json_format) {
            Ok(fields) => {
                return Format {
                    json: Some(Fields::from(&fields)),
                    text: None,
                };
            }
            Err(error) => {
                let error = JsonError::Text(error.to_string());
                report(Reason::Json {
                    key: "AccessLogs.JSONFormat",
                    error,
                });
            }
        }
    } else if !config.text_format.is_empty() {
        let newline = if config.text_format.ends_with('\n') {
            ""
        } else {
            "\n"
        };
        return Format {
            json: None,
            text: Some(inline(&format!("{}{newline}", config.text_format))),
        };
    }
    let fields = AccessLogs::DEFAULT_FORMAT.iter();
    let fields =
        fields.map(|(key, operator)| ((*key).to_owned(), Field::from(&Value::from(*operator))));
    Format {
        json: Some(Fields {
            fields: fields.collect(),
        }),
        text: None,
    }
}

// === messages whose maps are encoded in the order of their keys ===

/// `envoy.extensions.access_loggers.stream.v3.StdoutAccessLog`, and `StderrAccessLog`
#[derive(Clone, PartialEq, Message)]
struct StreamLog {
    #[prost(message, optional, tag = "1")]
    log_format: Option<Format>,
}

/// `envoy.extensions.access_loggers.file.v3.FileAccessLog`
#[derive(Clone, PartialEq, Message)]
struct FileLog {
    #[prost(string, tag = "1")]
    path: String,
    #[prost(message, optional, tag = "5")]
    log_format: Option<Format>,
}

/// `envoy.config.core.v3.SubstitutionFormatString`
#[derive(Clone, PartialEq, Message)]
struct Format {
    #[prost(message, optional, tag = "2")]
    json: Option<Fields>,
    #[prost(message, optional, tag = "5")]
    text: Option<DataSource>,
}

/// `google.protobuf.Struct`
#[derive(Clone, PartialEq, Message)]
struct Fields {
    #[prost(btree_map = "string, message", tag = "1")]
    fields: BTreeMap<String, Field>,
}

/// `google.protobuf.ListValue`
#[derive(Clone, PartialEq, Message)]
struct List {
    #[prost(message, repeated, tag = "1")]
    values: Vec<Field>,
}

/// `google.protobuf.Value`
#[derive(Clone, PartialEq, Message)]
struct Field {
    #[prost(oneof = "Kind", tags = "1, 2, 3, 4, 5, 6")]
    kind: Option<Kind>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Kind {
    #[prost(int32, tag = "1")]
    Null(i32),
    #[prost(double, tag = "2")]
    Number(f64),
    #[prost(string, tag = "3")]
    Text(String),
    #[prost(bool, tag = "4")]
    Bool(bool),
    #[prost(message, tag = "5")]
    Fields(Fields),
    #[prost(message, tag = "6")]
    List(List),
}

impl From<&serde_json::Map<String, Value>> for Fields {
    fn from(map: &serde_json::Map<String, Value>) -> Self {
        Self {
            fields: map
                .iter()
                .map(|(key, value)| (key.clone(), value.into()))
                .collect(),
        }
    }
}

impl From<&Value> for Field {
    fn from(value: &Value) -> Self {
        let kind = match value {
            Value::Null => Kind::Null(0),
            Value::Bool(value) => Kind::Bool(*value),
            Value::Number(number) => Kind::Number(number.as_f64().unwrap_or_default()),
            Value::String(text) => Kind::Text(text.clone()),
            Value::Array(values) => Kind::List(List {
                values: values.iter().map(Self::from).collect(),
            }),
            Value::Object(map) => Kind::Fields(map.into()),
        };
        Self { kind: Some(kind) }
    }
}
