//! Putting back what was registered before the agent started.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tribune_types::definition::CheckType;
use tribune_types::{HealthCheck, Name, NodeService, Status, Token, validate};

use crate::check::CheckState;
use crate::definition;
use crate::error::RegisterError;
use crate::state::{Local, Service};

// === impl Local ===

impl Local {
    /// Whether a service is a sidecar that came with its service.
    #[must_use]
    pub fn is_managed(&self, id: &Name) -> bool {
        self.services.get(id).is_some_and(|service| service.managed)
    }

    /// Puts back a service as it was registered, without its checks. Whether that was done: one that is
    /// registered already wins.
    ///
    /// # Errors
    /// Where the row is not as it must be.
    pub fn restore_service(
        &mut self,
        row: NodeService,
        token: Token,
        managed: bool,
    ) -> Result<bool, RegisterError> {
        let mut problems = validate::service(&row);
        if row.id.is_empty() || row.service.name.is_empty() {
            problems.push("it has no ID or no name".to_owned());
        }
        if !problems.is_empty() {
            return Err(RegisterError::Service(problems.join("; ")));
        }
        if self.services.contains_key(&row.id) {
            return Ok(false);
        }
        let id = row.id.clone();
        let service = Service {
            row: Arc::new(row),
            token,
            managed,
        };
        self.services.insert(id.clone(), service);
        self.outbox.service_changed(&id);
        self.version += 1;
        Ok(true)
    }

    /// Puts back a check as it was registered; it has found nothing yet. Whether that was done: one that is
    /// registered already wins.
    ///
    /// # Errors
    /// Where the definition is not as it must be, or the check is about a service that is not there.
    pub fn restore_check(
        &mut self,
        row: HealthCheck,
        definition: Option<CheckType>,
        token: Token,
        now: Instant,
    ) -> Result<bool, RegisterError> {
        let service = match self.service(&row.service_id) {
            None if !row.service_id.is_empty() => {
                return Err(RegisterError::NoSuchService(row.service_id));
            }
            service => service,
        };
        if self.checks.contains_key(&row.check_id) {
            return Ok(false);
        }
        let mut row = HealthCheck {
            node: self.settings.node.clone(),
            service_name: service.map_or_else(Name::default, |row| row.service.name.clone()),
            service_tags: service.and_then(|row| row.tags.clone()),
            ..row
        };
        let state = match definition {
            Some(definition) => {
                definition::check_check(&definition)
                    .map_err(|problem| problem.with(RegisterError::Check))?;
                row.status = definition.status.as_str().into();
                row.output.clear();
                let scripts = self.settings.enable_script_checks;
                CheckState::new(&definition, row, token, scripts, now)?
            }
            None => {
                row.status = Status::Critical;
                CheckState::maintenance(row, token, now)
            }
        };
        self.insert_check(state, now);
        Ok(true)
    }

    /// Puts back what a check said, which holds for as long as is `left` where the application reports it.
    pub fn restore_result(
        &mut self,
        id: &Name,
        status: Status,
        output: &str,
        left: Duration,
        now: Instant,
    ) {
        let Some(check) = self.checks.get_mut(id) else {
            return;
        };
        let service = check.check.service_id.clone();
        check.restore(status, output, left, now);
        self.outbox.check_changed(id);
        self.version += 1;
        self.reindex(id);
        self.refresh_aliases(&service, now);
    }
}

#[cfg(test)]
mod tests;
