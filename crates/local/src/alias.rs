//! Alias checks: checks that repeat what the checks of another instance say.
//!
//! An alias of an alias is followed to the checks that find things out themselves, so the order of
//! updates does not matter and aliases that go round in a circle do no harm.

use std::collections::BTreeSet;
use std::time::Instant;

use tribune_types::{Name, Status};

use crate::kind::CheckKind;
use crate::state::Local;

// === impl Local ===

impl Local {
    /// Brings the alias checks up to date that repeat a service (the node where the ID is empty), directly
    /// or through others.
    pub(crate) fn refresh_aliases(&mut self, service: &Name, now: Instant) {
        for id in self.aliases_that_see(service) {
            self.refresh_alias(&id, now);
        }
    }

    /// Brings one check up to date, if it is an alias check.
    pub(crate) fn refresh_alias(&mut self, id: &Name, now: Instant) {
        let Some(CheckKind::Alias { node, service }) = self.checks.get(id).map(|check| &check.kind)
        else {
            return;
        };
        let (status, output) = self.repeat(node, service);
        if let Some(check) = self.checks.get_mut(id) {
            let change = check.set(status, &output, now);
            self.note(id, change, now);
        }
    }

    fn aliases_that_see(&self, service: &Name) -> BTreeSet<Name> {
        let mut seen = BTreeSet::new();
        let mut services = vec![service.clone()];
        while let Some(service) = services.pop() {
            if service.is_empty() {
                // The node's own checks count for every alias.
                return self.aliases_of.values().flatten().cloned().collect();
            }
            for alias in self.aliases_of.get(&service).into_iter().flatten() {
                if seen.insert(alias.clone())
                    && let Some(check) = self.checks.get(alias)
                {
                    services.push(check.check.service_id.clone());
                }
            }
        }
        seen
    }

    /// What an alias check of a service says: the worst of that service's and the node's own checks.
    fn repeat(&self, node: &Name, service: &Name) -> (Status, String) {
        if !self.is_here(node) {
            let output =
                format!("Checks of other nodes are not followed yet by this agent: {node}");
            return (Status::Critical, output);
        }
        let mut status = Status::Passing;
        let mut output = "No checks found.".to_owned();
        let mut visited = BTreeSet::new();
        let node_itself = Name::default();
        let mut services = vec![service, &node_itself];
        while let Some(service) = services.pop() {
            if !visited.insert(service) {
                continue;
            }
            if !service.is_empty() && !self.services.contains_key(service) {
                let output = format!("Service {service} could not be found on node {node}");
                return (Status::Critical, output);
            }
            let ids = self.checks_of.get(service).into_iter().flatten();
            for check in ids.filter_map(|id| self.checks.get(id)) {
                if let CheckKind::Alias { node, service } = &check.kind
                    && self.is_here(node)
                {
                    services.push(service);
                    continue;
                }
                let row = &check.check;
                let failing = || format!("Aliased check {:?} failing: {}", row.name, row.output);
                match row.status {
                    Status::Critical => return (Status::Critical, failing()),
                    Status::Warning => (status, output) = (Status::Warning, failing()),
                    _ if status == Status::Passing => "All checks passing.".clone_into(&mut output),
                    _ => {}
                }
            }
        }
        (status, output)
    }

    /// Whether an alias check's node is this one.
    fn is_here(&self, node: &Name) -> bool {
        node.is_empty() || *node == self.settings.node.name
    }
}

#[cfg(test)]
mod tests;
