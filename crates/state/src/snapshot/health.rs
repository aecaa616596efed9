//! Checks, and instances with theirs.

use std::sync::Arc;

use tribune_types::{HealthCheck, Index, Node, NodeName, NodeService, PeeredServiceName, Status};

use super::{Indexed, Snapshot};
use crate::tables::{CheckName, Instances, service_of};
use crate::watch::{Key, WatchSet};

/// An instance with its node and everything that is known about its health.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckServiceNode {
    /// The node.
    pub node: Arc<Node>,
    /// The instance.
    pub service: Arc<NodeService>,
    /// The checks of the node, then those of the instance, each by ID.
    pub checks: Vec<Arc<HealthCheck>>,
}

impl Snapshot {
    /// The instances of a service with their health, by node and ID.
    pub fn check_service_nodes(
        &self,
        service: &PeeredServiceName,
        watch: &mut WatchSet,
    ) -> Indexed<Vec<CheckServiceNode>> {
        watch.record(|| Key::Service(service.clone()));
        let instances = self.tables.service_names.get(service);
        let index = self.service_index(service, instances.is_some(), true);
        Indexed {
            index,
            value: self.with_checks(instances),
        }
    }

    /// The instances that take mesh traffic for a service with their health, by node and ID.
    ///
    /// The index is Consul's (the highest of the services that these are instances of), or that of the
    /// last change of any of these instances where it is higher: Consul's can stand still while they change.
    pub fn check_connect_nodes(
        &self,
        service: &PeeredServiceName,
        watch: &mut WatchSet,
    ) -> Indexed<Vec<CheckServiceNode>> {
        watch.record(|| Key::Connect(service.clone()));
        let instances = self.tables.connect.get(service);
        let index = instances.map_or_else(
            || self.service_index(service, false, true),
            |instances| self.index_of_services(instances).max(instances.index),
        );
        Indexed {
            index,
            value: self.with_checks(instances),
        }
    }

    /// The checks on a node, those of its services included, by ID.
    pub fn node_checks(
        &self,
        node: &NodeName,
        watch: &mut WatchSet,
    ) -> Indexed<Vec<Arc<HealthCheck>>> {
        watch.record(|| Key::Checks(node.clone()));
        let value = self.tables.checks_on(node).cloned().collect();
        Indexed {
            index: self.tables.peer(&node.peer).checks,
            value,
        }
    }

    /// The checks of a service's instances, by node and ID.
    pub fn service_checks(
        &self,
        service: &PeeredServiceName,
        watch: &mut WatchSet,
    ) -> Indexed<Vec<Arc<HealthCheck>>> {
        watch.record(|| Key::ChecksOfService(service.clone()));
        let instances = self
            .tables
            .service_names
            .get(service)
            .into_iter()
            .flat_map(|instances| &instances.rows);
        let value = instances
            .flat_map(|(instance, _)| self.tables.checks_of(instance).iter().cloned())
            .collect();
        Indexed {
            index: self.tables.peer(&service.peer).checks,
            value,
        }
    }

    /// The checks of this cluster that say this, or all of them, by node and ID.
    pub fn checks_in_state(
        &self,
        status: Option<&Status>,
        watch: &mut WatchSet,
    ) -> Indexed<Vec<Arc<HealthCheck>>> {
        let local = |check: &&Arc<HealthCheck>| check.node.peer.is_empty();
        let value = match status {
            None => {
                watch.record(|| Key::AllChecks);
                self.tables.checks.values().filter(local).cloned().collect()
            }
            Some(status) => {
                watch.record(|| Key::ChecksInState(status.clone()));
                let first = CheckName {
                    node: NodeName::default(),
                    id: Default::default(),
                };
                let rows = self
                    .tables
                    .checks_by_status
                    .range_from(&(status.clone(), first));
                let rows = rows
                    .take_while(|(key, _)| key.0 == *status)
                    .map(|(_, check)| check);
                rows.filter(local).cloned().collect()
            }
        };
        Indexed {
            index: self.tables.peer(&Default::default()).checks,
            value,
        }
    }

    fn with_checks(&self, instances: Option<&Instances>) -> Vec<CheckServiceNode> {
        let rows = instances.into_iter().flat_map(|instances| &instances.rows);
        rows.filter_map(|(instance, service)| {
            let node = Arc::clone(&self.tables.nodes.get(&instance.node)?.node);
            let of_node = self.tables.checks_of_node(&instance.node);
            let checks = [of_node, self.tables.checks_of(instance)].concat();
            Some(CheckServiceNode {
                node,
                service: Arc::clone(service),
                checks,
            })
        })
        .collect()
    }

    /// The highest index of the services that these are instances of.
    fn index_of_services(&self, instances: &Instances) -> Index {
        let services = instances
            .rows
            .iter()
            .map(|(instance, service)| service_of(&instance.node, service));
        services
            .filter_map(|service| self.tables.service_names.get(&service))
            .map(|row| row.index)
            .max()
            .unwrap_or(0)
    }
}
