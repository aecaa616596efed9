//! Commands and tables in bytes, and back.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};
use tribune_state::{
    Changes, Command, DecodeError, Deregistration, Key, Operation, Outcome, Registration, Removed,
    Restore, RestorePart, Store, WatchSet, inspect,
};
use tribune_types::check::CheckDefinition;
use tribune_types::config_entry::{self, Entry, Kind};
use tribune_types::connect::{CaConfiguration, CaRoot};
use tribune_types::{
    GoDuration, HealthCheck, NodeName, ServiceAddress, ServiceKind, ServiceName, Status, Tenancy,
    Weights, autopilot,
};

use crate::entries::entries;
use crate::support::*;
use crate::watches::{operations, reads};

fn autopilot() -> autopilot::Configuration {
    autopilot::Configuration {
        cleanup_dead_servers: false,
        max_trailing_logs: 9,
        min_quorum: 3,
        ..autopilot::Configuration::default()
    }
}

/// What tables say, and in which bytes.
fn bytes(store: &Store) -> Vec<u8> {
    store.snapshot().encode().flatten().collect()
}

fn restored(store: &Store) -> Store {
    let restored = Store::restore(store.snapshot().encode()).expect("what was encoded is decoded");
    assert!(bytes(&restored) == bytes(store));
    assert_eq!(
        restored.snapshot().state_hash(),
        store.snapshot().state_hash()
    );
    restored
}

fn round_trip(operation: Operation) -> Command {
    let command = Command::with_id(7 << 100, operation);
    let bytes = command.encode();
    let decoded = Command::decode(&bytes).expect("what was encoded is decoded");
    assert_eq!(format!("{decoded:?}"), format!("{command:?}"));
    assert_eq!(decoded.encode(), bytes);
    decoded
}

/// A registration in which every field says something.
fn full() -> Registration {
    let mut registration = on("Node-1", sidecar("web-1-sidecar", "web"));
    registration.skip_node_update = true;
    let node = &mut registration.node;
    node.node.peer = "other".into();
    node.node.tenancy = Tenancy::new("edge", "");
    node.id = "7ab5d2cf-64e1-4b3f-9d1e-1a6d4f6a3f10".to_owned();
    node.datacenter = "dc1".to_owned();
    node.tagged_addresses = Some([("lan".to_owned(), "10.0.0.1".to_owned())].into());
    node.meta = Some([("rack".to_owned(), "ä7".to_owned())].into());
    node.locality =
        Some(serde_json::from_value(json!({ "Region": "r", "Zone": "z" })).expect("a locality"));
    let Some(row) = &mut registration.service else {
        panic!("there is a service")
    };
    row.service.tenancy = Tenancy::new("edge", "shop");
    row.tags = Some(vec!["a".to_owned(), String::new()]);
    row.address = "10.1.1.1".to_owned();
    let address = ServiceAddress {
        address: "1.2.3.4".to_owned(),
        port: -1,
    };
    row.tagged_addresses = Some([("wan".to_owned(), address)].into());
    row.meta = Some([].into());
    row.socket_path = "/run/x".to_owned();
    row.weights = Weights {
        passing: 10,
        warning: 0,
    };
    row.enable_tag_override = true;
    row.native = true;
    let proxy = json!({
        "DestinationServiceName": "Web", "DestinationServiceID": "web-1", "LocalServiceAddress": "127.0.0.1",
        "LocalServicePort": 8080, "Mode": "transparent",
        "Config": { "protocol": "http", "limit": 1.5, "large": u64::MAX, "small": i64::MIN, "none": null,
                    "nested": { "list": [1, "2", [true]] } },
        "Upstreams": [{ "DestinationName": "api", "LocalBindPort": 9000, "Config": { "x": 1.0 } }],
        "MeshGateway": { "Mode": "local" },
        "Expose": { "Checks": true, "Paths": [{ "Path": "/h", "ListenerPort": 1, "Protocol": "http2" }] },
        "TransparentProxy": { "OutboundListenerPort": 15001 },
        "EnvoyExtensions": [{ "Name": "builtin/lua", "Arguments": { "Script": "x" } }],
        "AccessLogs": { "Enabled": true, "Type": "stderr" },
    });
    row.proxy = serde_json::from_value(proxy).expect("a proxy");
    // Spelled in another way than the node's own name.
    let name = NodeName {
        name: "node-1".into(),
        ..registration.node.node.clone()
    };
    registration.checks = vec![HealthCheck {
        node: name,
        name: "n".to_owned(),
        notes: "words".to_owned(),
        output: "x\0y".to_owned(),
        service_name: "web".into(),
        service_tags: Some(vec!["t".to_owned()]),
        check_type: "http".to_owned(),
        interval: "10s".to_owned(),
        timeout: "1s".to_owned(),
        exposed_port: 21500,
        definition: CheckDefinition {
            http: "http://x".to_owned(),
            header: [("a".to_owned(), vec!["b".to_owned()])].into(),
            interval: GoDuration::from_nanos(1_234_567_891),
            ttl: GoDuration::from_millis(15),
            timeout: GoDuration::from_nanos(-5),
            output_max_size: 4096,
            ..CheckDefinition::default()
        },
        ..check("node-1", "c", "web-1-sidecar", Status::Other("Odd".into()))
    }];
    registration
}

fn root(id: &str, active: bool) -> CaRoot {
    let root = json!({ "ID": id, "Name": "r", "SerialNumber": u64::MAX, "RootCert": "PEM", "Active": active,
        "IntermediateCerts": ["i"], "PrivateKeyType": "ec", "PrivateKeyBits": 256 });
    serde_json::from_value(root).expect("a root")
}

fn ca() -> CaConfiguration {
    CaConfiguration {
        cluster_id: "c".to_owned(),
        provider: "consul".to_owned(),
        config: json!({ "LeafCertTTL": "72h" })
            .as_object()
            .expect("a map")
            .clone(),
        force_without_cross_signing: true,
        signing_key: "SECRET".to_owned(),
        ..CaConfiguration::default()
    }
}

/// One operation of every kind, every field of which says something.
fn every_operation() -> Vec<Operation> {
    let node = full().node.node;
    let removals = [
        Removed::Node,
        Removed::Service("A".into()),
        Removed::Check("c".into()),
    ];
    let mut operations: Vec<Operation> = removals
        .into_iter()
        .map(|removed| {
            let node = node.clone();
            Operation::Deregister(Deregistration { node, removed })
        })
        .collect();
    operations.push(Operation::Register(Box::new(full())));
    for (kind, fields) in entries() {
        operations.push(Operation::PutConfigEntry {
            entry: entry(kind, fields),
            cas: Some(0),
            checked_at: Some(u64::MAX),
        });
    }
    operations.extend([
        Operation::DeleteConfigEntry {
            key: config_entry::Key::new(Kind::Mesh, ServiceName::new("mesh")),
            cas: Some(3),
            checked_at: None,
        },
        Operation::SetCaConfiguration {
            configuration: Box::new(ca()),
            cas: Some(1),
        },
        Operation::SetCaRoots {
            roots: vec![root("a", true), root("b", false)],
            configuration: Some(Box::new(ca())),
            cas: None,
        },
        Operation::SetAutopilotConfiguration {
            configuration: Box::new(autopilot()),
            cas: Some(0),
        },
        Operation::Restore(RestorePart {
            id: 7,
            offset: 0,
            bytes: vec![0, 200, 7],
            last: false,
        }),
    ]);
    operations.push(Operation::Batch(operations.clone()));
    operations
}

#[test]
fn a_command_is_what_it_was_after_its_bytes() {
    for operation in every_operation() {
        round_trip(operation);
    }
    let Operation::SetCaRoots { configuration, .. } = round_trip(Operation::SetCaRoots {
        roots: Vec::new(),
        configuration: Some(Box::new(ca())),
        cas: None,
    })
    .operation
    else {
        panic!("another operation")
    };
    // What is never printed is there too.
    assert_eq!(configuration, Some(Box::new(ca())));
}

#[test]
fn a_config_entry_is_equal_to_what_it_was() {
    for (kind, fields) in entries() {
        let written = entry(kind, fields);
        let Operation::PutConfigEntry { entry, .. } = round_trip(put(&written)).operation else {
            panic!("another operation")
        };
        assert_eq!(entry, written);
    }
}

#[test]
fn what_the_control_plane_keeps_of_a_gateway_is_equal_to_what_it_was() {
    let json = json!({ "Name": "gw", "Listeners": [{ "Name": "l",
        "Routes": [{ "Kind": "http-route", "Name": "r" }] }], "Services": {} });
    let bound = serde_json::from_value(json).expect("a bound gateway");
    let written = Arc::new(Entry::BoundApiGateway(bound));
    let Operation::PutConfigEntry { entry, .. } = round_trip(put(&written)).operation else {
        panic!("another operation")
    };
    assert_eq!(entry, written);
}

#[test]
fn f44_a_command_of_a_later_version_is_refused_with_both_versions() {
    let mut bytes = Command::from(Operation::Batch(Vec::new())).encode();
    bytes[0] = 9;
    let refused = Command::decode(&bytes).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the command has version 9, and this program knows versions up to 2: run the version that wrote it, or a later one"
    );
}

/// The bytes of a command that is given as JSON.
fn command(json: &Value) -> Vec<u8> {
    let mut bytes = vec![1];
    bytes.extend(rmp_serde::to_vec_named(json).expect("JSON has a form"));
    bytes
}

#[test]
fn f44_a_field_or_an_operation_that_is_not_known_is_refused_and_never_dropped() {
    let node = json!({ "node": "n1", "color": "red" });
    let refused = Command::decode(&command(
        &json!({ "operation": { "register": { "node": node } } }),
    ));
    assert_eq!(
        refused.unwrap_err().to_string(),
        "the command has a field that this program does not know, operation.?.node.color: run the \
         version that wrote it, or a later one"
    );
    let deep = json!({ "operation": { "put_config_entry": { "entry": {
        "service-defaults": { "Name": "web", "Expose": { "Paths": [{ "Path": "/", "Later": 1 }] } } } } } });
    let refused = Command::decode(&command(&deep)).unwrap_err();
    assert!(refused.to_string().contains("Later"), "{refused}");
    let later = json!({ "operation": { "put_key": { "key": "a" } } });
    let refused = Command::decode(&command(&later)).unwrap_err();
    assert!(refused.to_string().contains("put_key"), "{refused}");
    let invalid = json!({ "operation": { "put_config_entry": { "entry": {
        "service-defaults": { "Name": "web", "Protocol": "smoke" } } } } });
    let refused = Command::decode(&command(&invalid)).unwrap_err();
    assert!(refused.to_string().contains("smoke"), "{refused}");
    let minimal = json!({ "operation": { "deregister": { "node": "n1", "removed": "node" } } });
    assert_eq!(
        Command::decode(&command(&minimal)).unwrap().request_id,
        None
    );
}

/// Tables with a row in every table.
fn populated() -> Tables {
    let mut tables = Tables::default();
    for (at, operation) in every_operation().into_iter().enumerate() {
        let Operation::Batch(_) = operation else {
            let index = tables.store.index() + 1;
            let mut operation = operation;
            if let Operation::PutConfigEntry { checked_at, .. } = &mut operation {
                *checked_at = None;
            }
            let command = Command::with_id(at as u128 + 1, operation);
            tables.store.apply(index, command);
            continue;
        };
    }
    tables.register(on("n1", service("web-1", "web")));
    tables.register(on("n1", sidecar("web-1-p", "WEB")));
    // Under another spelling of the node's name than the node's own.
    let mut other = with_check("N1", check("n1", "alive", "", Status::Passing));
    other.skip_node_update = true;
    tables.register(other);
    tables.register(on("n2", sidecar("gone-p", "gone")));
    tables.register(on("n2", service("gone-1", "gone")));
    tables.done(deregister("n2", Removed::Node));
    tables
}

#[test]
fn tables_are_what_they_were_after_their_bytes() {
    let tables = populated();
    let again = restored(&tables.store);
    let inspection = inspect(tables.read().encode()).unwrap();
    let names: Vec<_> = inspection
        .tables
        .iter()
        .map(|table| table.name.as_str())
        .collect();
    assert_eq!(
        names,
        [
            "nodes",
            "services",
            "service_names",
            "connect_names",
            "checks",
            "kinds",
            "kind_indexes",
            "peers",
            "virtual_ips",
            "free_virtual_ips",
            "config_entries",
            "ca_roots",
            "ca_configuration",
            "autopilot",
            "staged",
            "requests",
        ]
    );
    assert_eq!(inspection.version, 2);
    assert_eq!(inspection.index, tables.store.index());
    assert_eq!(inspection.bytes, bytes(&tables.store).len() as u64);
    let rows: Vec<_> = inspection.tables.iter().map(|table| table.rows).collect();
    assert_eq!(rows[..2], [2, 3], "{inspection:?}");
    assert_eq!(again.index(), tables.store.index());
}

#[test]
fn a_request_that_was_applied_before_the_snapshot_is_still_recognised() {
    let mut store = Store::new();
    let command = Command::with_id(
        5,
        Operation::Register(Box::new(on("n1", service("a", "web")))),
    );
    store.apply(1, command.clone());
    let refused = Command::with_id(6, Operation::Batch(vec![Operation::Batch(Vec::new())]));
    let outcome = store.apply(2, refused.clone()).outcome;
    assert!(matches!(outcome, Outcome::Refused(_)));
    let mut again = restored(&store);
    let applied = again.apply(3, command);
    assert_eq!((applied.index, applied.outcome), (1, Outcome::Done));
    let applied = again.apply(4, refused);
    assert_eq!((applied.index, applied.outcome), (2, outcome));
}

#[test]
fn f45_a_snapshot_that_is_cut_off_or_edited_anywhere_is_refused() {
    let store = populated().store;
    let whole = bytes(&store);
    for len in (0..whole.len()).step_by(13) {
        let refused = Store::restore([&whole[..len]]).unwrap_err();
        assert!(
            matches!(refused, DecodeError::CutOff { .. }),
            "{len}: {refused}"
        );
    }
    for bit in (0..whole.len() * 8).step_by(131) {
        let mut edited = whole.clone();
        edited[bit / 8] ^= 1 << (bit % 8);
        assert!(Store::restore([&edited]).is_err(), "bit {bit}");
    }
    let more = [whole.as_slice(), &[0; 4]].concat();
    assert!(Store::restore([more]).is_err());
}

#[test]
fn it_does_not_matter_where_the_bytes_of_a_snapshot_are_split() {
    let store = populated().store;
    let whole = bytes(&store);
    for len in [1, 2, 3, 7, 100, 1000] {
        let again = Store::restore(whole.chunks(len)).unwrap();
        assert!(bytes(&again) == whole, "{len}");
    }
    let mut restore = Restore::new();
    restore.push(&whole[..10]).unwrap();
    restore.push(&[]).unwrap();
    assert!(restore.finish().is_err());
}

#[test]
fn a_snapshot_of_a_later_version_or_with_a_table_that_is_not_known_is_refused() {
    let whole = bytes(&Store::new());
    let mut later = whole.clone();
    later[12] = 9;
    let refused = Store::restore([later]).unwrap_err().to_string();
    assert!(
        refused.contains("version 9") && refused.contains("up to 2"),
        "{refused}"
    );
    let table = rmp_serde::to_vec("keys").unwrap();
    let header = 4 + u32::from_le_bytes(whole[..4].try_into().unwrap()) as usize;
    let mut unknown = whole[..header].to_vec();
    unknown.extend((table.len() as u32).to_le_bytes());
    unknown.extend(table);
    let refused = Store::restore([unknown]).unwrap_err();
    assert_eq!(
        refused,
        DecodeError::UnknownTable {
            table: "keys".to_owned()
        }
    );
}

#[test]
fn what_restores_tables_wakes_everybody_who_waits_for_something() {
    let everything = Changes::everything(9);
    assert!(everything.contains(&Key::Nodes));
    let mut watch = WatchSet::new();
    assert!(!watch.is_touched_by(&everything), "it waits for nothing");
    Store::new().snapshot().nodes(&mut watch);
    assert!(watch.is_touched_by(&everything));
    assert!(!WatchSet::ignore().is_touched_by(&everything));
    let both = Changes::everything(9).and(Changes::default());
    assert!(both.is_everything());
}

#[test]
fn a_name_that_is_spelled_in_another_way_is_kept_as_it_is() {
    let mut store = Store::new();
    let mut odd = on("n1", service("A", "Web"));
    odd.node.node = NodeName::new("N1");
    if let Some(row) = &mut odd.service {
        row.kind = ServiceKind::Other("Odd".into());
    }
    store.apply(1, Operation::Register(Box::new(odd)).into());
    let again = restored(&store);
    let read = |store: &Store| format!("{:?}", store.snapshot().services(&mut ignore()));
    assert_eq!(read(&again), read(&store));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn f44_restored_tables_read_as_those_they_were_made_of_and_go_on_like_them(
        before in prop::collection::vec(operations(), 1..25),
        after in prop::collection::vec(operations(), 1..10),
    ) {
        let mut store = Store::new();
        for operation in before {
            let command = round_trip(operation);
            store.apply(store.index() + 1, Command { request_id: None, ..command });
        }
        let mut again = restored(&store);
        let all = |store: &Store| format!("{:?}", reads(&store.snapshot()));
        prop_assert_eq!(all(&again), all(&store));
        for operation in after {
            let index = store.index() + 1;
            let command = Command::from(operation);
            prop_assert_eq!(again.apply(index, command.clone()), store.apply(index, command));
            prop_assert_eq!(again.snapshot().state_hash(), store.snapshot().state_hash());
        }
        prop_assert_eq!(all(&again), all(&store));
    }
}
