//! Proves that every name that a configuration refers to is there.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use crate::json;
use crate::resource::{Resource, ResourceType};
use crate::secrets;

/// A name that is referred to and not there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dangling {
    /// What refers to it.
    pub from: (ResourceType, Arc<str>),
    /// What is missing.
    pub to: (ResourceType, String),
}

impl fmt::Display for Dangling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {:?} refers to {} {:?}, which is not there",
            self.from.0, self.from.1, self.to.0, self.to.1
        )
    }
}

/// The references of a configuration that lead nowhere. The secret [`crate::LEAF`] counts as there: the
/// stream has it.
#[must_use]
pub fn check<'a>(resources: impl IntoIterator<Item = &'a Resource>) -> Vec<Dangling> {
    let resources: Vec<_> = resources.into_iter().collect();
    let mut known: BTreeSet<_> = resources
        .iter()
        .map(|resource| (resource.kind, resource.name.to_string()))
        .collect();
    known.insert((ResourceType::Secret, secrets::LEAF.to_owned()));
    let mut dangling = BTreeSet::new();
    for resource in resources {
        let body = json::dump(resource.kind.type_url(), &resource.body).unwrap_or_default();
        let mut references = BTreeSet::new();
        if resource.kind == ResourceType::Cluster && body["type"] == "EDS" {
            let asked = body
                .pointer("/eds_cluster_config/service_name")
                .and_then(Value::as_str);
            references.insert((
                ResourceType::Endpoints,
                asked.unwrap_or(&resource.name).to_owned(),
            ));
        }
        collect(&body, &mut references);
        let missing = references
            .into_iter()
            .filter(|reference| !known.contains(reference));
        dangling.extend(missing.map(|to| Dangling {
            from: (resource.kind, Arc::clone(&resource.name)),
            to,
        }));
    }
    dangling.into_iter().collect()
}

/// What a message and those within it refer to.
fn collect(value: &Value, references: &mut BTreeSet<(ResourceType, String)>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, references)),
        Value::Object(fields) => {
            let text = |key: &str| fields.get(key).and_then(Value::as_str).map(str::to_owned);
            // `cluster` of a route or of a TCP proxy
            references.extend(text("cluster").map(|name| (ResourceType::Cluster, name)));
            let weighted = value
                .pointer("/weighted_clusters/clusters")
                .and_then(Value::as_array);
            for cluster in weighted.into_iter().flatten() {
                let name = cluster["name"].as_str().unwrap_or_default();
                references.insert((ResourceType::Cluster, name.to_owned()));
            }
            // the members of a failover cluster
            if text("@type").is_some_and(|of| of.ends_with("aggregate.v3.ClusterConfig")) {
                let members = fields.get("clusters").and_then(Value::as_array);
                let members = members.into_iter().flatten().filter_map(Value::as_str);
                references.extend(members.map(|name| (ResourceType::Cluster, name.to_owned())));
            }
            references.extend(text("route_config_name").map(|name| (ResourceType::Route, name)));
            if fields.contains_key("sds_config") {
                references.extend(text("name").map(|name| (ResourceType::Secret, name)));
            }
            fields.values().for_each(|field| collect(field, references));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use envoy_types::pb::envoy::config::listener::v3::{Filter, FilterChain, Listener, filter};
    use envoy_types::pb::envoy::extensions::filters::network::tcp_proxy::v3::{
        TcpProxy, tcp_proxy,
    };
    use prost::Message;

    use super::*;
    use crate::wire::{any, socket_address};
    use crate::{endpoints, tls};

    #[test]
    fn references_that_lead_nowhere_are_found_within_extensions_too() {
        let proxy = TcpProxy {
            cluster_specifier: Some(tcp_proxy::ClusterSpecifier::Cluster("db".to_owned())),
            ..Default::default()
        };
        let filter = Filter {
            config_type: Some(filter::ConfigType::TypedConfig(any(&proxy))),
            ..Default::default()
        };
        let chain = FilterChain {
            filters: vec![filter],
            transport_socket: Some(tls::downstream("tcp", None)),
            ..Default::default()
        };
        let listener = Listener {
            address: Some(socket_address(Ipv4Addr::LOCALHOST.into(), 1)),
            filter_chains: vec![chain],
            ..Default::default()
        };
        let listener = Resource::new(ResourceType::Listener, "l", listener.encode_to_vec());
        let (endpoints, _) = endpoints::assignment("db", &Default::default(), false);
        let found: Vec<_> = check([&listener, &endpoints])
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            found,
            [
                "listener \"l\" refers to cluster \"db\", which is not there",
                "listener \"l\" refers to secret \"roots\", which is not there",
            ]
        );
    }
}
