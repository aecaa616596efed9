//! What the tests of this crate register, and when.

use std::time::{Duration, Instant};

use tribune_types::definition::{CheckType, ServiceConnect, ServiceDefinition};
use tribune_types::{GoDuration, HealthCheck, Name, NodeName, Status, Token};

use crate::error::RegisterError;
use crate::state::{Local, Settings};
use crate::sync::{InCatalog, Sync};

pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// Some moment to count from.
#[expect(
    clippy::disallowed_methods,
    reason = "a test has to get its first instant from somewhere"
)]
pub(crate) fn start() -> Instant {
    Instant::now()
}

pub(crate) fn settings() -> Settings {
    Settings::new(NodeName::new("n1"))
}

pub(crate) fn local() -> Local {
    Local::new(settings())
}

pub(crate) fn service(name: &str, port: i32) -> ServiceDefinition {
    ServiceDefinition {
        name: name.into(),
        port,
        ..ServiceDefinition::default()
    }
}

pub(crate) fn with_sidecar(name: &str, port: i32, sidecar: ServiceDefinition) -> ServiceDefinition {
    let sidecar_service = Some(Box::new(sidecar));
    let connect = ServiceConnect {
        sidecar_service,
        ..ServiceConnect::default()
    };
    ServiceDefinition {
        connect: Some(connect),
        ..service(name, port)
    }
}

pub(crate) fn with_checks(name: &str, checks: Vec<CheckType>) -> ServiceDefinition {
    ServiceDefinition {
        checks: Some(checks),
        ..service(name, 1)
    }
}

/// A check that waits for reports, a minute at most.
pub(crate) fn ttl(id: &str) -> CheckType {
    CheckType {
        check_id: id.into(),
        ttl: GoDuration::from_secs(60),
        ..CheckType::default()
    }
}

pub(crate) fn passing(id: &str) -> CheckType {
    CheckType {
        status: "passing".to_owned(),
        ..ttl(id)
    }
}

pub(crate) fn tcp(id: &str) -> CheckType {
    let tcp = "127.0.0.1:80".to_owned();
    let interval = GoDuration::from_secs(10);
    CheckType {
        check_id: id.into(),
        tcp,
        interval,
        ..CheckType::default()
    }
}

pub(crate) fn alias(id: &str, service: &str) -> CheckType {
    let alias_service = service.to_owned();
    CheckType {
        check_id: id.into(),
        alias_service,
        ..CheckType::default()
    }
}

/// The same as a check on its own, of a service or of the node.
pub(crate) fn alone(check: CheckType, service: &str) -> CheckType {
    CheckType {
        name: check.check_id.to_string(),
        service_id: service.into(),
        ..check
    }
}

impl Local {
    /// Registers, with no token and without replacing checks.
    pub(crate) fn add(
        &mut self,
        definition: ServiceDefinition,
        now: Instant,
    ) -> Result<(), RegisterError> {
        self.register_service(definition, Token::default(), false, now)
    }

    pub(crate) fn row(&self, check: &str) -> &HealthCheck {
        &self.check(&check.into()).unwrap().check
    }

    pub(crate) fn says(&self, check: &str) -> (Status, &str) {
        let row = self.row(check);
        (row.status.clone(), &row.output)
    }

    pub(crate) fn service_ids(&self) -> Vec<String> {
        self.services().map(|(id, _)| id.to_string()).collect()
    }

    pub(crate) fn check_ids(&self) -> Vec<String> {
        self.checks().map(|(id, _)| id.to_string()).collect()
    }

    /// Tells a catalog that takes everything. What it was told.
    pub(crate) fn sync_all(&mut self) -> Vec<Sync> {
        let mut told = Vec::new();
        while let Some(sync) = self.poll_sync() {
            self.handle_synced(&sync);
            told.push(sync);
            assert!(told.len() < 100, "it does not end: {told:?}");
        }
        told
    }

    /// What a catalog has that was told everything.
    pub(crate) fn as_in_catalog(&self) -> InCatalog {
        InCatalog {
            services: self
                .services()
                .map(|(_, service)| service.clone())
                .collect(),
            checks: self
                .checks()
                .map(|(_, check)| check.check.clone())
                .collect(),
        }
    }
}

pub(crate) fn name(text: &str) -> Name {
    text.into()
}
