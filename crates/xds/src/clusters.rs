//! Clusters: where a proxy sends traffic.

mod balance;

use std::net::IpAddr;

use envoy_types::pb::envoy::config::cluster::v3 as cluster;
use envoy_types::pb::envoy::config::core::v3 as core;
use envoy_types::pb::envoy::config::endpoint::v3 as endpoint;
use envoy_types::pb::envoy::extensions::clusters::aggregate::v3::ClusterConfig;
use envoy_types::pb::envoy::extensions::upstreams::http::v3 as http;
use envoy_types::pb::google::protobuf::Duration;
use http::http_protocol_options::{
    ExplicitHttpConfig, UpstreamProtocolOptions, UseDownstreamHttpConfig, explicit_http_config,
};
use prost::Message;
use tribune_chain::{Chain, Resolver, Target};
use tribune_proxycfg::{Definition, Limits, PassiveHealthCheck, Registration};
use tribune_types::config_entry::DirectionalTls;

use crate::json;
use crate::names::{self, LOCAL_APP};
use crate::problem::{Problem, Reason};
use crate::resource::{Resource, ResourceType};
use crate::tls;
use crate::wire::{ads, any, millis, nanos, pipe, socket_address, u32_value};

const DEFAULT_CONNECT_TIMEOUT_MS: i64 = 5_000;

/// What a cluster is made with besides its chain, the mesh entry and the trust domain.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Parameters {
    /// Name of the cluster, which says which resolver and which target of the chain it is of.
    pub(crate) cluster: String,
    /// In lower case.
    pub(crate) protocol: String,
    pub(crate) limits: Option<Limits>,
    pub(crate) passive_health_check: Option<PassiveHealthCheck>,
    pub(crate) fetch_timeout_ms: Option<i64>,
}

/// What traffic to an upstream is treated as, in lower case.
pub(crate) fn protocol(definition: &Definition, chain: &Chain) -> String {
    let own = &definition.settings.protocol;
    if own.is_empty() { &chain.protocol } else { own }.to_ascii_lowercase()
}

// === the application ===

/// The cluster of the application, and where it is not the usual one, why.
pub(crate) fn local_app(registration: &Registration, problems: &mut Vec<Problem>) -> Resource {
    let settings = &registration.settings;
    let text = &settings.local_cluster_json;
    if !text.is_empty() {
        match json::parse::<cluster::Cluster>(text) {
            Ok(cluster) => {
                let name = cluster.name.clone();
                return Resource::made_from(
                    ResourceType::Cluster,
                    &name,
                    cluster.encode_to_vec(),
                    &[text.as_bytes()],
                );
            }
            Err(error) => {
                let reason = Reason::Json {
                    key: "envoy_local_cluster_json",
                    error,
                };
                problems.push(Problem::new(LOCAL_APP, reason));
            }
        }
    }
    let config = &registration.proxy.config;
    let address = if config.local_service_socket_path.is_empty() {
        local_address(registration, config.local_service_port)
    } else {
        Ok(pipe(&config.local_service_socket_path, 0))
    };
    let address = address
        .map_err(|reason| problems.push(Problem::new(LOCAL_APP, reason)))
        .ok();
    if let Some(value) = settings
        .local_connect_timeout_ms
        .filter(|timeout| *timeout < 0)
    {
        problems.push(Problem::new(
            LOCAL_APP,
            Reason::Negative {
                key: "local_connect_timeout_ms",
                value,
            },
        ));
    }
    let mut cluster = application(LOCAL_APP, registration, address);
    if matches!(settings.protocol.as_str(), "http2" | "grpc") {
        // An application that speaks HTTP/2 may be asked in HTTP/1 too: it is spoken to as the client speaks.
        protocol_options(
            &mut cluster,
            UpstreamProtocolOptions::UseDownstreamProtocolConfig(UseDownstreamHttpConfig {
                http_protocol_options: Some(Default::default()),
                http2_protocol_options: Some(Default::default()),
                ..Default::default()
            }),
        );
    }
    Resource::new(ResourceType::Cluster, LOCAL_APP, cluster.encode_to_vec())
}

/// The cluster of another port of the application, for an exposed path.
pub(crate) fn exposed(
    registration: &Registration,
    name: &str,
    port: i32,
    http2: bool,
) -> Result<Resource, Reason> {
    let mut cluster = application(name, registration, Some(local_address(registration, port)?));
    if http2 {
        explicit_http2(&mut cluster);
    }
    Ok(Resource::new(
        ResourceType::Cluster,
        name,
        cluster.encode_to_vec(),
    ))
}

/// The application's address with one of its ports. Envoy takes port 0 here: an application without a
/// port is one that cannot be reached.
fn local_address(registration: &Registration, port: i32) -> Result<core::Address, Reason> {
    let address: IpAddr = match registration.proxy.config.local_service_address.as_str() {
        "" => IpAddr::from([127, 0, 0, 1]),
        text => text.parse().map_err(|_| Reason::Address(text.to_owned()))?,
    };
    let port = u16::try_from(port).map_err(|_| Reason::Port(port.into()))?;
    Ok(socket_address(address, port))
}

/// A cluster of the application; without endpoints where the address is none.
fn application(
    name: &str,
    registration: &Registration,
    address: Option<core::Address>,
) -> cluster::Cluster {
    let settings = &registration.settings;
    let endpoints = address.map(|address| endpoint::LbEndpoint {
        host_identifier: Some(endpoint::lb_endpoint::HostIdentifier::Endpoint(
            endpoint::Endpoint {
                address: Some(address),
                ..Default::default()
            },
        )),
        ..Default::default()
    });
    let timeout = settings
        .local_connect_timeout_ms
        .filter(|timeout| *timeout >= 1);
    let max_connections = u32::try_from(settings.max_inbound_connections)
        .ok()
        .filter(|max| *max > 0);
    cluster::Cluster {
        name: name.to_owned(),
        connect_timeout: Some(millis(timeout.unwrap_or(DEFAULT_CONNECT_TIMEOUT_MS))),
        cluster_discovery_type: Some(discovery_type(cluster::cluster::DiscoveryType::Static)),
        load_assignment: Some(endpoint::ClusterLoadAssignment {
            cluster_name: name.to_owned(),
            endpoints: vec![endpoint::LocalityLbEndpoints {
                lb_endpoints: endpoints.into_iter().collect(),
                ..Default::default()
            }],
            ..Default::default()
        }),
        circuit_breakers: max_connections.map(|max| {
            circuit_breakers(Some(Limits {
                max_connections: Some(max),
                ..Limits::default()
            }))
        }),
        ..Default::default()
    }
}

// === upstreams ===

/// The cluster of one target: of a resolver, or one that stands in for it.
pub(crate) fn upstream(
    resolver: &Resolver,
    target: &Target,
    trust_domain: &str,
    (outgoing, parameters): (Option<&DirectionalTls>, &Parameters),
) -> cluster::Cluster {
    let name = parameters.cluster.clone();
    let spiffe_id = names::spiffe_id(trust_domain, &target.service, &target.datacenter);
    let mut cluster = cluster::Cluster {
        alt_stat_name: name.clone(),
        name,
        connect_timeout: Some(connect_timeout(resolver)),
        cluster_discovery_type: Some(discovery_type(cluster::cluster::DiscoveryType::Eds)),
        eds_cluster_config: Some(cluster::cluster::EdsClusterConfig {
            eds_config: Some(ads(parameters.fetch_timeout_ms)),
            ..Default::default()
        }),
        // Never to instances that are known to be unhealthy, however few are left.
        common_lb_config: Some(cluster::cluster::CommonLbConfig {
            healthy_panic_threshold: Some(Default::default()),
            ..Default::default()
        }),
        circuit_breakers: Some(circuit_breakers(parameters.limits)),
        outlier_detection: Some(outlier_detection(
            parameters.passive_health_check.unwrap_or_default(),
        )),
        transport_socket: Some(tls::upstream(&target.sni, &spiffe_id, outgoing)),
        ..Default::default()
    };
    balance::balance(&mut cluster, resolver.load_balancer.as_ref());
    if matches!(parameters.protocol.as_str(), "http2" | "grpc") {
        explicit_http2(&mut cluster);
    }
    cluster
}

/// The cluster that sends traffic to the first of its members with a healthy instance.
pub(crate) fn failover(name: &str, resolver: &Resolver, members: Vec<String>) -> Resource {
    use cluster::cluster::{ClusterDiscoveryType, CustomClusterType, LbPolicy};
    let aggregate = CustomClusterType {
        name: "envoy.clusters.aggregate".to_owned(),
        typed_config: Some(any(&ClusterConfig { clusters: members })),
    };
    let cluster = cluster::Cluster {
        name: name.to_owned(),
        alt_stat_name: name.to_owned(),
        connect_timeout: Some(connect_timeout(resolver)),
        lb_policy: LbPolicy::ClusterProvided.into(),
        cluster_discovery_type: Some(ClusterDiscoveryType::ClusterType(aggregate)),
        ..Default::default()
    };
    Resource::new(ResourceType::Cluster, name, cluster.encode_to_vec())
}

/// Envoy refuses a cluster whose connections may take no time at all.
fn connect_timeout(resolver: &Resolver) -> Duration {
    let timeout = Some(resolver.connect_timeout.as_nanos()).filter(|timeout| *timeout > 0);
    nanos(timeout.unwrap_or(DEFAULT_CONNECT_TIMEOUT_MS * 1_000_000))
}

/// The cluster that `envoy_cluster_json` puts in the place of `usual`, whose TLS it takes over, and the name
/// that its endpoints are asked for by, if they are asked for.
pub(crate) fn replacement(
    text: &str,
    usual: &cluster::Cluster,
) -> Result<(Resource, Option<String>), Reason> {
    let mut cluster = json::parse::<cluster::Cluster>(text).map_err(|error| Reason::Json {
        key: "envoy_cluster_json",
        error,
    })?;
    cluster.transport_socket.clone_from(&usual.transport_socket);
    let eds = discovery_type(cluster::cluster::DiscoveryType::Eds);
    let endpoints = (cluster.cluster_discovery_type == Some(eds)).then(|| {
        let asked = cluster
            .eds_cluster_config
            .as_ref()
            .map(|config| config.service_name.clone());
        asked
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| cluster.name.clone())
    });
    let tls = cluster
        .transport_socket
        .as_ref()
        .map(Message::encode_to_vec)
        .unwrap_or_default();
    let body = cluster.encode_to_vec();
    Ok((
        Resource::made_from(
            ResourceType::Cluster,
            &cluster.name,
            body,
            &[text.as_bytes(), &tls],
        ),
        endpoints,
    ))
}

// === parts ===

const fn discovery_type(
    of: cluster::cluster::DiscoveryType,
) -> cluster::cluster::ClusterDiscoveryType {
    cluster::cluster::ClusterDiscoveryType::Type(of as i32)
}

fn circuit_breakers(limits: Option<Limits>) -> cluster::CircuitBreakers {
    let value = |limit: Option<u32>| limit.and_then(u32_value);
    let thresholds = limits
        .filter(|limits| *limits != Limits::default())
        .map(|limits| cluster::circuit_breakers::Thresholds {
            max_connections: value(limits.max_connections),
            max_pending_requests: value(limits.max_pending_requests),
            max_requests: value(limits.max_concurrent_requests),
            ..Default::default()
        });
    cluster::CircuitBreakers {
        thresholds: thresholds.into_iter().collect(),
        ..Default::default()
    }
}

fn outlier_detection(check: PassiveHealthCheck) -> cluster::OutlierDetection {
    // Envoy refuses percentages over 100 and intervals of nothing.
    let percentage = |value: Option<u32>| value.and_then(|value| u32_value(value.min(100)));
    cluster::OutlierDetection {
        interval: (!check.interval.is_zero()).then(|| nanos(check.interval.as_nanos())),
        consecutive_5xx: Some(check.max_failures)
            .filter(|max| *max > 0)
            .and_then(u32_value),
        enforcing_consecutive_5xx: percentage(check.enforcing_consecutive_5xx),
        max_ejection_percent: percentage(check.max_ejection_percent),
        base_ejection_time: check
            .base_ejection_time
            .filter(|time| !time.is_zero())
            .map(|time| nanos(time.as_nanos())),
        ..Default::default()
    }
}

fn explicit_http2(cluster: &mut cluster::Cluster) {
    let http2 = explicit_http_config::ProtocolConfig::Http2ProtocolOptions(Default::default());
    protocol_options(
        cluster,
        UpstreamProtocolOptions::ExplicitHttpConfig(ExplicitHttpConfig {
            protocol_config: Some(http2),
        }),
    );
}

fn protocol_options(cluster: &mut cluster::Cluster, options: UpstreamProtocolOptions) {
    let options = http::HttpProtocolOptions {
        upstream_protocol_options: Some(options),
        ..Default::default()
    };
    // One entry, so that the order of a map's entries does not show.
    cluster.typed_extension_protocol_options.insert(
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions".to_owned(),
        any(&options),
    );
}
