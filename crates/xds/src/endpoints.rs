//! Endpoints: the instances of a cluster, by health.

use std::net::IpAddr;

use envoy_types::pb::envoy::config::core::v3::HealthStatus;
use envoy_types::pb::envoy::config::endpoint::v3 as endpoint;
use prost::Message;
use tribune_derived::{Endpoint, Endpoints, Health};

use crate::problem::{Problem, Reason};
use crate::resource::{Resource, ResourceType};
use crate::wire::{socket_address, u32_value};

/// The most that Consul passes on as a weight.
const MAX_WEIGHT: i32 = 128;

/// The assignment of a cluster, in which instances with a warning count as unhealthy where `only_passing`. What
/// Envoy would refuse the whole assignment for is left out of it.
pub(crate) fn assignment(
    cluster: &str,
    endpoints: &Endpoints,
    only_passing: bool,
) -> (Resource, Vec<Problem>) {
    let mut problems = Vec::new();
    let mut lb_endpoints = Vec::with_capacity(endpoints.endpoints.len());
    for instance in &endpoints.endpoints {
        match lb_endpoint(instance, only_passing) {
            Ok(endpoint) => lb_endpoints.push(endpoint),
            Err(reason) => problems.push(Problem::new(
                format!("instance {}", instance.instance),
                reason,
            )),
        }
    }
    let assignment = endpoint::ClusterLoadAssignment {
        cluster_name: cluster.to_owned(),
        endpoints: vec![endpoint::LocalityLbEndpoints {
            lb_endpoints,
            ..Default::default()
        }],
        ..Default::default()
    };
    (
        Resource::new(ResourceType::Endpoints, cluster, assignment.encode_to_vec()),
        problems,
    )
}

fn lb_endpoint(instance: &Endpoint, only_passing: bool) -> Result<endpoint::LbEndpoint, Reason> {
    // Endpoints that are assigned must be IP addresses; Envoy resolves names only in clusters.
    let address: IpAddr = instance
        .address
        .parse()
        .map_err(|_| Reason::Address(instance.address.clone()))?;
    let port = u16::try_from(instance.port).map_err(|_| Reason::Port(instance.port.into()))?;
    let (health, weight) = weight(instance, only_passing);
    Ok(endpoint::LbEndpoint {
        host_identifier: Some(endpoint::lb_endpoint::HostIdentifier::Endpoint(
            endpoint::Endpoint {
                address: Some(socket_address(address, port)),
                ..Default::default()
            },
        )),
        health_status: health.into(),
        load_balancing_weight: u32_value(weight),
        ..Default::default()
    })
}

/// An instance's health and weight. One that is to get no traffic cannot have weight 0 in Envoy: it is
/// unhealthy instead.
fn weight(instance: &Endpoint, only_passing: bool) -> (HealthStatus, u32) {
    let weight = match instance.health {
        Health::Warning => instance.weights.warning,
        Health::Passing | Health::Critical => instance.weights.passing,
    };
    let worst = if only_passing {
        Health::Passing
    } else {
        Health::Warning
    };
    let healthy = instance.health <= worst && weight >= 1;
    let weight = u32::try_from(weight.clamp(1, MAX_WEIGHT)).unwrap_or(1);
    (
        if healthy {
            HealthStatus::Healthy
        } else {
            HealthStatus::Unhealthy
        },
        weight,
    )
}
