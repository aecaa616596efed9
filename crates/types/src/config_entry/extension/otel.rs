//! `builtin/otel-access-logging`.

use serde_json::Value;

use super::reader::Reader;
use super::target::{GrpcService, Target, TargetAddress};
use super::{Direction, PROXY_TYPES};
use crate::config_entry::invalid::Reason;
use crate::{GoDuration, Opaque};

/// A collector that access logs are sent to.
#[derive(Clone, Debug, PartialEq)]
pub struct OtelAccessLogging {
    /// On which side.
    pub listener: Direction,
    /// Name of the log.
    pub log_name: String,
    /// The collector.
    pub grpc_service: GrpcService,
    /// How long lines wait for others.
    pub buffer_flush_interval: Option<GoDuration>,
    /// How many bytes of lines wait for others.
    pub buffer_size_bytes: u32,
    /// Filter state that goes into lines.
    pub filter_state_objects_to_log: Vec<String>,
    /// When sending is tried again.
    pub retry_policy: Option<RetryPolicy>,
    /// Body of a line.
    pub body: Option<Value>,
    /// Attributes of a line.
    pub attributes: Opaque,
    /// Attributes of where lines come from.
    pub resource_attributes: Opaque,
}

/// When something is tried again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How often.
    pub num_retries: u32,
    /// How long before.
    pub back_off: Option<RetryBackOff>,
}

/// How long to wait before something is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryBackOff {
    /// The first time.
    pub base_interval: GoDuration,
    /// At most.
    pub max_interval: GoDuration,
}

impl OtelAccessLogging {
    pub(super) fn read(reader: &mut Reader<'_, '_>) -> Self {
        let proxy_type = reader.text("ProxyType");
        reader.one_of("ProxyType", &proxy_type, PROXY_TYPES);
        let listener = Direction::read(reader, "ListenerType", Some(Direction::Inbound));
        reader.within("Config", |config| {
            let log_name = config.text("LogName");
            let grpc_service = config.object("GrpcService", GrpcService::read);
            config.add_if(grpc_service.is_none(), "GrpcService", Reason::Required);
            let grpc_service = grpc_service.unwrap_or_else(|| GrpcService {
                target: Target {
                    address: TargetAddress::Service(String::new()),
                    timeout: None,
                },
                authority: String::new(),
                initial_metadata: Vec::new(),
            });
            Self {
                listener,
                log_name: if log_name.is_empty() {
                    listener.as_str().to_owned()
                } else {
                    log_name
                },
                grpc_service,
                buffer_flush_interval: config
                    .integer("BufferFlushInterval")
                    .map(GoDuration::from_nanos),
                buffer_size_bytes: whole(config, "BufferSizeBytes"),
                filter_state_objects_to_log: config.texts("FilterStateObjectsToLog"),
                retry_policy: config.object("RetryPolicy", |policy| RetryPolicy {
                    num_retries: whole(policy, "NumRetries"),
                    back_off: policy.object("RetryBackOff", |back_off| {
                        let mut interval = |field, default: i64| {
                            let nanos = back_off.integer(field);
                            GoDuration::from_nanos(nanos.unwrap_or(default * 1_000_000_000))
                        };
                        RetryBackOff {
                            base_interval: interval("BaseInterval", 1),
                            max_interval: interval("MaxInterval", 30),
                        }
                    }),
                }),
                body: config.value("Body").cloned(),
                attributes: config.map("Attributes"),
                resource_attributes: config.map("ResourceAttributes"),
            }
        })
    }
}

fn whole(reader: &mut Reader<'_, '_>, field: &str) -> u32 {
    let number = reader.integer(field).unwrap_or_default();
    u32::try_from(number).unwrap_or_default()
}
