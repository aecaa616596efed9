//! Tables to view, filled by hand.

use std::sync::Arc;

use serde_json::{Value as Json, json};
use tribune_derived::{Key, Value};
use tribune_state::{
    Changes, Command, Deregistration, Operation, Outcome, Registration, Removed, Snapshot, Store,
    WatchSet,
};
use tribune_types::config_entry::{self, Entry, Kind, Raw};
use tribune_types::connect::{CaConfiguration, CaRoot};
use tribune_types::proxy::ProxyConfig;
use tribune_types::{
    HealthCheck, InstanceName, Node, NodeName, NodeService, ServiceKind, ServiceName, Status,
};
use tribune_views::{Settings, compute};

#[derive(Default)]
pub(crate) struct World {
    store: Store,
}

impl World {
    pub(crate) fn snapshot(&self) -> Snapshot {
        self.store.snapshot()
    }

    /// Applies an operation. One that is refused changes nothing.
    pub(crate) fn apply(&mut self, operation: Operation) -> Changes {
        self.store
            .apply(self.store.index() + 1, Command::from(operation))
            .changes
    }

    fn must(&mut self, operation: Operation) {
        let outcome = self
            .store
            .apply(self.store.index() + 1, Command::from(operation))
            .outcome;
        assert_eq!(outcome, Outcome::Done);
    }

    pub(crate) fn entry(&mut self, kind: Kind, json: Json) {
        self.must(put_entry(kind, json));
    }

    pub(crate) fn service(&mut self, node: &str, service: NodeService) {
        self.must(register(node, Some(service), Vec::new()));
    }

    pub(crate) fn check(&mut self, node: &str, service: &str, status: Status) {
        self.must(register(node, None, vec![check(node, service, status)]));
    }

    pub(crate) fn ca(&mut self, cluster_id: &str) {
        self.must(set_ca(cluster_id));
    }

    pub(crate) fn compute(&self, key: &Key) -> Value {
        compute(&settings(), &self.snapshot(), key, &mut WatchSet::ignore())
    }
}

pub(crate) fn settings() -> Settings {
    Settings {
        datacenter: "dc1".to_owned(),
        default_allow: true,
    }
}

pub(crate) fn put_entry(kind: Kind, json: Json) -> Operation {
    let entry = Arc::new(Entry::try_from(Raw::deserialize(kind, json).unwrap()).unwrap());
    Operation::PutConfigEntry {
        entry,
        cas: None,
        checked_at: None,
    }
}

pub(crate) fn delete_entry(kind: Kind, name: &str) -> Operation {
    let key = config_entry::Key::new(kind, ServiceName::new(name));
    Operation::DeleteConfigEntry {
        key,
        cas: None,
        checked_at: None,
    }
}

pub(crate) fn register(
    node: &str,
    service: Option<NodeService>,
    checks: Vec<HealthCheck>,
) -> Operation {
    let node = Node {
        node: NodeName::new(node),
        address: format!("10.0.0.{}", node.len()),
        datacenter: "dc1".to_owned(),
        ..Node::default()
    };
    Operation::Register(Box::new(Registration {
        node,
        skip_node_update: false,
        service,
        checks,
    }))
}

pub(crate) fn deregister(node: &str, removed: Removed) -> Operation {
    Operation::Deregister(Deregistration {
        node: NodeName::new(node),
        removed,
    })
}

pub(crate) fn set_ca(cluster_id: &str) -> Operation {
    let root = CaRoot {
        id: format!("root-of-{cluster_id}"),
        root_cert: format!("PEM of {cluster_id}"),
        active: true,
        ..CaRoot::default()
    };
    let configuration = CaConfiguration {
        cluster_id: cluster_id.to_owned(),
        ..CaConfiguration::default()
    };
    Operation::SetCaRoots {
        roots: vec![root],
        configuration: Some(Box::new(configuration)),
        cas: None,
    }
}

pub(crate) fn check(node: &str, service: &str, status: Status) -> HealthCheck {
    HealthCheck {
        node: NodeName::new(node),
        check_id: format!("check-of-{service}").into(),
        service_id: service.into(),
        status,
        ..HealthCheck::default()
    }
}

pub(crate) fn typical(service: &str, port: i32) -> NodeService {
    NodeService {
        id: service.into(),
        service: ServiceName::new(service),
        port,
        ..NodeService::default()
    }
}

/// A sidecar of `destination`; `proxy` is its `Proxy` block.
pub(crate) fn sidecar(destination: &str, proxy: Json) -> NodeService {
    let mut proxy: ProxyConfig = serde_json::from_value(proxy).unwrap();
    proxy.destination_service_name = destination.into();
    let name = format!("{destination}-proxy");
    NodeService {
        kind: ServiceKind::ConnectProxy,
        proxy,
        ..typical(&name, 20_000)
    }
}

/// A sidecar with upstreams that have no settings of their own.
pub(crate) fn dialing(destination: &str, upstreams: &[&str]) -> NodeService {
    let upstreams: Vec<_> = upstreams
        .iter()
        .map(|name| json!({"DestinationName": name, "LocalBindPort": 9000}))
        .collect();
    sidecar(destination, json!({"Upstreams": upstreams}))
}

pub(crate) fn proxy_key(node: &str, id: &str) -> Key {
    Key::Proxy(InstanceName {
        node: NodeName::new(node),
        id: id.into(),
    })
}
