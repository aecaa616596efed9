//! Nodes, services and their instances.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tribune_types::{InstanceName, Node, NodeName, NodeService, PeeredServiceName, ServiceName};

use super::{Indexed, Snapshot};
use crate::tables::{Instances, NameKind, VirtualIp};
use crate::watch::{Key, WatchSet};

/// A node and everything on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeServices {
    /// The node.
    pub node: Arc<Node>,
    /// Its services, by ID.
    pub services: Vec<Arc<NodeService>>,
}

/// An instance and its node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceNode {
    /// The node.
    pub node: Arc<Node>,
    /// The instance.
    pub service: Arc<NodeService>,
}

impl Snapshot {
    /// The nodes of this cluster, by name.
    pub fn nodes(&self, watch: &mut WatchSet) -> Indexed<Vec<Arc<Node>>> {
        watch.record(|| Key::Nodes);
        let local = self
            .tables
            .nodes
            .iter()
            .filter(|(name, _)| name.peer.is_empty());
        let value = local.map(|(_, row)| Arc::clone(&row.node)).collect();
        Indexed {
            index: self.tables.peer(&Default::default()).nodes,
            value,
        }
    }

    /// A node.
    pub fn node(&self, name: &NodeName, watch: &mut WatchSet) -> Indexed<Option<Arc<Node>>> {
        watch.record(|| Key::Node(name.clone()));
        let value = self.tables.nodes.get(name).map(|row| Arc::clone(&row.node));
        Indexed {
            index: self.tables.peer(&name.peer).nodes,
            value,
        }
    }

    /// A node with its services.
    pub fn node_services(
        &self,
        name: &NodeName,
        watch: &mut WatchSet,
    ) -> Indexed<Option<NodeServices>> {
        watch.record(|| Key::NodeServices(name.clone()));
        let Some(row) = self.tables.nodes.get(name) else {
            return Indexed {
                index: self.tables.peer(&name.peer).node_extinction,
                value: None,
            };
        };
        let services = self
            .tables
            .instances_on(name)
            .map(|(_, service)| Arc::clone(service))
            .collect();
        Indexed {
            index: row.index,
            value: Some(NodeServices {
                node: Arc::clone(&row.node),
                services,
            }),
        }
    }

    /// The service names of this cluster, each with the tags that any of its instances has.
    pub fn services(
        &self,
        watch: &mut WatchSet,
    ) -> Indexed<BTreeMap<ServiceName, BTreeSet<String>>> {
        watch.record(|| Key::Services);
        let local = self
            .tables
            .service_names
            .iter()
            .filter(|(name, _)| name.peer.is_empty());
        let value = local.map(|(name, instances)| {
            let tags = instances
                .rows
                .values()
                .flat_map(|service| service.tags.iter().flatten().cloned());
            // The name as its instances write it, not as the first of them ever did.
            let written = instances
                .rows
                .values()
                .next()
                .map_or(&name.service, |service| &service.service);
            (written.clone(), tags.collect())
        });
        Indexed {
            value: value.collect(),
            index: self.tables.peer(&Default::default()).services,
        }
    }

    /// The names of this cluster that are of a kind, in order.
    pub fn names_of_kind(
        &self,
        kind: &NameKind,
        watch: &mut WatchSet,
    ) -> Indexed<Vec<ServiceName>> {
        watch.record(|| Key::NamesOfKind(kind.clone()));
        let rows = self
            .tables
            .kinds
            .range_from(&(kind.clone(), ServiceName::default()));
        let value = rows
            .take_while(|(key, _)| key.0 == *kind)
            .map(|(key, _)| key.1.clone())
            .collect();
        Indexed {
            index: self
                .tables
                .kind_indexes
                .get(kind)
                .copied()
                .unwrap_or_default(),
            value,
        }
    }

    /// One instance.
    pub fn instance(
        &self,
        name: &InstanceName,
        watch: &mut WatchSet,
    ) -> Indexed<Option<Arc<NodeService>>> {
        watch.record(|| Key::Instance(name.clone()));
        let value = self.tables.services.get(name).cloned();
        Indexed {
            index: self.tables.peer(&name.node.peer).services,
            value,
        }
    }

    /// The instances of a service, by node and ID.
    pub fn service_nodes(
        &self,
        service: &PeeredServiceName,
        watch: &mut WatchSet,
    ) -> Indexed<Vec<ServiceNode>> {
        watch.record(|| Key::Service(service.clone()));
        let instances = self.tables.service_names.get(service);
        let index = self.service_index(service, instances.is_some(), false);
        Indexed {
            index,
            value: self.with_nodes(instances),
        }
    }

    /// The instances that take mesh traffic for a service, by node and ID.
    ///
    /// The index is Consul's, or that of the last change of any of these instances where it is higher:
    /// Consul's can stand still while they change.
    pub fn connect_nodes(
        &self,
        service: &PeeredServiceName,
        watch: &mut WatchSet,
    ) -> Indexed<Vec<ServiceNode>> {
        watch.record(|| Key::Connect(service.clone()));
        let instances = self.tables.connect.get(service);
        let consul = self.service_index(service, instances.is_some(), false);
        let index = instances.map_or(consul, |instances| consul.max(instances.index));
        Indexed {
            index,
            value: self.with_nodes(instances),
        }
    }

    /// The virtual addresses of a service.
    pub fn virtual_ip(
        &self,
        service: &PeeredServiceName,
        watch: &mut WatchSet,
    ) -> Indexed<Option<VirtualIp>> {
        watch.record(|| Key::VirtualIps(service.clone()));
        let table = &self.tables.virtual_ips;
        Indexed {
            index: table.index,
            value: table.rows.get(service).cloned(),
        }
    }

    fn with_nodes(&self, instances: Option<&Instances>) -> Vec<ServiceNode> {
        let rows = instances.into_iter().flat_map(|instances| &instances.rows);
        rows.filter_map(|(instance, service)| {
            let node = Arc::clone(&self.tables.nodes.get(&instance.node)?.node);
            Some(ServiceNode {
                node,
                service: Arc::clone(service),
            })
        })
        .collect()
    }

    /// The index of an answer about a service: its own, else when one disappeared last, else the tables'.
    pub(super) fn service_index(
        &self,
        service: &PeeredServiceName,
        found: bool,
        checks: bool,
    ) -> u64 {
        let tables = self.tables.peer(&service.peer);
        if !found && tables.service_extinction > 0 {
            return tables.service_extinction;
        }
        self.tables.service_names.get(service).map_or_else(
            || {
                tables
                    .services
                    .max(tables.nodes)
                    .max(if checks { tables.checks } else { 0 })
            },
            |instances| instances.index,
        )
    }
}
