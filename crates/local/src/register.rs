//! Registrations and deregistrations.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use tribune_types::definition::{CheckType, ServiceDefinition};
use tribune_types::{Name, NodeService, Token};

use crate::check::CheckState;
use crate::definition;
use crate::error::{RegisterError, UnknownCheck, UnknownService};
use crate::expand;
use crate::maintenance;
use crate::state::{Local, Service};

/// A registration that nothing is wrong with.
struct Plan {
    row: NodeService,
    token: Token,
    managed: bool,
    checks: Vec<CheckState>,
}

// === impl Local ===

impl Local {
    /// Registers a service, with its checks and with the sidecar that it asks for, whole or not at all. What
    /// its checks found before stays. `token` is used where the definition has none of its own; checks that
    /// are not in the definition stay unless `replace_existing_checks`.
    ///
    /// # Errors
    /// Where the definition is not as it must be, or asks for what this agent cannot give.
    pub fn register_service(
        &mut self,
        mut definition: ServiceDefinition,
        token: Token,
        replace_existing_checks: bool,
        now: Instant,
    ) -> Result<(), RegisterError> {
        definition::check(&definition)?;
        if definition.id.is_empty() {
            definition.id = definition.name.clone();
        }
        let sidecar = expand::take_sidecar(&mut definition, |id| self.sidecar_port(id))?;
        let sidecar = sidecar
            .map(|sidecar| {
                definition::check_sidecar(&sidecar)?;
                self.plan(&sidecar, &token, true, now)
            })
            .transpose()?;
        let main = self.plan(&definition, &token, false, now)?;
        self.commit(main, replace_existing_checks, now);
        if let Some(sidecar) = sidecar {
            self.commit(sidecar, replace_existing_checks, now);
        }
        Ok(())
    }

    /// Removes a service, with its checks and the sidecar that came with it.
    ///
    /// # Errors
    /// Where there is no such service.
    pub fn deregister_service(&mut self, id: &Name, now: Instant) -> Result<(), UnknownService> {
        let known = self.remove_service(id, now);
        known
            .then_some(())
            .ok_or_else(|| UnknownService(id.clone()))
    }

    /// Registers a check on its own, of a service or of the node. What it found before stays.
    ///
    /// # Errors
    /// Where the definition is not as it must be, or asks for what this agent cannot give.
    pub fn register_check(
        &mut self,
        check: CheckType,
        token: Token,
        now: Instant,
    ) -> Result<(), RegisterError> {
        if check.name.is_empty() {
            return Err(RegisterError::MissingCheckName);
        }
        definition::check_check(&check).map_err(|problem| problem.with(RegisterError::Check))?;
        let id = &check.service_id;
        let service = match self.service(id) {
            None if !id.is_empty() => return Err(RegisterError::NoSuchService(id.clone())),
            service => service.map(Arc::as_ref),
        };
        let row = definition::check_row(&check, service, &self.settings.node);
        let token = own_or(&check.token, &token);
        let scripts = self.settings.enable_script_checks;
        let state = CheckState::new(&check, row, token, scripts, now)?;
        self.insert_check(state, now);
        Ok(())
    }

    /// Removes a check.
    ///
    /// # Errors
    /// Where there is no such check.
    pub fn deregister_check(&mut self, id: &Name, now: Instant) -> Result<(), UnknownCheck> {
        let known = self.remove_check(id, now);
        known
            .then_some(())
            .ok_or_else(|| UnknownCheck::NoSuchCheck(id.clone()))
    }

    fn sidecar_port(&self, sidecar: &Name) -> Result<i32, RegisterError> {
        let taken: BTreeSet<i32> = self.services().map(|(_, service)| service.port).collect();
        let had = self.service(sidecar).map(|sidecar| sidecar.port);
        self.settings.sidecar_ports.choose(had, &taken)
    }

    fn plan(
        &self,
        definition: &ServiceDefinition,
        token: &Token,
        managed: bool,
        now: Instant,
    ) -> Result<Plan, RegisterError> {
        let row = definition::row(definition);
        let token = own_or(&definition.token, token);
        let scripts = self.settings.enable_script_checks;
        let checks = definition::check_rows(definition, &row, &self.settings.node)
            .map(|(check, row)| CheckState::new(check, row, token.clone(), scripts, now))
            .collect::<Result<_, _>>()?;
        Ok(Plan {
            row,
            token,
            managed,
            checks,
        })
    }

    fn commit(&mut self, plan: Plan, replace_existing_checks: bool, now: Instant) {
        let id = plan.row.id.clone();
        // Taken out first, so that the key is written as the new registration writes it.
        let earlier = self.services.remove(&id);
        let unchanged = |earlier: &&Service| same(&earlier.row, &plan.row);
        let row = match earlier.as_ref().filter(unchanged) {
            Some(earlier) => Arc::clone(&earlier.row),
            None => Arc::new(plan.row),
        };
        let row_changed = earlier
            .as_ref()
            .is_none_or(|earlier| !Arc::ptr_eq(&earlier.row, &row));
        let token_changed = earlier.is_none_or(|earlier| earlier.token != plan.token);
        let service = Service {
            row,
            token: plan.token,
            managed: plan.managed,
        };
        self.services.insert(id.clone(), service);
        if row_changed || token_changed {
            self.outbox.service_changed(&id);
        }
        let mut kept = self.checks_of.get(&id).cloned().unwrap_or_default();
        for check in plan.checks {
            kept.remove(&check.check.check_id);
            self.insert_check(check, now);
        }
        if replace_existing_checks {
            // What an operator took out of service stays so.
            for check in kept.iter().filter(|check| !maintenance::is_one(check)) {
                self.remove_check(check, now);
            }
        }
        if row_changed {
            self.version += 1;
            self.follow_service(&id, &kept);
            self.refresh_aliases(&id, now);
        }
    }

    /// Has checks that were registered before carry their service's name and tags as they are now.
    fn follow_service(&mut self, id: &Name, checks: &BTreeSet<Name>) {
        let Some(service) = self.services.get(id).map(|service| &service.row) else {
            return;
        };
        for check in checks {
            let Some(state) = self.checks.get_mut(check) else {
                continue;
            };
            let (name, tags) = (&service.service.name, &service.tags);
            if state.check.service_name != *name || state.check.service_tags != *tags {
                let row = Arc::make_mut(&mut state.check);
                row.service_name = name.clone();
                row.service_tags.clone_from(tags);
                self.outbox.check_changed(check);
            }
        }
    }
}

/// The token of a definition where it has one.
fn own_or(own: &str, token: &Token) -> Token {
    if own.is_empty() {
        token.clone()
    } else {
        own.into()
    }
}

/// Whether two rows are the same to the letter, where names compare without case.
fn same(a: &NodeService, b: &NodeService) -> bool {
    a.id.identical(&b.id)
        && a.service.name.identical(&b.service.name)
        && a.kind.as_str() == b.kind.as_str()
        && a == b
}

#[cfg(test)]
mod tests;
