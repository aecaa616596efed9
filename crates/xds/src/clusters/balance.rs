//! How requests are spread over the instances of a cluster.

use envoy_types::pb::envoy::config::cluster::v3::Cluster;
use envoy_types::pb::envoy::config::cluster::v3::cluster::{
    LbConfig, LbPolicy, LeastRequestLbConfig, RingHashLbConfig,
};
use envoy_types::pb::google::protobuf::UInt64Value;
use tribune_types::config_entry::{LoadBalancer, RingHash};

use crate::wire::u32_value;

/// Largest ring that Envoy takes.
const LARGEST_RING: u64 = 8 * 1024 * 1024;

/// Makes a cluster spread requests as a resolver says.
pub(super) fn balance(cluster: &mut Cluster, load_balancer: Option<&LoadBalancer>) {
    let Some(balancer) = load_balancer else {
        return;
    };
    let policy = match balancer.policy.as_str() {
        "random" => LbPolicy::Random,
        "least_request" => LbPolicy::LeastRequest,
        "ring_hash" => LbPolicy::RingHash,
        "maglev" => LbPolicy::Maglev,
        _ => LbPolicy::RoundRobin,
    };
    cluster.set_lb_policy(policy);
    let ring = balancer.ring_hash_config.as_ref().map(ring_hash);
    let choice = balancer.least_request_config.as_ref().map(|config| {
        // Envoy refuses a choice between less than two.
        LbConfig::LeastRequestLbConfig(LeastRequestLbConfig {
            choice_count: Some(config.choice_count)
                .filter(|count| *count > 0)
                .and_then(|count| u32_value(count.max(2))),
            ..Default::default()
        })
    });
    cluster.lb_config = ring.or(choice);
}

fn ring_hash(config: &RingHash) -> LbConfig {
    // Envoy takes a largest ring of nothing at its word, and refuses the cluster.
    let size = |size: u64| {
        (size > 0).then(|| UInt64Value {
            value: size.min(LARGEST_RING),
        })
    };
    LbConfig::RingHashLbConfig(RingHashLbConfig {
        minimum_ring_size: size(config.minimum_ring_size),
        maximum_ring_size: size(config.maximum_ring_size),
        ..Default::default()
    })
}
