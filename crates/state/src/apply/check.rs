//! Health checks.

use std::sync::Arc;

use tribune_types::{HealthCheck, InstanceName, Name, NodeName, PeeredServiceName};

use super::Writer;
use crate::command::ApplyError;
use crate::tables::{CheckName, connect_of, service_of};
use crate::watch::Key;

impl Writer<'_> {
    /// Writes a check where it is new or differs. A check of an instance takes its service's name and tags.
    pub(super) fn ensure_check(
        &mut self,
        node: &NodeName,
        mut check: HealthCheck,
    ) -> Result<(), ApplyError> {
        if check.node != *node {
            return Err(ApplyError::CheckOfOtherNode {
                check: check.check_id,
                of: check.node,
                node: node.clone(),
            });
        }
        if check.service_id.is_empty() {
            check.service_name = Name::default();
            check.service_tags = None;
        } else {
            let instance = InstanceName {
                node: node.clone(),
                id: check.service_id.clone(),
            };
            let Some(service) = self.tables.services.get(&instance) else {
                return Err(ApplyError::UnknownService {
                    check: check.check_id,
                    service: check.service_id,
                    node: node.clone(),
                });
            };
            check.service_name = service.service.name.clone();
            check.service_tags.clone_from(&service.tags);
        }
        let name = CheckName {
            node: node.clone(),
            id: check.check_id.clone(),
        };
        let existing = self.tables.checks.get(&name).cloned();
        check.create_index = existing
            .as_ref()
            .map_or(self.index, |existing| existing.create_index);
        if let Some(existing) = existing {
            check.modify_index = existing.modify_index;
            if *existing == check {
                return Ok(());
            }
            if existing.status != check.status || existing.service_id != check.service_id {
                self.take_check(&name, &existing);
            }
        }
        check.modify_index = self.index;
        self.put_check(name, Arc::new(check));
        Ok(())
    }

    fn put_check(&mut self, name: CheckName, check: Arc<HealthCheck>) {
        self.list(&name, &check.service_id, Some(&check));
        self.tables
            .checks_by_status
            .insert((check.status.clone(), name.clone()), Arc::clone(&check));
        self.touch_check(&name, &check);
        self.tables.checks.insert(name, check);
    }

    /// Removes a check.
    pub(super) fn delete_check(&mut self, node: &NodeName, id: &Name) {
        let name = CheckName {
            node: node.clone(),
            id: id.clone(),
        };
        let Some(check) = self.tables.checks.remove(&name) else {
            return;
        };
        self.take_check(&name, &check);
        if check.service_id.is_empty() {
            self.bump(&node.peer, |indexes, index| indexes.services = index);
        }
    }

    /// Takes a check from where it is found by what it said, and of what.
    fn take_check(&mut self, name: &CheckName, check: &HealthCheck) {
        self.list(name, &check.service_id, None);
        self.tables
            .checks_by_status
            .remove(&(check.status.clone(), name.clone()));
        self.touch_check(name, check);
    }

    /// Puts a check into the list of its instance, or its node, in place of the one that has its ID.
    fn list(&mut self, name: &CheckName, service_id: &Name, check: Option<&Arc<HealthCheck>>) {
        let instance = InstanceName {
            node: name.node.clone(),
            id: service_id.clone(),
        };
        let listed = self.tables.checks_listed(&instance);
        let before = listed.iter().take_while(|listed| listed.check_id < name.id);
        let after = listed
            .iter()
            .skip_while(|listed| listed.check_id <= name.id);
        let checks: Arc<[_]> = before.chain(check).chain(after).cloned().collect();
        if checks.is_empty() {
            self.tables.checks_by_instance.remove(&instance);
        } else {
            self.tables.checks_by_instance.insert(instance, checks);
        }
    }

    /// Marks what a check is part of as changed: its instance, or every instance on the node.
    fn touch_check(&mut self, name: &CheckName, check: &HealthCheck) {
        let node = &name.node;
        self.bump(&node.peer, |indexes, index| indexes.checks = index);
        self.touch(Key::Checks(node.clone()));
        if node.peer.is_empty() {
            self.touch(Key::AllChecks);
            self.touch(Key::ChecksInState(check.status.clone()));
        }
        if check.service_id.is_empty() {
            self.touch_services_on(node);
            return;
        }
        let instance = InstanceName {
            node: node.clone(),
            id: check.service_id.clone(),
        };
        let Some(service) = self.tables.services.get(&instance).cloned() else {
            return;
        };
        let own: PeeredServiceName = service_of(node, &service);
        self.touch(Key::ChecksOfService(own.clone()));
        self.touch_service(own);
        if let Some(taken) = connect_of(node, &service) {
            self.touch_connect(taken);
        }
    }
}
