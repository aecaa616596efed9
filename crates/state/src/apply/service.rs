//! Service instances and the names that come and go with them.

use std::sync::Arc;

use tribune_types::{
    HealthCheck, InstanceName, Name, NodeName, NodeService, PeeredServiceName, ServiceAddress,
    ServiceKind, ServiceName, Weights,
};

use super::Writer;
use crate::command::ApplyError;
use crate::tables::{Instances, NameKind, connect_of, service_of};
use crate::watch::Key;

/// Tag of the address that a service got by itself.
const VIRTUAL_ADDRESS: &str = "consul-virtual";

impl Writer<'_> {
    /// Writes an instance where it is new or differs.
    pub(super) fn ensure_service(
        &mut self,
        node: &NodeName,
        mut service: NodeService,
    ) -> Result<(), ApplyError> {
        let instance = InstanceName {
            node: node.clone(),
            id: service.id.clone(),
        };
        if !valid(service.weights) {
            service.weights = Weights::default();
        }
        let taken = connect_of(node, &service);
        if let Some(taken) = &taken {
            let address = self.assign_virtual_ip(taken)?.to_string();
            let virtual_address = ServiceAddress {
                address,
                port: service.port,
            };
            service
                .tagged_addresses
                .get_or_insert_default()
                .insert(VIRTUAL_ADDRESS.to_owned(), virtual_address);
        }
        let existing = self.tables.services.get(&instance).cloned();
        service.create_index = existing
            .as_ref()
            .map_or(self.index, |existing| existing.create_index);
        if let Some(existing) = &existing {
            service.modify_index = existing.modify_index;
            if same(existing, &service) {
                return Ok(());
            }
        }
        service.modify_index = self.index;
        self.put_service(instance, Arc::new(service), existing.as_deref());
        Ok(())
    }

    fn put_service(
        &mut self,
        instance: InstanceName,
        service: Arc<NodeService>,
        existing: Option<&NodeService>,
    ) {
        let node = &instance.node;
        let (name, taken) = (service_of(node, &service), connect_of(node, &service));
        let left = existing
            .map(|existing| service_of(node, existing))
            .filter(|left| *left != name);
        if let Some(existing) = existing {
            if let Some(left) = &left {
                self.leave_service(&instance, existing, left.clone());
            }
            if let Some(left) =
                connect_of(node, existing).filter(|left| Some(left) != taken.as_ref())
            {
                self.leave_connect(&instance, left);
            }
        }
        self.tables
            .services
            .insert(instance.clone(), Arc::clone(&service));
        if shows_in_list(&service, existing) || !self.tables.service_names.contains(&name) {
            self.touch_services(node);
        }
        if !self.tables.service_names.contains(&name) {
            self.tables
                .service_names
                .insert(name.clone(), Instances::default());
        }
        if let Some(instances) = self.tables.service_names.get_mut(&name) {
            instances
                .rows
                .insert(instance.clone(), Arc::clone(&service));
        }
        self.name_kind(&name, NameKind::Instance(service.kind.clone()));
        if let Some(taken) = taken {
            self.join_connect(&instance, &service, taken);
        }
        if let Some(left) = left {
            self.rename_checks(&instance, left);
        }
        self.touch_service(name);
        self.touch_instance(instance);
    }

    /// Gives the checks of an instance, which has left a service for another, their new name.
    fn rename_checks(&mut self, instance: &InstanceName, left: PeeredServiceName) {
        let checks: Vec<_> = self
            .tables
            .checks_of(instance)
            .iter()
            .map(|check| HealthCheck::clone(check))
            .collect();
        if !checks.is_empty() {
            self.touch(Key::ChecksOfService(left));
        }
        for check in checks {
            // Its instance is there, so nothing is missing.
            let _: Result<(), ApplyError> = self.ensure_check(&instance.node, check);
        }
    }

    /// Removes an instance and its checks.
    pub(super) fn delete_service(&mut self, node: &NodeName, id: &Name) {
        let instance = InstanceName {
            node: node.clone(),
            id: id.clone(),
        };
        let Some(service) = self.tables.services.get(&instance).cloned() else {
            return;
        };
        let checks: Vec<Name> = self
            .tables
            .checks_of(&instance)
            .iter()
            .map(|check| check.check_id.clone())
            .collect();
        for check in &checks {
            self.delete_check(node, check);
        }
        self.bump(&node.peer, |indexes, index| indexes.checks = index);
        self.tables.services.remove(&instance);
        if let Some(taken) = connect_of(node, &service) {
            self.leave_connect(&instance, taken);
        }
        self.leave_service(&instance, &service, service_of(node, &service));
        self.touch_instance(instance);
    }

    /// Takes an instance out of those of a service.
    fn leave_service(
        &mut self,
        instance: &InstanceName,
        old: &NodeService,
        name: PeeredServiceName,
    ) {
        let Some(instances) = self.tables.service_names.get_mut(&name) else {
            return;
        };
        instances.rows.remove(instance);
        let extinct = instances.rows.is_empty();
        if extinct {
            self.tables.service_names.remove(&name);
            self.bump(&name.peer, |indexes, index| {
                indexes.service_extinction = index
            });
            self.free_virtual_ip(&name);
            self.forget_kinds(&name);
        }
        if extinct || old.tags.is_some() {
            self.touch_services(&instance.node);
        }
        self.touch_service(name);
    }

    fn join_connect(
        &mut self,
        instance: &InstanceName,
        service: &Arc<NodeService>,
        taken: PeeredServiceName,
    ) {
        if !self.tables.connect.contains(&taken) {
            self.tables
                .connect
                .insert(taken.clone(), Instances::default());
        }
        if let Some(instances) = self.tables.connect.get_mut(&taken) {
            instances.rows.insert(instance.clone(), Arc::clone(service));
        }
        self.name_kind(&taken, NameKind::ConnectEnabled);
        self.touch_connect(taken);
    }

    /// Takes an instance out of those that take a service's mesh traffic.
    fn leave_connect(&mut self, instance: &InstanceName, taken: PeeredServiceName) {
        let Some(instances) = self.tables.connect.get_mut(&taken) else {
            return;
        };
        instances.rows.remove(instance);
        if instances.rows.is_empty() {
            self.tables.connect.remove(&taken);
            // A read that finds nothing has this index, so that whoever waits on it sees the last one go.
            self.bump(&taken.peer, |indexes, index| {
                indexes.service_extinction = index
            });
            self.forget_kind(&taken, NameKind::ConnectEnabled);
        }
        self.touch_connect(taken);
    }

    /// Moves the indexes that every change of an instance moves.
    fn touch_instance(&mut self, instance: InstanceName) {
        self.bump(&instance.node.peer, |indexes, index| {
            indexes.services = index;
            indexes.nodes = index;
        });
        if let Some(row) = self.tables.nodes.get_mut(&instance.node) {
            row.index = self.index;
        }
        self.touch(Key::NodeServices(instance.node.clone()));
        self.touch(Key::Instance(instance));
    }

    /// Marks the list of service names, which is of this cluster's alone, as changed.
    fn touch_services(&mut self, node: &NodeName) {
        if node.peer.is_empty() {
            self.touch(Key::Services);
        }
    }

    /// Remembers that a name of this cluster is of a kind.
    fn name_kind(&mut self, name: &PeeredServiceName, kind: NameKind) {
        let key = (kind, name.service.clone());
        if name.peer.is_empty() && !self.tables.kinds.contains(&key) {
            self.tables.kind_indexes.insert(key.0.clone(), self.index);
            self.touch(Key::NamesOfKind(key.0.clone()));
            self.tables.kinds.insert(key, self.index);
        }
    }

    /// Forgets every kind that the name's instances were of.
    fn forget_kinds(&mut self, name: &PeeredServiceName) {
        let kinds: Vec<NameKind> = self
            .tables
            .kind_indexes
            .iter()
            .map(|(kind, _)| kind.clone())
            .filter(|kind| *kind != NameKind::ConnectEnabled)
            .collect();
        for kind in kinds {
            self.forget_kind(name, kind);
        }
    }

    fn forget_kind(&mut self, name: &PeeredServiceName, kind: NameKind) {
        let key: (NameKind, ServiceName) = (kind, name.service.clone());
        if name.peer.is_empty() && self.tables.kinds.remove(&key).is_some() {
            self.tables.kind_indexes.insert(key.0.clone(), self.index);
            self.touch(Key::NamesOfKind(key.0));
        }
    }
}

/// Whether the list of service names and tags may look different after a row was written.
fn shows_in_list(service: &NodeService, existing: Option<&NodeService>) -> bool {
    existing.map_or_else(
        || service.tags.is_some(),
        |existing| {
            existing.tags != service.tags || !existing.service.name.identical(&service.service.name)
        },
    )
}

/// Whether weights can be used. Consul stores the default ones in place of others.
fn valid(weights: Weights) -> bool {
    const HIGHEST: i32 = 65_535;
    (1..=HIGHEST).contains(&weights.passing) && (0..=HIGHEST).contains(&weights.warning)
}

/// Whether two rows are the same to the letter.
fn same(a: &NodeService, b: &NodeService) -> bool {
    a.service.name.identical(&b.service.name)
        && a.id.identical(&b.id)
        && kind_is_identical(&a.kind, &b.kind)
        && a.proxy
            .destination_service_name
            .identical(&b.proxy.destination_service_name)
        && a == b
}

fn kind_is_identical(a: &ServiceKind, b: &ServiceKind) -> bool {
    a.as_str() == b.as_str()
}
