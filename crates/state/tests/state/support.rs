//! Rows and commands in few words.

use std::sync::Arc;

use serde_json::Value;
use tribune_state::{
    Applied, Command, Deregistration, Operation, Outcome, Registration, Removed, Snapshot, Store,
    WatchSet,
};
use tribune_types::config_entry::{Entry, Kind, Raw};
use tribune_types::{
    HealthCheck, Index, InstanceName, Node, NodeName, NodeService, PeeredServiceName, ServiceKind,
    ServiceName, Status,
};

/// A store with a log of its own.
#[derive(Default)]
pub(crate) struct Tables {
    pub(crate) store: Store,
}

impl Tables {
    pub(crate) fn apply(&mut self, operation: Operation) -> Applied {
        self.store
            .apply(self.store.index() + 1, Command::from(operation))
    }

    /// Applies what must succeed and returns its index.
    pub(crate) fn done(&mut self, operation: Operation) -> Index {
        let applied = self.apply(operation);
        assert!(applied.outcome.is_done(), "{:?}", applied.outcome);
        applied.index
    }

    /// Applies what must be refused, which must change nothing.
    pub(crate) fn refused(&mut self, operation: Operation) -> String {
        let before = format!("{:?}", all(&self.store.snapshot()));
        let applied = self.apply(operation);
        let Outcome::Refused(error) = applied.outcome else {
            panic!("{:?}", applied.outcome)
        };
        assert!(applied.changes.keys.is_empty());
        assert_eq!(before, format!("{:?}", all(&self.store.snapshot())));
        error.to_string()
    }

    pub(crate) fn register(&mut self, registration: Registration) -> Index {
        self.done(Operation::Register(Box::new(registration)))
    }

    pub(crate) fn read(&self) -> Snapshot {
        self.store.snapshot()
    }
}

/// Everything that a snapshot of a small catalog has.
fn all(snapshot: &Snapshot) -> impl std::fmt::Debug {
    let watch = &mut WatchSet::ignore();
    let nodes = snapshot.nodes(watch);
    let services: Vec<_> = nodes
        .value
        .iter()
        .map(|node| snapshot.node_services(&node.node, watch))
        .collect();
    let checks = snapshot.checks_in_state(None, watch);
    let entries = snapshot.config_entries(None, watch);
    let ca = (snapshot.ca_roots(watch), snapshot.ca_configuration(watch));
    (nodes, services, checks, entries, ca)
}

pub(crate) fn ignore() -> WatchSet {
    WatchSet::ignore()
}

pub(crate) fn node(name: &str) -> Node {
    Node {
        node: NodeName::new(name),
        address: "10.0.0.1".to_owned(),
        ..Node::default()
    }
}

pub(crate) fn service(id: &str, name: &str) -> NodeService {
    NodeService {
        id: id.into(),
        service: ServiceName::new(name),
        port: 80,
        ..NodeService::default()
    }
}

/// A sidecar named after its destination.
pub(crate) fn sidecar(id: &str, destination: &str) -> NodeService {
    let mut sidecar = service(id, &format!("{destination}-sidecar-proxy"));
    sidecar.kind = ServiceKind::ConnectProxy;
    sidecar.proxy.destination_service_name = destination.into();
    sidecar
}

pub(crate) fn check(node: &str, id: &str, service_id: &str, status: Status) -> HealthCheck {
    HealthCheck {
        node: NodeName::new(node),
        check_id: id.into(),
        service_id: service_id.into(),
        status,
        ..HealthCheck::default()
    }
}

pub(crate) fn on(node_name: &str, service: NodeService) -> Registration {
    Registration {
        node: node(node_name),
        service: Some(service),
        ..Registration::default()
    }
}

pub(crate) fn with_check(node_name: &str, check: HealthCheck) -> Registration {
    Registration {
        node: node(node_name),
        checks: vec![check],
        ..Registration::default()
    }
}

pub(crate) fn deregister(node: &str, removed: Removed) -> Operation {
    Operation::Deregister(Deregistration {
        node: NodeName::new(node),
        removed,
    })
}

pub(crate) fn instance(node: &str, id: &str) -> InstanceName {
    InstanceName {
        node: NodeName::new(node),
        id: id.into(),
    }
}

pub(crate) fn named(service: &str) -> PeeredServiceName {
    ServiceName::new(service).into()
}

pub(crate) fn entry(kind: Kind, fields: Value) -> Arc<Entry> {
    let raw = Raw::deserialize(kind, fields).expect("the fields are of this kind");
    Arc::new(raw.try_into().expect("the entry is valid"))
}

pub(crate) fn put(entry: &Arc<Entry>) -> Operation {
    Operation::PutConfigEntry {
        entry: Arc::clone(entry),
        cas: None,
        checked_at: None,
    }
}
