//! The public listener: where the mesh reaches the application.

use std::net::{IpAddr, Ipv4Addr};

use envoy_types::pb::envoy::config::core::v3::{TrafficDirection, TransportSocket};
use envoy_types::pb::envoy::config::listener::v3 as listener;
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3 as hcm;
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::http_connection_manager::Tracing;
use envoy_types::pb::google::protobuf::Any;
use prost::Message;
use tribune_types::config_entry::{MeshHttp, RequestNormalization};

use super::filters::{self, Http, http_filter, is_http, network_filter};
use super::{Context, check_balance, resource};
use crate::names::PUBLIC_LISTENER;
use crate::problem::{Problem, Reason};
use crate::rbac::Enforcement;
use crate::resource::{Resource, ResourceType};
use crate::wire::socket_address;
use crate::{json, tls};

const CONNECTION_MANAGERS: [&str; 2] = [
    "envoy.filters.network.http_connection_manager",
    "envoy.http_connection_manager",
];

/// What the public listener enforces, whatever else stands in it.
struct Guard {
    network: listener::Filter,
    http: hcm::HttpFilter,
    tls: TransportSocket,
}

/// The public listener, which enforces intentions and leads to the cluster `local_app`; `None` where the proxy has nowhere to listen.
pub(crate) fn build(
    context: &Context<'_>,
    enforcement: &Enforcement,
    local_app: &str,
    problems: &mut Vec<Problem>,
) -> Option<Resource> {
    let settings = &context.registration.settings;
    let guard = Guard::new(context, enforcement, problems);
    if !settings.public_listener_json.is_empty() {
        match replacement(
            &settings.public_listener_json,
            is_http(&settings.protocol),
            &guard,
        ) {
            Ok(replacement) => return Some(replacement),
            Err(reason) => problems.push(Problem::new("public listener", reason)),
        }
    }
    let mut report = |reason| problems.push(Problem::new("public listener", reason));
    let (address, port) = bind(context).map_err(&mut report).ok()?;
    check_timeouts(context, &mut report);
    if let Err(reason) = check_balance(
        "balance_inbound_connections",
        &settings.balance_inbound_connections,
    ) {
        report(reason);
    }
    Some(resource(context, |tracing| {
        let chain = filter_chain(context, local_app, &guard, tracing);
        super::listener(
            format!("{PUBLIC_LISTENER}:{address}:{port}"),
            socket_address(address, port),
            TrafficDirection::Inbound,
            &settings.balance_inbound_connections,
            (&context.common.logs, chain),
        )
    }))
}

/// The address that is listened on for the mesh and for exposed paths.
pub(super) fn bind_address(context: &Context<'_>) -> Result<IpAddr, Reason> {
    let registration = context.registration;
    let texts = [
        &registration.settings.bind_address,
        &registration.proxy.address,
    ];
    match texts.into_iter().find(|text| !text.is_empty()) {
        Some(text) => text.parse().map_err(|_| Reason::Address(text.clone())),
        None => Ok(Ipv4Addr::UNSPECIFIED.into()),
    }
}

fn bind(context: &Context<'_>) -> Result<(IpAddr, u16), Reason> {
    let registration = context.registration;
    let port = registration
        .settings
        .bind_port
        .unwrap_or_else(|| registration.proxy.port.into());
    let port = u16::try_from(port)
        .ok()
        .filter(|port| *port != 0)
        .ok_or(Reason::Port(port))?;
    Ok((bind_address(context)?, port))
}

fn check_timeouts(context: &Context<'_>, report: &mut impl FnMut(Reason)) {
    let settings = &context.registration.settings;
    let timeouts = [
        (
            "local_request_timeout_ms",
            settings.local_request_timeout_ms,
        ),
        ("local_idle_timeout_ms", settings.local_idle_timeout_ms),
    ];
    for (key, value) in timeouts {
        if let Some(value) = value.filter(|value| *value < 0) {
            report(Reason::Negative { key, value });
        }
    }
}

fn filter_chain(
    context: &Context<'_>,
    local_app: &str,
    guard: &Guard,
    tracing: Option<&Tracing>,
) -> listener::FilterChain {
    let settings = &context.registration.settings;
    let limit = u64::try_from(settings.max_inbound_connections)
        .ok()
        .filter(|max| *max > 0);
    let mut chain: Vec<_> = limit.map(filters::connection_limit).into_iter().collect();
    if is_http(&settings.protocol) {
        chain.push(filters::manager_filter(&manager(
            context, local_app, guard, tracing,
        )));
    } else {
        chain.insert(0, guard.network.clone());
        chain.push(filters::tcp_proxy(
            PUBLIC_LISTENER.to_owned(),
            local_app,
            &context.common.logs,
        ));
    }
    listener::FilterChain {
        filters: chain,
        transport_socket: Some(guard.tls.clone()),
        ..Default::default()
    }
}

fn manager(
    context: &Context<'_>,
    local_app: &str,
    guard: &Guard,
    tracing: Option<&Tracing>,
) -> hcm::HttpConnectionManager {
    let settings = &context.registration.settings;
    let http: Option<&MeshHttp> = context.mesh.and_then(|mesh| mesh.http.as_ref());
    // The bridge of gRPC and the forwarded certificate do not go together.
    let forward = settings.protocol != "grpc"
        && !http.is_some_and(|http| http.sanitize_x_forwarded_client_cert);
    let mut filters = vec![guard.http.clone()];
    if forward {
        filters.push(filters::client_certificate_to_metadata());
    }
    let http_options = Http {
        protocol: &settings.protocol,
        stat_prefix: PUBLIC_LISTENER.to_owned(),
        route_name: PUBLIC_LISTENER,
        virtual_host: PUBLIC_LISTENER,
        cluster: local_app,
        path: None,
        request_timeout_ms: settings.local_request_timeout_ms,
        idle_timeout_ms: settings.local_idle_timeout_ms,
        routes: None,
        filters,
    };
    let mut manager = filters::manager(&http_options, tracing, &context.common.logs);
    let incoming = http.and_then(|http| http.incoming.as_ref());
    let normalization: Option<&RequestNormalization> =
        incoming.and_then(|incoming| incoming.request_normalization.as_ref());
    filters::normalize(&mut manager, normalization);
    if forward {
        filters::forward_client_certificate(&mut manager);
    }
    manager
}

// === impl Guard ===

impl Guard {
    fn new(context: &Context<'_>, enforcement: &Enforcement, problems: &mut Vec<Problem>) -> Self {
        let protocol = &context.registration.settings.protocol;
        for reason in &enforcement.problems {
            problems.push(Problem::new("intentions", reason.clone()));
        }
        let incoming = context
            .mesh
            .and_then(|mesh| mesh.tls.as_ref()?.incoming.as_ref());
        Self {
            network: network_filter("envoy.filters.network.rbac", enforcement.network.clone()),
            http: http_filter("envoy.filters.http.rbac", enforcement.http.clone()),
            tls: tls::downstream(protocol, incoming),
        }
    }

    /// What makes up a guard, for the version of a listener that it stands in.
    fn sources(&self) -> [Vec<u8>; 3] {
        [
            self.network.encode_to_vec(),
            self.http.encode_to_vec(),
            self.tls.encode_to_vec(),
        ]
    }
}

/// The listener that `envoy_public_listener_json` puts in the place of the usual one, with the intentions and
/// the TLS of the mesh put into every chain of it.
fn replacement(text: &str, http: bool, guard: &Guard) -> Result<Resource, Reason> {
    let json_error = |error| Reason::Json {
        key: "envoy_public_listener_json",
        error,
    };
    let mut listener: listener::Listener = json::parse(text).map_err(json_error)?;
    let chains = || {
        listener
            .filter_chains
            .iter()
            .chain(&listener.default_filter_chain)
    };
    let in_requests = http && chains().all(|chain| chain.filters.iter().any(is_manager));
    for chain in listener
        .filter_chains
        .iter_mut()
        .chain(&mut listener.default_filter_chain)
    {
        if in_requests {
            chain
                .filters
                .iter_mut()
                .filter(|filter| is_manager(filter))
                .for_each(|filter| guard_requests(filter, guard));
        } else {
            chain.filters.insert(0, guard.network.clone());
        }
        chain.transport_socket = Some(guard.tls.clone());
    }
    let [network, requests, tls] = guard.sources();
    let sources: [&[u8]; 4] = [text.as_bytes(), &network, &requests, &tls];
    Ok(Resource::made_from(
        ResourceType::Listener,
        &listener.name,
        listener.encode_to_vec(),
        &sources,
    ))
}

/// Whether a filter is an HTTP connection manager that can be looked into.
fn is_manager(filter: &listener::Filter) -> bool {
    CONNECTION_MANAGERS.contains(&filter.name.as_str())
        && config(filter).is_some_and(|config| decode(config).is_some())
}

fn guard_requests(filter: &mut listener::Filter, guard: &Guard) {
    let Some(mut manager) = config(filter).and_then(decode) else {
        return;
    };
    manager.http_filters.insert(0, guard.http.clone());
    let name = std::mem::take(&mut filter.name);
    *filter = network_filter(&name, crate::wire::any(&manager));
}

fn config(filter: &listener::Filter) -> Option<&Any> {
    match &filter.config_type {
        Some(listener::filter::ConfigType::TypedConfig(config)) => Some(config),
        _ => None,
    }
}

fn decode(config: &Any) -> Option<hcm::HttpConnectionManager> {
    let expected = crate::wire::type_url::<hcm::HttpConnectionManager>();
    (config.type_url == expected)
        .then(|| hcm::HttpConnectionManager::decode(config.value.as_slice()).ok())
        .flatten()
}
