//! What becomes of requests that match.

use envoy_types::pb::envoy::config::core::v3::header_value_option::HeaderAppendAction;
use envoy_types::pb::envoy::config::core::v3::{HeaderValue, HeaderValueOption};
use envoy_types::pb::envoy::config::route::v3 as route;
use envoy_types::pb::google::protobuf::Duration;
use route::route_action::hash_policy::{
    self, ConnectionProperties, Cookie, Header, PolicySpecifier, QueryParameter,
};
use route::route_action::{ClusterSpecifier, HashPolicy};
use route::weighted_cluster::ClusterWeight;
use tribune_chain::{Chain, Node, Splitter};
use tribune_types::GoDuration;
use tribune_types::config_entry::{self, HeaderModifiers, LoadBalancer, RouteDestination};

use crate::names;
use crate::problem::Reason;
use crate::wire::{nanos, u32_value};

/// A route to a node of a chain; `None` where none of its targets is reached.
pub(super) fn to(
    chain: &Chain,
    node: &str,
    report: &mut impl FnMut(Reason),
) -> Option<route::Route> {
    let node = chain.nodes.get(node)?;
    let (specifier, load_balancer) = match node {
        Node::Resolver(resolver) => {
            let cluster = names::cluster_of(chain, resolver)?;
            (ClusterSpecifier::Cluster(cluster), &resolver.load_balancer)
        }
        Node::Splitter(splitter) => {
            let clusters = weighted(chain, splitter, report)?;
            (
                ClusterSpecifier::WeightedClusters(clusters),
                &splitter.load_balancer,
            )
        }
        // a router is only ever the first node
        Node::Router(_) => return None,
    };
    let action = route::RouteAction {
        cluster_specifier: Some(specifier),
        hash_policy: hash_policies(load_balancer.as_ref()),
        ..Default::default()
    };
    Some(route::Route {
        action: Some(route::route::Action::Route(action)),
        ..Default::default()
    })
}

fn weighted(
    chain: &Chain,
    splitter: &Splitter,
    report: &mut impl FnMut(Reason),
) -> Option<route::WeightedCluster> {
    let mut clusters = Vec::with_capacity(splitter.splits.len());
    for split in &splitter.splits {
        let resolver = chain.nodes.get(&split.next_node)?.as_resolver()?;
        let Some(name) = names::cluster_of(chain, resolver) else {
            continue;
        };
        let weight = u32::try_from(split.weight.hundredths()).unwrap_or_else(|_| {
            // Envoy takes no share of less than nothing.
            report(Reason::Weight(split.weight));
            0
        });
        let mut cluster = ClusterWeight {
            name,
            weight: u32_value(weight),
            ..Default::default()
        };
        let definition = &split.definition;
        if let Some(headers) = &definition.request_headers {
            cluster.request_headers_to_add = added(headers, report);
            cluster.request_headers_to_remove = removed(headers, report);
        }
        if let Some(headers) = &definition.response_headers {
            cluster.response_headers_to_add = added(headers, report);
            cluster.response_headers_to_remove = removed(headers, report);
        }
        clusters.push(cluster);
    }
    (!clusters.is_empty()).then(|| route::WeightedCluster {
        clusters,
        ..Default::default()
    })
}

/// Headers that are added to, then those that are replaced.
fn added(headers: &HeaderModifiers, report: &mut impl FnMut(Reason)) -> Vec<HeaderValueOption> {
    let added = headers.add.iter();
    let added = added.map(|pair| (pair, HeaderAppendAction::AppendIfExistsOrAdd));
    let set = headers.set.iter();
    let set = set.map(|pair| (pair, HeaderAppendAction::OverwriteIfExistsOrAdd));
    let mut options = Vec::new();
    for ((key, value), action) in added.chain(set) {
        if !is_header_name(key) || value.contains(CONTROL) {
            report(Reason::Header(key.clone()));
            continue;
        }
        options.push(HeaderValueOption {
            header: Some(HeaderValue {
                key: key.clone(),
                value: value.clone(),
                ..Default::default()
            }),
            append_action: action.into(),
            ..Default::default()
        });
    }
    options
}

/// Names of the headers that are taken away.
fn removed(headers: &HeaderModifiers, report: &mut impl FnMut(Reason)) -> Vec<String> {
    let (names, bad): (Vec<_>, Vec<_>) = headers
        .remove
        .iter()
        .cloned()
        .partition(|name| is_header_name(name));
    for name in bad {
        report(Reason::Header(name));
    }
    names
}

/// What Envoy refuses in headers, and with it every route of the chain.
const CONTROL: [char; 3] = ['\0', '\r', '\n'];

fn is_header_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(CONTROL)
}

/// What requests are hashed by, where their hashes decide.
fn hash_policies(load_balancer: Option<&LoadBalancer>) -> Vec<HashPolicy> {
    load_balancer
        .filter(|balancer| balancer.is_hash_based())
        .map_or(&[][..], |balancer| &balancer.hash_policies)
        .iter()
        .filter_map(hash_policy)
        .collect()
}

/// `None` for a policy that names nothing to hash by.
fn hash_policy(policy: &config_entry::HashPolicy) -> Option<HashPolicy> {
    let name = policy.field_value.clone();
    let specifier = if policy.source_ip {
        PolicySpecifier::ConnectionProperties(ConnectionProperties { source_ip: true })
    } else {
        match policy.field.as_str() {
            "header" => PolicySpecifier::Header(Header {
                header_name: name,
                ..Default::default()
            }),
            "cookie" => PolicySpecifier::Cookie(cookie(name, policy.cookie_config.as_ref())),
            "query_parameter" => PolicySpecifier::QueryParameter(QueryParameter { name }),
            _ => return None,
        }
    };
    Some(HashPolicy {
        policy_specifier: Some(specifier),
        terminal: policy.terminal,
    })
}

fn cookie(name: String, config: Option<&config_entry::HashCookie>) -> hash_policy::Cookie {
    let mut cookie = Cookie {
        name,
        ..Default::default()
    };
    if let Some(config) = config {
        cookie.path.clone_from(&config.path);
        cookie.ttl = if config.session {
            Some(Duration::default())
        } else {
            (config.ttl > GoDuration::ZERO).then(|| nanos(config.ttl.as_nanos()))
        };
    }
    cookie
}

/// Does with a route what its destination says.
pub(super) fn adjust(
    made: &mut route::Route,
    destination: &RouteDestination,
    report: &mut impl FnMut(Reason),
) {
    if let Some(headers) = &destination.request_headers {
        made.request_headers_to_add = added(headers, report);
        made.request_headers_to_remove = removed(headers, report);
    }
    if let Some(headers) = &destination.response_headers {
        made.response_headers_to_add = added(headers, report);
        made.response_headers_to_remove = removed(headers, report);
    }
    limit(made, destination.request_timeout);
    let Some(route::route::Action::Route(action)) = &mut made.action else {
        return;
    };
    action
        .prefix_rewrite
        .clone_from(&destination.prefix_rewrite);
    action.idle_timeout = timeout(destination.idle_timeout);
    action.retry_policy = retries(destination);
}

/// Limits the time of a whole request.
pub(super) fn limit(made: &mut route::Route, request_timeout: GoDuration) {
    if let Some(route::route::Action::Route(action)) = &mut made.action {
        action.timeout = timeout(request_timeout);
    }
}

/// Less than nothing turns the limit off, and nothing leaves it at Envoy's own.
fn timeout(timeout: GoDuration) -> Option<Duration> {
    (!timeout.is_zero()).then(|| nanos(timeout.as_nanos().max(0)))
}

fn retries(destination: &RouteDestination) -> Option<route::RetryPolicy> {
    const CONNECT_FAILURE: &str = "connect-failure";
    let mut on: Vec<&str> = destination.retry_on.iter().map(String::as_str).collect();
    if destination.retry_on_connect_failure && !on.contains(&CONNECT_FAILURE) {
        on.push(CONNECT_FAILURE);
    }
    if !destination.retry_on_status_codes.is_empty() {
        on.push("retriable-status-codes");
    }
    if on.is_empty() && destination.num_retries == 0 {
        return None;
    }
    Some(route::RetryPolicy {
        retry_on: on.join(","),
        num_retries: Some(destination.num_retries)
            .filter(|retries| *retries > 0)
            .and_then(u32_value),
        retriable_status_codes: destination.retry_on_status_codes.clone(),
        ..Default::default()
    })
}
