//! Listeners: where a proxy takes traffic.

pub(crate) mod exposed;
mod filters;
pub(crate) mod public;
pub(crate) mod upstream;

pub(crate) use filters::is_http;

use envoy_types::pb::envoy::config::core::v3::{Address, TrafficDirection};
use envoy_types::pb::envoy::config::listener::v3 as listener;
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::http_connection_manager::Tracing;
use listener::listener::{ConnectionBalanceConfig, connection_balance_config};
use prost::Message;
use tribune_proxycfg::Registration;
use tribune_types::config_entry::RawMesh;

use crate::access_logs::Logs;
use crate::json;
use crate::problem::{Problem, Reason};
use crate::resource::{Resource, ResourceType};

/// What every listener of a proxy is made with.
pub(crate) struct Context<'a> {
    pub(crate) registration: &'a Registration,
    pub(crate) mesh: Option<&'a RawMesh>,
    pub(crate) common: &'a Common,
}

/// What the listeners of a proxy have in common, read from its registration once.
#[derive(Debug, Default)]
pub(crate) struct Common {
    pub(crate) logs: Logs,
    /// What replaces the tracing of HTTP listeners.
    pub(crate) tracing: Option<Tracing>,
}

// === impl Common ===

impl Common {
    /// Reads a registration, and what of it cannot be used.
    pub(crate) fn read(registration: &Registration, problems: &mut Vec<Problem>) -> Self {
        let text = &registration.settings.listener_tracing_json;
        let tracing = (!text.is_empty()).then(|| json::parse(text));
        let tracing = tracing.and_then(|read| {
            let report = |error| {
                Problem::new(
                    "listeners",
                    Reason::Json {
                        key: "envoy_listener_tracing_json",
                        error,
                    },
                )
            };
            read.map_err(|error| problems.push(report(error))).ok()
        });
        Self {
            logs: Logs::read(&registration.proxy.config.access_logs, problems),
            tracing,
        }
    }
}

/// A listener with one filter chain.
fn listener(
    name: String,
    address: Address,
    direction: TrafficDirection,
    balance: &str,
    (logs, chain): (&Logs, listener::FilterChain),
) -> listener::Listener {
    let exact = connection_balance_config::BalanceType::ExactBalance(Default::default());
    listener::Listener {
        name,
        address: Some(address),
        traffic_direction: direction.into(),
        filter_chains: vec![chain],
        access_log: logs.of_listener(),
        connection_balance_config: (balance == "exact_balance").then_some(
            ConnectionBalanceConfig {
                balance_type: Some(exact),
            },
        ),
        ..Default::default()
    }
}

/// The resource of a listener that `build` makes with some tracing.
///
/// Tracing may have maps in it, whose encoding is not always the same: the version is then made of the
/// listener without it and of the text that the tracing was read from.
fn resource(
    context: &Context<'_>,
    build: impl Fn(Option<&Tracing>) -> listener::Listener,
) -> Resource {
    let plain = build(None);
    let (name, body) = (plain.name.clone(), plain.encode_to_vec());
    match &context.common.tracing {
        None => Resource::new(ResourceType::Listener, name, body),
        Some(tracing) => {
            let text = context
                .registration
                .settings
                .listener_tracing_json
                .as_bytes();
            let with_tracing = build(Some(tracing)).encode_to_vec();
            Resource::made_from(ResourceType::Listener, &name, with_tracing, &[&body, text])
        }
    }
}

fn check_balance(key: &'static str, value: &str) -> Result<(), Reason> {
    match value {
        "" | "exact_balance" => Ok(()),
        other => Err(Reason::Unknown {
            key,
            value: other.to_owned(),
        }),
    }
}
