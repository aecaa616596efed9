//! Whom a command wakes: for random commands, exactly the reads that it changed.

use std::fmt::Debug;

use proptest::prelude::*;
use serde_json::json;
use tribune_state::{Indexed, Key, NameKind, Operation, Registration, Removed, Snapshot, WatchSet};
use tribune_types::config_entry::{self, Kind};
use tribune_types::{Index, NodeName, ServiceKind, ServiceName, Status};

use crate::support::*;

const NODES: [&str; 3] = ["n1", "n2", "n3"];
const IDS: [&str; 3] = ["a", "b", "c"];
const SERVICES: [&str; 3] = ["web", "api", "web-sidecar-proxy"];

fn one_of<T: Clone + Debug + 'static>(items: impl Into<Vec<T>>) -> impl Strategy<Value = T> {
    prop::sample::select(items.into())
}

fn registrations() -> impl Strategy<Value = Registration> {
    let service = (
        one_of(IDS),
        one_of(SERVICES),
        0..4_u8,
        one_of([None, Some(vec!["t".to_owned()])]),
    )
        .prop_map(|(id, name, form, tags)| {
            let mut row = if form == 0 {
                sidecar(id, name)
            } else {
                service(id, name)
            };
            row.native = form == 1;
            row.tags = tags;
            row
        });
    let checks = (
        one_of(["", "a", "b", "c"]),
        one_of(["x", "y"]),
        one_of([Status::Passing, Status::Critical]),
    );
    let id = one_of(["", "id-1", "id-2"]);
    (
        one_of(NODES),
        one_of(["10.0.0.1", "10.0.0.2"]),
        id,
        prop::option::of(service),
        prop::option::of(checks),
    )
        .prop_map(|(name, address, id, service, checks)| {
            let mut node = node(name);
            node.address = address.to_owned();
            node.id = id.to_owned();
            let rows = checks.map(|(service_id, id, status)| check(name, id, service_id, status));
            Registration {
                node,
                skip_node_update: false,
                service,
                checks: rows.into_iter().collect(),
            }
        })
}

pub(crate) fn operations() -> impl Strategy<Value = Operation> {
    let register =
        || registrations().prop_map(|registration| Operation::Register(Box::new(registration)));
    let removed = prop_oneof![
        1 => Just(Removed::Node),
        3 => one_of(IDS).prop_map(|id| Removed::Service(id.into())),
        2 => one_of(["x", "y"]).prop_map(|id| Removed::Check(id.into())),
    ];
    let defaults =
        (one_of(["web", "api"]), one_of(["tcp", "http"])).prop_map(|(name, protocol)| {
            entry(
                Kind::ServiceDefaults,
                json!({ "Name": name, "Protocol": protocol }),
            )
        });
    let intentions = (
        one_of(["web", "*"]),
        one_of(["web", "api", "*"]),
        one_of(["allow", "deny"]),
    )
        .prop_map(|(destination, source, action)| {
            let sources = json!([{ "Name": source, "Action": action }]);
            entry(
                Kind::ServiceIntentions,
                json!({ "Name": destination, "Sources": sources }),
            )
        });
    let key = (
        one_of([Kind::ServiceDefaults, Kind::ServiceIntentions]),
        one_of(["web", "api", "*"]),
    )
        .prop_map(|(kind, name)| config_entry::Key {
            kind,
            name: ServiceName::new(name),
        });
    let delete = key.prop_map(|key| Operation::DeleteConfigEntry {
        key,
        cas: None,
        checked_at: None,
    });
    prop_oneof![
        8 => register(),
        5 => (one_of(NODES), removed).prop_map(|(node, removed)| deregister(node, removed)),
        2 => prop_oneof![defaults, intentions].prop_map(|entry| put(&entry)),
        1 => delete,
        1 => prop::collection::vec(register(), 1..3).prop_map(Operation::Batch),
    ]
}

/// Every read there is, over every name there is: its name, its index, its result, and what it watches.
pub(crate) fn reads(snapshot: &Snapshot) -> Vec<(String, Index, String, WatchSet)> {
    let mut reads = Reads {
        snapshot,
        done: Vec::new(),
    };
    reads.add("nodes", Snapshot::nodes);
    reads.add("services", Snapshot::services);
    for kind in [
        NameKind::Instance(ServiceKind::Typical),
        NameKind::Instance(ServiceKind::ConnectProxy),
        NameKind::ConnectEnabled,
    ] {
        reads.add(&format!("names_of_kind {kind:?}"), |snapshot, watch| {
            snapshot.names_of_kind(&kind, watch)
        });
    }
    for name in NODES {
        let node = NodeName::new(name);
        reads.add(&format!("node {name}"), |snapshot, watch| {
            snapshot.node(&node, watch)
        });
        reads.add(&format!("node_services {name}"), |snapshot, watch| {
            snapshot.node_services(&node, watch)
        });
        reads.add(&format!("node_checks {name}"), |snapshot, watch| {
            snapshot.node_checks(&node, watch)
        });
        for id in IDS {
            let instance = instance(name, id);
            reads.add(&format!("instance {instance}"), |snapshot, watch| {
                snapshot.instance(&instance, watch)
            });
        }
    }
    for name in SERVICES {
        let service = named(name);
        reads.add(&format!("service_nodes {name}"), |snapshot, watch| {
            snapshot.service_nodes(&service, watch)
        });
        reads.add(&format!("connect_nodes {name}"), |snapshot, watch| {
            snapshot.connect_nodes(&service, watch)
        });
        reads.add(&format!("check_service_nodes {name}"), |snapshot, watch| {
            snapshot.check_service_nodes(&service, watch)
        });
        reads.add(&format!("check_connect_nodes {name}"), |snapshot, watch| {
            snapshot.check_connect_nodes(&service, watch)
        });
        reads.add(&format!("service_checks {name}"), |snapshot, watch| {
            snapshot.service_checks(&service, watch)
        });
        reads.add(&format!("virtual_ip {name}"), |snapshot, watch| {
            snapshot.virtual_ip(&service, watch)
        });
        let key = config_entry::Key {
            kind: Kind::ServiceDefaults,
            name: ServiceName::new(name),
        };
        reads.add(&format!("config_entry {name}"), |snapshot, watch| {
            snapshot.config_entry(&key, watch)
        });
    }
    for status in [None, Some(Status::Passing), Some(Status::Critical)] {
        reads.add(&format!("checks_in_state {status:?}"), |snapshot, watch| {
            snapshot.checks_in_state(status.as_ref(), watch)
        });
    }
    for kind in [
        None,
        Some(Kind::ServiceDefaults),
        Some(Kind::ServiceIntentions),
    ] {
        reads.add(&format!("config_entries {kind:?}"), |snapshot, watch| {
            snapshot.config_entries(kind, watch)
        });
    }
    for name in ["web", "api", "*"] {
        let name = ServiceName::new(name);
        reads.add(&format!("intentions_for {name}"), |snapshot, watch| {
            snapshot.intentions_for(&name, watch)
        });
        reads.add(&format!("intentions_from {name}"), |snapshot, watch| {
            snapshot.intentions_from(&name, watch)
        });
    }
    reads.done
}

struct Reads<'a> {
    snapshot: &'a Snapshot,
    done: Vec<(String, Index, String, WatchSet)>,
}

impl Reads<'_> {
    fn add<T: Debug>(
        &mut self,
        name: &str,
        read: impl FnOnce(&Snapshot, &mut WatchSet) -> Indexed<T>,
    ) {
        let mut watch = WatchSet::new();
        let found = read(self.snapshot, &mut watch);
        self.done.push((
            name.to_owned(),
            found.index,
            format!("{:?}", found.value),
            watch,
        ));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_read_is_woken_when_its_result_changed_and_then_its_index_moved(operations in prop::collection::vec(operations(), 1..40)) {
        let mut tables = Tables::default();
        let mut before = reads(&tables.read());
        for operation in operations {
            let applied = tables.apply(operation.clone());
            let after = reads(&tables.read());
            for ((name, old_index, old, watch), (_, index, new, _)) in before.iter().zip(&after) {
                let woken = watch.is_touched_by(&applied.changes);
                prop_assert!(woken || old == new, "{name} was not woken by {operation:?}: {old} became {new}");
                prop_assert!(!woken || *index == applied.index, "{name} was woken by {operation:?}, its index went from {old_index} to {index}");
            }
            let again = tables.apply(operation);
            if again.changes.keys.is_empty() {
                let repeated = reads(&tables.read());
                for (after, repeated) in after.iter().zip(&repeated) {
                    prop_assert_eq!((&after.1, &after.2), (&repeated.1, &repeated.2), "{}", after.0);
                }
            }
            before = reads(&tables.read());
        }
    }

    #[test]
    fn the_same_commands_give_the_same_tables(operations in prop::collection::vec(operations(), 1..40)) {
        let (mut one, mut other) = (Tables::default(), Tables::default());
        for operation in operations {
            prop_assert_eq!(one.apply(operation.clone()), other.apply(operation));
        }
        prop_assert_eq!(format!("{:?}", one.store), format!("{:?}", other.store));
    }
}

#[test]
fn a_write_wakes_only_those_that_read_what_it_changed() {
    let mut tables = Tables::default();
    tables.register(on("n1", service("web-1", "web")));
    tables.register(on("n2", service("api-1", "api")));
    let mut changed = service("web-1", "web");
    changed.port = 81;
    let applied = tables.apply(Operation::Register(Box::new(on("n1", changed))));
    let keys = [
        Key::Instance(instance("n1", "web-1")),
        Key::NodeServices(NodeName::new("n1")),
        Key::Service(named("web")),
    ];
    assert_eq!(applied.changes.keys.len(), keys.len());
    assert!(
        keys.iter().all(|key| applied.changes.contains(key)),
        "{:?}",
        applied.changes
    );
}

#[test]
fn changes_add_up() {
    let mut tables = Tables::default();
    let first = tables
        .apply(Operation::Register(Box::new(on(
            "n1",
            service("web-1", "web"),
        ))))
        .changes;
    let second = tables
        .apply(Operation::Register(Box::new(on(
            "n1",
            service("api-1", "api"),
        ))))
        .changes;
    let both = first.clone().and(second.clone());
    assert_eq!(both.index, second.index);
    assert!(
        first
            .keys
            .iter()
            .chain(&second.keys)
            .all(|key| both.contains(key))
    );
    assert!(both.keys.is_sorted_by(|a, b| a < b));
}
