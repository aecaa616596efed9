//! Nodes, and registrations as a whole.

use std::sync::Arc;

use tribune_types::{Name, Node, NodeName, PeeredServiceName, Status};

use super::Writer;
use crate::command::{ApplyError, Registration};
use crate::tables::{CheckName, NodeId, NodeRow, connect_of, service_of};
use crate::watch::Key;

/// The check by which the members of a cluster say whether a node is alive.
const SERF_HEALTH: &str = "serfHealth";

impl Writer<'_> {
    /// Writes a node, then its service, then its checks: each only where it is new or differs.
    pub(super) fn register(&mut self, registration: Registration) -> Result<(), ApplyError> {
        let name = registration.node.node.clone();
        self.ensure_node(registration.node, registration.skip_node_update)?;
        if let Some(service) = registration.service {
            self.ensure_service(&name, service)?;
        }
        registration
            .checks
            .into_iter()
            .try_for_each(|check| self.ensure_check(&name, check))
    }

    fn ensure_node(&mut self, mut node: Node, skip_update: bool) -> Result<(), ApplyError> {
        let existing = self
            .tables
            .nodes
            .get(&node.node)
            .map(|row| Arc::clone(&row.node));
        if existing
            .as_ref()
            .is_some_and(|existing| skip_update || same(existing, &node))
        {
            return Ok(());
        }
        let known_as = node_id(&node).and_then(|id| self.tables.node_ids.get(&id).cloned());
        let renamed = known_as.filter(|old| *old != node.node);
        if let Some(existing) = &existing {
            self.check_name_is_free(existing, &node, renamed.is_some())?;
        }
        node.create_index = existing.map_or(self.index, |existing| existing.create_index);
        if let Some(old) = renamed {
            node.create_index = self
                .tables
                .nodes
                .get(&old)
                .map_or(self.index, |row| row.node.create_index);
            self.delete_node(&old);
        }
        node.modify_index = self.index;
        self.put_node(node);
        Ok(())
    }

    /// Whether a node may take a name that another one has: where that one is not known to be alive, or
    /// has no ID while this one's is new. Consul reserves the name otherwise.
    fn check_name_is_free(
        &self,
        existing: &Node,
        node: &Node,
        renamed: bool,
    ) -> Result<(), ApplyError> {
        let same_id = existing.id.eq_ignore_ascii_case(&node.id);
        if node.id.is_empty() || same_id || (existing.id.is_empty() && !renamed) {
            return Ok(());
        }
        let health = CheckName {
            node: node.node.clone(),
            id: Name::from(SERF_HEALTH),
        };
        match self.tables.checks.get(&health) {
            Some(check) if check.status != Status::Critical => Err(ApplyError::NodeNameTaken {
                name: node.node.clone(),
                id: node.id.clone(),
                holder: existing.id.clone(),
            }),
            _ => Ok(()),
        }
    }

    fn put_node(&mut self, node: Node) {
        let (name, id, node) = (node.node.clone(), node_id(&node), Arc::new(node));
        let row = NodeRow {
            node,
            index: self.index,
        };
        let old = self
            .tables
            .nodes
            .insert(name.clone(), row)
            .and_then(|row| node_id(&row.node));
        if old != id {
            if let Some(old) = old {
                self.tables.node_ids.remove(&old);
            }
            if let Some(id) = id {
                self.tables.node_ids.insert(id, name.clone());
            }
        }
        self.bump(&name.peer, |indexes, index| indexes.nodes = index);
        self.touch_services_on(&name);
        self.touch_node(name);
    }

    /// Removes a node with its services and checks.
    pub(super) fn delete_node(&mut self, name: &NodeName) {
        if !self.tables.nodes.contains(name) {
            return;
        }
        let instances: Vec<Name> = self
            .tables
            .instances_on(name)
            .map(|(instance, _)| instance.id.clone())
            .collect();
        for id in &instances {
            self.delete_service(name, id);
        }
        let checks: Vec<Name> = self
            .tables
            .checks_on(name)
            .map(|check| check.check_id.clone())
            .collect();
        for id in &checks {
            self.delete_check(name, id);
        }
        let Some(row) = self.tables.nodes.remove(name) else {
            return;
        };
        if let Some(id) = node_id(&row.node) {
            self.tables.node_ids.remove(&id);
        }
        self.bump(&name.peer, |indexes, index| {
            indexes.nodes = index;
            indexes.node_extinction = index;
        });
        self.touch_node(name.clone());
    }

    fn touch_node(&mut self, name: NodeName) {
        self.touch(Key::Nodes);
        self.touch(Key::Node(name.clone()));
        self.touch(Key::NodeServices(name));
    }

    /// Marks every service that has an instance on a node, or a proxy there, as changed.
    pub(super) fn touch_services_on(&mut self, node: &NodeName) {
        let mut own: Vec<PeeredServiceName> = Vec::new();
        let mut taken: Vec<PeeredServiceName> = Vec::new();
        for (_, service) in self.tables.instances_on(node) {
            own.push(service_of(node, service));
            taken.extend(connect_of(node, service));
        }
        own.into_iter()
            .for_each(|service| self.touch_service(service));
        taken
            .into_iter()
            .for_each(|service| self.touch_connect(service));
    }

    /// Marks the instances of a service as changed.
    pub(super) fn touch_service(&mut self, service: PeeredServiceName) {
        if let Some(instances) = self.tables.service_names.get_mut(&service) {
            instances.index = self.index;
        }
        self.touch(Key::Service(service));
    }

    /// Marks the instances that take a service's mesh traffic as changed.
    pub(super) fn touch_connect(&mut self, service: PeeredServiceName) {
        if let Some(instances) = self.tables.connect.get_mut(&service) {
            instances.index = self.index;
        }
        self.touch(Key::Connect(service));
    }
}

/// The ID of a node that has one.
pub(crate) fn node_id(node: &Node) -> Option<NodeId> {
    let id = Name::from(node.id.as_str());
    (!id.is_empty()).then(|| NodeId {
        id,
        peer: node.node.peer.clone(),
    })
}

/// Whether two rows say the same, indexes and the case of the name aside.
fn same(a: &Node, b: &Node) -> bool {
    a.node == b.node
        && a.id == b.id
        && a.address == b.address
        && a.datacenter == b.datacenter
        && a.tagged_addresses == b.tagged_addresses
        && a.meta == b.meta
        && a.locality == b.locality
}
