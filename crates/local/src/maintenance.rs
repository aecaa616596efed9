//! Taking a service or the whole node out of service by hand: a critical check of its own.

use std::time::Instant;

use tribune_types::{HealthCheck, Name, Status, Token};

use crate::check::CheckState;
use crate::error::UnknownService;
use crate::state::Local;

const NODE: &str = "_node_maintenance";
const SERVICE: &str = "_service_maintenance:";

/// Whether a check is one that takes something out of service.
pub(crate) fn is_one(check: &Name) -> bool {
    check.as_str() == NODE || check.starts_with(SERVICE)
}

// === impl Local ===

impl Local {
    /// Takes a service (the node where `None`) out of service, or back into it. Where it already is as asked
    /// for nothing changes, the reason included. An empty reason is replaced by one that says so.
    ///
    /// # Errors
    /// Where there is no such service.
    pub fn maintenance(
        &mut self,
        service: Option<&Name>,
        enable: bool,
        reason: &str,
        now: Instant,
    ) -> Result<(), UnknownService> {
        let (check, token) = match service {
            Some(id) => {
                let service = self
                    .services
                    .get(id)
                    .ok_or_else(|| UnknownService(id.clone()))?;
                let check = HealthCheck {
                    check_id: format!("{SERVICE}{}", service.row.id).into(),
                    name: "Service Maintenance Mode".to_owned(),
                    notes: because(reason, "service"),
                    service_id: service.row.id.clone(),
                    service_name: service.row.service.name.clone(),
                    service_tags: service.row.tags.clone(),
                    ..HealthCheck::default()
                };
                (check, service.token.clone())
            }
            None => {
                let check = HealthCheck {
                    check_id: NODE.into(),
                    name: "Node Maintenance Mode".to_owned(),
                    notes: because(reason, "node"),
                    ..HealthCheck::default()
                };
                (check, Token::default())
            }
        };
        let row = HealthCheck {
            node: self.settings.node.clone(),
            status: Status::Critical,
            check_type: "maintenance".to_owned(),
            ..check
        };
        if !enable {
            self.remove_check(&row.check_id, now);
        } else if !self.checks.contains_key(&row.check_id) {
            self.insert_check(CheckState::maintenance(row, token, now), now);
        }
        Ok(())
    }
}

fn because(reason: &str, what: &str) -> String {
    if reason.is_empty() {
        format!(
            "Maintenance mode is enabled for this {what}, but no reason was provided. \
             This is a default message."
        )
    } else {
        reason.to_owned()
    }
}

#[cfg(test)]
mod tests;
