//! Anti-entropy: what the catalog must be told so that it says what this agent says.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use tribune_types::{HealthCheck, Name, NodeService, ServiceAddress, Token};

use crate::state::Local;

/// The service of servers themselves; the servers keep it, not the agents.
const SERVERS: &str = "consul";
/// The check of whether a node is alive; the servers keep it.
const ALIVE: &str = "serfHealth";
/// How tags of addresses begin that the servers add to a service.
const SERVERS_ADDRESS: &str = "consul-";

/// One thing that the catalog must be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sync {
    /// To take a service, checks, or both.
    Register {
        /// The service; `None` where the catalog has it as it is.
        service: Option<Arc<NodeService>>,
        /// Checks, all of that service, of one other service, or of the node.
        checks: Vec<Arc<HealthCheck>>,
        /// The token to do it with.
        token: Token,
    },
    /// To remove a service and its checks. That there is none is a success.
    DeregisterService {
        /// Its ID.
        id: Name,
        /// The token that it was registered with; empty where nobody here registered it.
        token: Token,
    },
    /// To remove a check. That there is none is a success.
    DeregisterCheck {
        /// Its ID.
        id: Name,
        /// The token that it was registered with; empty where nobody here registered it.
        token: Token,
    },
}

/// What the catalog has of this agent's node.
#[derive(Clone, Debug, Default)]
pub struct InCatalog {
    /// Its services.
    pub services: Vec<Arc<NodeService>>,
    /// Its checks, those of its services included.
    pub checks: Vec<Arc<HealthCheck>>,
}

/// What is to be told. An ID that is here but no longer registered is to be removed.
#[derive(Debug)]
pub(crate) struct Outbox {
    services: BTreeSet<Name>,
    checks: BTreeSet<Name>,
    removed_services: BTreeMap<Name, Token>,
    removed_checks: BTreeMap<Name, RemovedCheck>,
}

#[derive(Debug)]
struct RemovedCheck {
    service: Name,
    token: Token,
}

// === impl Outbox ===

impl Outbox {
    pub(crate) const fn new() -> Self {
        Self {
            services: BTreeSet::new(),
            checks: BTreeSet::new(),
            removed_services: BTreeMap::new(),
            removed_checks: BTreeMap::new(),
        }
    }

    pub(crate) fn service_changed(&mut self, id: &Name) {
        self.removed_services.remove(id);
        self.services.insert(id.clone());
    }

    pub(crate) fn check_changed(&mut self, id: &Name) {
        self.removed_checks.remove(id);
        self.checks.insert(id.clone());
    }

    pub(crate) fn has_check(&self, id: &Name) -> bool {
        self.checks.contains(id)
    }

    pub(crate) fn service_removed(&mut self, id: &Name, token: Token) {
        self.services.insert(id.clone());
        self.removed_services.insert(id.clone(), token);
    }

    pub(crate) fn check_removed(&mut self, id: &Name, service: &Name, token: Token) {
        self.checks.insert(id.clone());
        let service = service.clone();
        self.removed_checks
            .insert(id.clone(), RemovedCheck { service, token });
    }

    /// The catalog removed a service, and with it the checks that it had there.
    fn service_gone(&mut self, id: &Name) {
        self.services.remove(id);
        self.removed_services.remove(id);
        let checks = &mut self.checks;
        self.removed_checks.retain(|check, removed| {
            let keep = removed.service != *id;
            if !keep {
                checks.remove(check);
            }
            keep
        });
    }
}

// === impl Local ===

impl Local {
    /// The next thing that the catalog must be told, services before checks; `None` while it has everything.
    /// The same is returned until [`Local::handle_synced`] or [`Local::handle_sync_failed`] takes the answer.
    #[must_use]
    pub fn poll_sync(&self) -> Option<Sync> {
        if let Some(id) = self.outbox.services.first() {
            let Some(service) = self.services.get(id) else {
                let token = self
                    .outbox
                    .removed_services
                    .get(id)
                    .cloned()
                    .unwrap_or_default();
                return Some(Sync::DeregisterService {
                    id: id.clone(),
                    token,
                });
            };
            return Some(Sync::Register {
                service: Some(Arc::clone(&service.row)),
                checks: self.waiting_checks(id, &service.token),
                token: service.token.clone(),
            });
        }
        let id = self.outbox.checks.first()?;
        let Some(check) = self.checks.get(id) else {
            let removed = self.outbox.removed_checks.get(id);
            let token = removed
                .map(|removed| removed.token.clone())
                .unwrap_or_default();
            return Some(Sync::DeregisterCheck {
                id: id.clone(),
                token,
            });
        };
        Some(Sync::Register {
            service: None,
            checks: self.waiting_checks(&check.check.service_id, &check.token),
            token: check.token.clone(),
        })
    }

    /// The catalog took it. What changed here meanwhile comes again.
    pub fn handle_synced(&mut self, sync: &Sync) {
        match sync {
            Sync::Register {
                service, checks, ..
            } => {
                if let Some(service) = service {
                    self.service_settled(service);
                }
                checks.iter().for_each(|check| self.check_settled(check));
            }
            Sync::DeregisterService { id, .. } if !self.services.contains_key(id) => {
                self.outbox.service_gone(id);
            }
            Sync::DeregisterCheck { id, .. } if !self.checks.contains_key(id) => {
                self.outbox.checks.remove(id);
                self.outbox.removed_checks.remove(id);
            }
            Sync::DeregisterService { .. } | Sync::DeregisterCheck { .. } => {}
        }
    }

    /// The catalog refused it, or could not be asked. It is set aside, so that it does not hold up the rest,
    /// until it changes or [`Local::handle_catalog`] finds that the catalog lacks it: the driver hands in the
    /// catalog again when it is time for another attempt.
    pub fn handle_sync_failed(&mut self, sync: &Sync) {
        match sync {
            Sync::Register {
                service, checks, ..
            } => {
                if let Some(service) = service {
                    self.service_settled(service);
                }
                checks.iter().for_each(|check| self.check_settled(check));
            }
            Sync::DeregisterService { id, .. } if !self.services.contains_key(id) => {
                self.outbox.services.remove(id);
            }
            Sync::DeregisterCheck { id, .. } if !self.checks.contains_key(id) => {
                self.outbox.checks.remove(id);
            }
            Sync::DeregisterService { .. } | Sync::DeregisterCheck { .. } => {}
        }
    }

    /// Compares with what the catalog has of this node: what it lacks or has otherwise is registered, what
    /// only it has is removed, but for what the servers keep.
    pub fn handle_catalog(&mut self, catalog: &InCatalog, now: Instant) {
        let there: BTreeMap<&Name, &NodeService> = catalog
            .services
            .iter()
            .map(|service| (&service.id, &**service))
            .collect();
        for (id, local) in &mut self.services {
            let Some(remote) = there.get(id) else {
                self.outbox.service_changed(id);
                continue;
            };
            if local.row.enable_tag_override && local.row.tags != remote.tags {
                Arc::make_mut(&mut local.row).tags.clone_from(&remote.tags);
                self.version += 1;
            }
            if !same_service(&local.row, remote) {
                self.outbox.service_changed(id);
            }
        }
        let outbox = &mut self.outbox;
        let only_there = there.keys().filter(|id| !self.services.contains_key(**id));
        outbox.services.extend(
            only_there
                .filter(|id| **id != SERVERS)
                .map(|id| Name::clone(id)),
        );
        outbox
            .removed_services
            .retain(|id, _| there.contains_key(id));
        outbox
            .services
            .retain(|id| self.services.contains_key(id) || there.contains_key(id));

        let there: BTreeMap<&Name, &HealthCheck> = catalog
            .checks
            .iter()
            .map(|check| (&check.check_id, &**check))
            .collect();
        for (id, local) in &self.checks {
            let ignore_output = local.deferred.is_some_and(|at| at > now);
            let same = |remote: &&HealthCheck| same_check(&local.check, remote, ignore_output);
            if !there.get(id).is_some_and(same) {
                outbox.check_changed(id);
            }
        }
        // A service that is to be removed takes its checks along.
        let leaves = |check: &HealthCheck| {
            !check.service_id.is_empty() && !self.services.contains_key(&check.service_id)
        };
        let only_there = there.iter().filter(|(id, check)| {
            !self.checks.contains_key(**id) && ***id != *ALIVE && !leaves(check)
        });
        outbox
            .checks
            .extend(only_there.map(|(id, _)| Name::clone(id)));
        outbox.removed_checks.retain(|id, _| there.contains_key(id));
        outbox
            .checks
            .retain(|id| self.checks.contains_key(id) || there.contains_key(id));
    }

    /// The checks of a service, or of the node, that the catalog lacks, as far as one token is used for them.
    fn waiting_checks(&self, service: &Name, token: &Token) -> Vec<Arc<HealthCheck>> {
        let ids = self.checks_of.get(service).into_iter().flatten();
        ids.filter(|id| self.outbox.has_check(id))
            .filter_map(|id| self.checks.get(id))
            .filter(|check| check.token == *token)
            .map(|check| Arc::clone(&check.check))
            .collect()
    }

    fn service_settled(&mut self, sent: &Arc<NodeService>) {
        let now = self.services.get(&sent.id);
        if now.is_some_and(|service| Arc::ptr_eq(&service.row, sent)) {
            self.outbox.services.remove(&sent.id);
        }
    }

    fn check_settled(&mut self, sent: &Arc<HealthCheck>) {
        let now = self.checks.get(&sent.check_id);
        if now.is_some_and(|check| Arc::ptr_eq(&check.check, sent)) {
            self.outbox.checks.remove(&sent.check_id);
        }
    }
}

/// Whether the catalog's row says what the local one does. Indexes, addresses that the servers add, and
/// whether something is empty or absent do not matter.
fn same_service(local: &NodeService, remote: &NodeService) -> bool {
    let comparable = |row: &NodeService| {
        let mut addresses = row.tagged_addresses.clone().unwrap_or_default();
        addresses.retain(|tag, _: &mut ServiceAddress| !tag.starts_with(SERVERS_ADDRESS));
        NodeService {
            tags: Some(row.tags.clone().unwrap_or_default()),
            meta: Some(row.meta.clone().unwrap_or_default()),
            tagged_addresses: Some(addresses),
            create_index: 0,
            modify_index: 0,
            ..row.clone()
        }
    };
    local.service.name.identical(&remote.service.name) && comparable(local) == comparable(remote)
}

/// Whether the catalog's row says what the local one does. Name and tags of the service are the catalog's.
fn same_check(local: &HealthCheck, remote: &HealthCheck, ignore_output: bool) -> bool {
    *local
        == HealthCheck {
            node: local.node.clone(),
            service_name: local.service_name.clone(),
            service_tags: local.service_tags.clone(),
            output: if ignore_output {
                local.output.clone()
            } else {
                remote.output.clone()
            },
            create_index: local.create_index,
            modify_index: local.modify_index,
            ..remote.clone()
        }
}

#[cfg(test)]
mod tests;
