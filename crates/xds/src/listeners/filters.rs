//! Filters of listeners.

use envoy_types::pb::envoy::config::core::v3::{
    ConfigSource, HttpProtocolOptions, http_protocol_options,
};
use envoy_types::pb::envoy::config::listener::v3::{Filter, filter};
use envoy_types::pb::envoy::config::route::v3 as route;
use envoy_types::pb::envoy::extensions::filters::http as http_filters;
use envoy_types::pb::envoy::extensions::filters::network::connection_limit::v3::ConnectionLimit;
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3 as hcm;
use envoy_types::pb::envoy::extensions::filters::network::tcp_proxy::v3 as tcp;
use envoy_types::pb::envoy::r#type::matcher::v3::{RegexMatchAndSubstitute, RegexMatcher};
use envoy_types::pb::google::protobuf::{Any, UInt64Value};
use hcm::http_connection_manager::{
    ForwardClientCertDetails, PathWithEscapedSlashesAction, RouteSpecifier,
    SetCurrentClientCertDetails, Tracing, UpgradeConfig,
};
use tribune_types::config_entry::RequestNormalization;

use crate::access_logs::Logs;
use crate::wire::{any, bool_value, millis};

/// What stands in the way of every HTTP request.
pub(super) struct Http<'a> {
    pub(super) protocol: &'a str,
    pub(super) stat_prefix: String,
    pub(super) route_name: &'a str,
    pub(super) virtual_host: &'a str,
    pub(super) cluster: &'a str,
    /// The one path that is served; all where `None`.
    pub(super) path: Option<&'a str>,
    pub(super) request_timeout_ms: Option<i64>,
    pub(super) idle_timeout_ms: Option<i64>,
    /// Where the routes by that name are asked for; the one route is here where `None`.
    pub(super) routes: Option<ConfigSource>,
    /// Filters before the router and behind those of gRPC.
    pub(super) filters: Vec<hcm::HttpFilter>,
}

/// Whether requests are looked into, not only connections.
pub(crate) fn is_http(protocol: &str) -> bool {
    matches!(protocol, "http" | "http2" | "grpc")
}

pub(super) fn network_filter(name: &str, config: Any) -> Filter {
    Filter {
        name: name.to_owned(),
        config_type: Some(filter::ConfigType::TypedConfig(config)),
    }
}

pub(super) fn http_filter(name: &str, config: Any) -> hcm::HttpFilter {
    hcm::HttpFilter {
        name: name.to_owned(),
        config_type: Some(hcm::http_filter::ConfigType::TypedConfig(config)),
        ..Default::default()
    }
}

pub(super) fn tcp_proxy(stat_prefix: String, cluster: &str, logs: &Logs) -> Filter {
    let proxy = tcp::TcpProxy {
        stat_prefix,
        cluster_specifier: Some(tcp::tcp_proxy::ClusterSpecifier::Cluster(
            cluster.to_owned(),
        )),
        access_log: logs.of_filter(),
        ..Default::default()
    };
    network_filter("envoy.filters.network.tcp_proxy", any(&proxy))
}

pub(super) fn connection_limit(max_connections: u64) -> Filter {
    let limit = ConnectionLimit {
        stat_prefix: "inbound_connection_limit".to_owned(),
        max_connections: Some(UInt64Value {
            value: max_connections,
        }),
        ..Default::default()
    };
    network_filter("envoy.filters.network.connection_limit", any(&limit))
}

pub(super) fn manager_filter(manager: &hcm::HttpConnectionManager) -> Filter {
    network_filter(
        "envoy.filters.network.http_connection_manager",
        any(manager),
    )
}

/// The filter that takes connections apart into requests.
pub(super) fn manager(
    http: &Http<'_>,
    tracing: Option<&Tracing>,
    logs: &Logs,
) -> hcm::HttpConnectionManager {
    let no_tracing = || Tracing {
        random_sampling: Some(Default::default()),
        ..Default::default()
    };
    let mut filters = Vec::new();
    if http.protocol == "grpc" {
        filters.extend(grpc_filters());
    }
    filters.extend(http.filters.iter().cloned());
    filters.push(http_filter(
        "envoy.filters.http.router",
        any(&http_filters::router::v3::Router::default()),
    ));
    hcm::HttpConnectionManager {
        stat_prefix: http.stat_prefix.clone(),
        http_filters: filters,
        tracing: Some(tracing.cloned().unwrap_or_else(no_tracing)),
        upgrade_configs: vec![UpgradeConfig {
            upgrade_type: "websocket".to_owned(),
            ..Default::default()
        }],
        http2_protocol_options: matches!(http.protocol, "http2" | "grpc").then(Default::default),
        access_log: logs.of_filter(),
        route_specifier: Some(match &http.routes {
            Some(source) => RouteSpecifier::Rds(hcm::Rds {
                route_config_name: http.route_name.to_owned(),
                config_source: Some(source.clone()),
            }),
            None => RouteSpecifier::RouteConfig(route_configuration(http)),
        }),
        ..Default::default()
    }
}

fn grpc_filters() -> [hcm::HttpFilter; 2] {
    use http_filters::grpc_stats::v3::{FilterConfig, filter_config::PerMethodStatSpecifier};
    let stats = FilterConfig {
        per_method_stat_specifier: bool_value(true).map(PerMethodStatSpecifier::StatsForAllMethods),
        ..Default::default()
    };
    let bridge = http_filters::grpc_http1_bridge::v3::Config::default();
    [
        http_filter("envoy.filters.http.grpc_stats", any(&stats)),
        http_filter("envoy.filters.http.grpc_http1_bridge", any(&bridge)),
    ]
}

fn route_configuration(http: &Http<'_>) -> route::RouteConfiguration {
    use route::{route::Action, route_action::ClusterSpecifier, route_match::PathSpecifier};
    let path = match http.path {
        Some(path) => PathSpecifier::Path(path.to_owned()),
        None => PathSpecifier::Prefix("/".to_owned()),
    };
    let action = route::RouteAction {
        cluster_specifier: Some(ClusterSpecifier::Cluster(http.cluster.to_owned())),
        timeout: http.request_timeout_ms.map(millis),
        idle_timeout: http.idle_timeout_ms.map(millis),
        ..Default::default()
    };
    let only = route::Route {
        r#match: Some(route::RouteMatch {
            path_specifier: Some(path),
            ..Default::default()
        }),
        action: Some(Action::Route(action)),
        ..Default::default()
    };
    route::RouteConfiguration {
        name: http.route_name.to_owned(),
        virtual_hosts: vec![route::VirtualHost {
            name: http.virtual_host.to_owned(),
            domains: vec!["*".to_owned()],
            routes: vec![only],
            ..Default::default()
        }],
        ..Default::default()
    }
}

/// Requests are brought into one form before intentions are matched against them.
pub(super) fn normalize(
    manager: &mut hcm::HttpConnectionManager,
    settings: Option<&RequestNormalization>,
) {
    use http_protocol_options::HeadersWithUnderscoresAction;
    let disabled = settings.is_some_and(|settings| settings.insecure_disable_path_normalization);
    manager.normalize_path = (!disabled).then(|| bool_value(true)).flatten();
    let Some(settings) = settings else { return };
    manager.merge_slashes = settings.merge_slashes;
    let slashes =
        PathWithEscapedSlashesAction::from_str_name(&settings.path_with_escaped_slashes_action);
    manager.path_with_escaped_slashes_action = slashes.unwrap_or_default().into();
    let underscores =
        HeadersWithUnderscoresAction::from_str_name(&settings.headers_with_underscores_action);
    manager.common_http_protocol_options = underscores
        .filter(|action| *action != HeadersWithUnderscoresAction::Allow)
        .map(|action| HttpProtocolOptions {
            headers_with_underscores_action: action.into(),
            ..Default::default()
        });
}

/// The client's certificate is added to `x-forwarded-client-cert`, for the application to see who calls.
pub(super) fn forward_client_certificate(manager: &mut hcm::HttpConnectionManager) {
    manager.forward_client_cert_details = ForwardClientCertDetails::AppendForward.into();
    manager.set_current_client_cert_details = Some(SetCurrentClientCertDetails {
        subject: bool_value(true),
        cert: true,
        chain: true,
        dns: true,
        uri: true,
        ..Default::default()
    });
}

/// Takes the parts of the last caller's SPIFFE ID into metadata of the request, for other filters to use.
pub(super) fn client_certificate_to_metadata() -> hcm::HttpFilter {
    use http_filters::header_to_metadata::v3::{Config, config};
    // Consul's users have configured their own filters against what this expression captures.
    const ID: &str =
        ".*URI=spiffe://([^/]+.[^/]+)(?:/ap/([^/]+))?/ns/([^/]+)/dc/([^/]+)/svc/([^/;,]+).*";
    let keys = [
        "trust-domain",
        "partition",
        "namespace",
        "datacenter",
        "service",
    ];
    let rules = keys.into_iter().zip(1..).map(|(key, group)| config::Rule {
        header: "x-forwarded-client-cert".to_owned(),
        on_header_present: Some(config::KeyValuePair {
            metadata_namespace: "consul".to_owned(),
            key: key.to_owned(),
            regex_value_rewrite: Some(RegexMatchAndSubstitute {
                pattern: Some(RegexMatcher {
                    regex: ID.to_owned(),
                    ..Default::default()
                }),
                substitution: format!("\\{group}"),
            }),
            ..Default::default()
        }),
        ..Default::default()
    });
    let config = Config {
        request_rules: rules.collect(),
        ..Default::default()
    };
    http_filter("envoy.filters.http.header_to_metadata", any(&config))
}
