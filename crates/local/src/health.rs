//! The health of an instance as this agent sees it.

use std::sync::Arc;

use tribune_types::{HealthCheck, Name, NodeService, Status};

use crate::maintenance;
use crate::state::Local;

/// An instance with its checks and what they come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceHealth {
    /// The instance.
    pub service: Arc<NodeService>,
    /// Its checks, then those of the node.
    pub checks: Vec<Arc<HealthCheck>>,
    /// The worst of them; a check that takes the instance out of service is worse than any other.
    pub status: Status,
}

// === impl Local ===

impl Local {
    /// The health of one instance.
    #[must_use]
    pub fn health(&self, id: &Name) -> Option<ServiceHealth> {
        let service = Arc::clone(self.service(id)?);
        let of = |service: &Name| self.checks_of.get(service).into_iter().flatten();
        let node = Name::default();
        let checks: Vec<_> = of(&service.id)
            .chain(of(&node))
            .filter_map(|id| Some(Arc::clone(&self.checks.get(id)?.check)))
            .collect();
        let status = worst(&checks);
        Some(ServiceHealth {
            service,
            checks,
            status,
        })
    }

    /// The health of every instance of a service, by ID.
    #[must_use]
    pub fn health_by_name(&self, name: &Name) -> Vec<ServiceHealth> {
        let instances = self
            .services()
            .filter(|(_, service)| service.service.name == *name);
        instances.filter_map(|(id, _)| self.health(id)).collect()
    }
}

fn worst(checks: &[Arc<HealthCheck>]) -> Status {
    let rank = |check: &Arc<HealthCheck>| match check.status {
        _ if maintenance::is_one(&check.check_id) => 3,
        Status::Critical => 2,
        Status::Warning => 1,
        Status::Passing | Status::Maintenance | Status::Other(_) => 0,
    };
    match checks.iter().map(rank).max() {
        Some(3) => Status::Maintenance,
        Some(2) => Status::Critical,
        Some(1) => Status::Warning,
        _ => Status::Passing,
    }
}
