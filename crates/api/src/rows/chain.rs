//! A compiled discovery chain as the API prints it.

use serde_json::{Map, Value, json};
use tribune_chain::{Chain, Failover, Node, Overrides, Resolver, Route, Split, Target};
use tribune_types::call::ChainQuery;

/// What a caller insists on, out of its query.
#[must_use]
pub fn overrides(query: &ChainQuery) -> Overrides {
    Overrides {
        protocol: query.protocol.clone(),
        connect_timeout: query.connect_timeout,
        mesh_gateway: query.mesh_gateway.clone(),
    }
}

/// A compiled chain.
#[derive(Debug)]
pub struct ChainRow<'a>(pub &'a Chain);

impl ChainRow<'_> {
    /// Its JSON form.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let chain = self.0;
        let nodes: Map<String, Value> = chain
            .nodes
            .iter()
            .map(|(key, value)| (key.clone(), node(value)))
            .collect();
        let targets: Map<String, Value> = chain
            .targets
            .iter()
            .map(|(id, value)| (id.clone(), target(value)))
            .collect();
        let mut row = json!({
            "ServiceName": chain.service.name,
            "Namespace": chain.service.tenancy.namespace(),
            "Partition": chain.service.tenancy.partition(),
            "Datacenter": chain.datacenter,
            "Protocol": chain.protocol,
            "StartNode": chain.start_node,
            "Nodes": nodes,
            "Targets": targets,
            // nothing rather than an empty list while the service has no virtual address
            "AutoVirtualIPs": Some(&chain.auto_virtual_ips).filter(|ips| !ips.is_empty()),
            "ManualVirtualIPs": chain.manual_virtual_ips,
        });
        if !chain.customization_hash.is_empty() {
            row["CustomizationHash"] = json!(chain.customization_hash);
        }
        if chain.default {
            row["Default"] = json!(true);
        }
        if let Some(meta) = chain.service_meta.as_ref().filter(|meta| !meta.is_empty()) {
            row["ServiceMeta"] = json!(meta);
        }
        if !chain.envoy_extensions.is_empty() {
            row["EnvoyExtensions"] = json!(chain.envoy_extensions);
        }
        row
    }
}

fn node(node: &Node) -> Value {
    let (mut row, load_balancer) = match node {
        Node::Router(router) => {
            let routes: Vec<Value> = router.routes.iter().map(route).collect();
            let row = json!({"Type": "router", "Name": router.name, "Routes": routes});
            (row, &None)
        }
        Node::Splitter(splitter) => {
            let splits: Vec<Value> = splitter.splits.iter().map(split).collect();
            let row = json!({"Type": "splitter", "Name": splitter.name, "Splits": splits});
            (row, &splitter.load_balancer)
        }
        Node::Resolver(resolver) => {
            let row = json!({"Type": "resolver", "Name": resolver.name, "Resolver": resolver_row(resolver)});
            (row, &resolver.load_balancer)
        }
    };
    if let Some(load_balancer) = load_balancer {
        row["LoadBalancer"] = json!(load_balancer);
    }
    row
}

fn route(route: &Route) -> Value {
    json!({"Definition": route.definition, "NextNode": route.next_node})
}

fn split(split: &Split) -> Value {
    let mut row = json!({"Definition": split.definition, "NextNode": split.next_node});
    if !split.weight.is_zero() {
        row["Weight"] = json!(split.weight);
    }
    row
}

fn resolver_row(resolver: &Resolver) -> Value {
    let mut row = json!({"ConnectTimeout": resolver.connect_timeout, "Target": resolver.target});
    if resolver.default {
        row["Default"] = json!(true);
    }
    if !resolver.request_timeout.is_zero() {
        row["RequestTimeout"] = json!(resolver.request_timeout.as_nanos());
    }
    if let Some(failover) = &resolver.failover {
        row["Failover"] = failover_row(failover);
    }
    row
}

fn failover_row(failover: &Failover) -> Value {
    let mut row = json!({"Targets": failover.targets});
    if let Some(policy) = &failover.policy {
        row["Policy"] = json!(policy);
    }
    row
}

fn target(target: &Target) -> Value {
    let mut row = json!({
        "ID": target.id,
        "Service": target.service.name,
        "Namespace": target.service.tenancy.namespace(),
        "Partition": target.service.tenancy.partition(),
        "MeshGateway": target.mesh_gateway,
        "TransparentProxy": target.transparent_proxy,
        "Subset": target.subset,
        "ConnectTimeout": target.connect_timeout,
    });
    for (field, text) in [
        ("ServiceSubset", target.service_subset.as_str()),
        ("Datacenter", &target.datacenter),
        ("Peer", &target.peer),
        ("SNI", &target.sni),
        ("Name", &target.name),
    ] {
        if !text.is_empty() {
            row[field] = json!(text);
        }
    }
    if target.external {
        row["External"] = json!(true);
    }
    if let Some(prioritize) = &target.prioritize_by_locality {
        row["PrioritizeByLocality"] = json!(prioritize);
    }
    row
}
