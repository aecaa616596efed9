//! Upstream listeners: where the application reaches other services.

use std::sync::Arc;

use envoy_types::pb::envoy::config::core::v3::{ConfigSource, TrafficDirection};
use envoy_types::pb::envoy::config::listener::v3 as listener;
use prost::Message;
use tribune_chain::Chain;
use tribune_proxycfg::{Bind, Definition};

use super::filters::{self, Http, is_http};
use super::{Context, check_balance, resource};
use crate::clusters;
use crate::problem::Reason;
use crate::resource::{Resource, ResourceType};
use crate::wire::{pipe, socket_address};
use crate::{json, names};

/// Where the traffic of an upstream goes.
pub(crate) enum Leads {
    /// To this cluster.
    Cluster(Arc<str>),
    /// To where the routes of the upstream's name say, which are asked for here.
    Routes(ConfigSource),
}

/// The listener of an upstream, and what of its settings is passed over.
pub(crate) fn build(
    context: &Context<'_>,
    definition: &Definition,
    chain: &Chain,
    leads: &Leads,
    report: &mut impl FnMut(Reason),
) -> Resource {
    let settings = &definition.settings;
    if let Some(listener) = replacement(definition, chain, report) {
        return listener;
    }
    if let Err(reason) = check_balance(
        "balance_outbound_connections",
        &settings.balance_outbound_connections,
    ) {
        report(reason);
    }
    let (name, address) = match &definition.bind {
        Bind::Address { address, port } => (
            format!("{}:{address}:{port}", definition.id),
            socket_address(*address, *port),
        ),
        Bind::Socket { path, mode } => (format!("{}:{path}", definition.id), pipe(path, *mode)),
    };
    let filter_name = names::filter(chain);
    let stat_prefix = format!("upstream.{}", filter_name.replace(':', "_"));
    let protocol = clusters::protocol(definition, chain);
    let logs = &context.common.logs;
    let (cluster, routes) = match leads {
        Leads::Cluster(cluster) => (&**cluster, None),
        Leads::Routes(source) => ("", Some(source)),
    };
    resource(context, |tracing| {
        let filter = if is_http(&protocol) {
            let http = Http {
                protocol: &protocol,
                stat_prefix: stat_prefix.clone(),
                route_name: definition.id.as_str(),
                virtual_host: &filter_name,
                cluster,
                path: None,
                request_timeout_ms: None,
                idle_timeout_ms: None,
                routes: routes.cloned(),
                filters: Vec::new(),
            };
            filters::manager_filter(&filters::manager(&http, tracing, logs))
        } else {
            filters::tcp_proxy(stat_prefix.clone(), cluster, logs)
        };
        let chain = listener::FilterChain {
            filters: vec![filter],
            ..Default::default()
        };
        let balance = &settings.balance_outbound_connections;
        super::listener(
            name.clone(),
            address.clone(),
            TrafficDirection::Outbound,
            balance,
            (logs, chain),
        )
    })
}

/// What `envoy_listener_json` puts in the place of the listener.
fn replacement(
    definition: &Definition,
    chain: &Chain,
    report: &mut impl FnMut(Reason),
) -> Option<Resource> {
    const KEY: &str = "envoy_listener_json";
    let text = &definition.settings.listener_json;
    if text.is_empty() {
        return None;
    }
    if !chain.default {
        report(Reason::Shaped(KEY));
        return None;
    }
    match json::parse::<listener::Listener>(text) {
        Ok(listener) => {
            let (text, body) = (text.as_bytes(), listener.encode_to_vec());
            let resource =
                Resource::made_from(ResourceType::Listener, &listener.name, body, &[text]);
            Some(resource)
        }
        Err(error) => {
            report(Reason::Json { key: KEY, error });
            None
        }
    }
}
