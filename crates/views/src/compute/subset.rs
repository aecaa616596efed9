//! The instances of a subset.

use std::cell::OnceCell;

use serde_json::{Value as Json, json};
use tribune_derived::{Endpoints, SubsetKey};
use tribune_filter::{Fields, Filter, Value, rows};
use tribune_state::CheckServiceNode;
use tribune_types::{Node, NodeService, PeeredServiceName};

use super::Computation;
use super::catalog::endpoint;

impl Computation<'_> {
    /// The instances that take mesh traffic for a service and that a filter selects. One that cannot be made
    /// out selects none: whoever wrote it meant to leave some out.
    pub(super) fn subset(&mut self, key: &SubsetKey) -> Endpoints {
        let service = PeeredServiceName::from(key.service.clone());
        let instances = self
            .snapshot
            .check_connect_nodes(&service, self.watch)
            .value;
        let Ok(filter) = Filter::compile(&key.filter, &rows::CHECK_SERVICE_NODE) else {
            return Endpoints::default();
        };
        let selected = instances
            .iter()
            .filter(|instance| filter.matches(Value::Map(&Row::new(instance))));
        let endpoints = selected
            .map(|instance| endpoint(instance, &self.settings.datacenter))
            .collect();
        Endpoints { endpoints }
    }
}

/// An instance as a row of the health API. What is seldom selected is put together when it is.
struct Row<'a> {
    instance: &'a CheckServiceNode,
    node: NodeFields<'a>,
    service: ServiceFields<'a>,
    checks: OnceCell<Vec<Json>>,
}

struct NodeFields<'a>(&'a Node);

struct ServiceFields<'a> {
    service: &'a NodeService,
    rest: OnceCell<Json>,
}

// === impl Row ===

impl<'a> Row<'a> {
    fn new(instance: &'a CheckServiceNode) -> Self {
        Self {
            instance,
            node: NodeFields(&instance.node),
            service: ServiceFields {
                service: &instance.service,
                rest: OnceCell::new(),
            },
            checks: OnceCell::new(),
        }
    }

    fn checks(&self) -> Vec<Json> {
        let checks = self.instance.checks.iter().map(|check| {
            json!({
                "Node": check.node.name, "CheckID": check.check_id, "Name": check.name,
                "Status": check.status.as_str(), "Notes": check.notes, "Output": check.output,
                "ServiceID": check.service_id, "ServiceName": check.service_name,
                "ServiceTags": check.service_tags, "Type": check.check_type,
                "Interval": check.interval, "Timeout": check.timeout,
                "ExposedPort": check.exposed_port, "PeerName": check.node.peer,
            })
        });
        checks.collect()
    }
}

impl Fields for Row<'_> {
    fn field(&self, name: &str) -> Option<Value<'_>> {
        match name {
            "Node" => Some(Value::Map(&self.node)),
            "Service" => Some(Value::Map(&self.service)),
            "Checks" => Some(Value::List(self.checks.get_or_init(|| self.checks()))),
            _ => None,
        }
    }

    fn is_empty(&self) -> bool {
        false
    }
}

// === impl NodeFields ===

impl Fields for NodeFields<'_> {
    fn field(&self, name: &str) -> Option<Value<'_>> {
        let node = self.0;
        Some(match name {
            "ID" => Value::Str(&node.id),
            "Node" => Value::Str(&node.node.name),
            "Address" => Value::Str(&node.address),
            "Datacenter" => Value::Str(&node.datacenter),
            "PeerName" => Value::Str(&node.node.peer),
            "Partition" => Value::Str(node.node.tenancy.partition()),
            "Meta" => Value::Map(node.meta.as_ref()?),
            "TaggedAddresses" => Value::Map(node.tagged_addresses.as_ref()?),
            _ => return None,
        })
    }

    fn is_empty(&self) -> bool {
        false
    }
}

// === impl ServiceFields ===

impl ServiceFields<'_> {
    fn rest(&self) -> Json {
        let service = self.service;
        json!({
            "TaggedAddresses": service.tagged_addresses,
            "Weights": service.weights,
            "Connect": {"Native": service.native},
            "Proxy": service.proxy,
        })
    }
}

impl Fields for ServiceFields<'_> {
    fn field(&self, name: &str) -> Option<Value<'_>> {
        let service = self.service;
        Some(match name {
            "Kind" => Value::Str(service.kind.as_str()),
            "ID" => Value::Str(&service.id),
            "Service" => Value::Str(&service.service.name),
            "Tags" => Value::List(service.tags.as_ref()?),
            "Address" => Value::Str(&service.address),
            "Port" => Value::Int(service.port.into()),
            "SocketPath" => Value::Str(&service.socket_path),
            "Meta" => Value::Map(service.meta.as_ref()?),
            "EnableTagOverride" => Value::Bool(service.enable_tag_override),
            _ => {
                return self
                    .rest
                    .get_or_init(|| self.rest())
                    .get(name)
                    .map(Value::from);
            }
        })
    }

    fn is_empty(&self) -> bool {
        false
    }
}
