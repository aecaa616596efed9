//! What an update does to the views that are held.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;
use tribune_chain::Overrides;
use tribune_derived::{ChainKey, Key, SubsetKey, Value};
use tribune_state::{Operation, Removed};
use tribune_types::config_entry::Kind;
use tribune_types::{NodeService, ServiceName, Status};
use tribune_views::Views;

use crate::world::{
    World, check, delete_entry, deregister, dialing, proxy_key, put_entry, register, set_ca,
    settings, typical,
};

#[test]
fn a_value_that_comes_out_equal_keeps_its_pointer_and_is_not_told() {
    let mut world = World::default();
    world.entry(
        Kind::ServiceDefaults,
        json!({"Name": "web", "Protocol": "http"}),
    );
    world.service("n1", dialing("web", &["db"]));
    let mut views = Views::new(settings(), world.snapshot());
    let (proxy, config) = (
        proxy_key("n1", "web-proxy"),
        Key::ServiceConfig(ServiceName::new("web")),
    );
    let before = [views.hold(&proxy), views.hold(&config)];

    let changes = world.apply(put_entry(
        Kind::ServiceDefaults,
        json!({"Name": "web", "Protocol": "http", "ExternalSNI": "x"}),
    ));
    assert_eq!(views.update(&world.snapshot(), &changes), []);
    assert!(
        views.get(&proxy).unwrap().same(&before[0]) && views.get(&config).unwrap().same(&before[1])
    );

    let changes = world.apply(put_entry(
        Kind::ServiceDefaults,
        json!({"Name": "db", "Protocol": "grpc"}),
    ));
    let changed = views.update(&world.snapshot(), &changes);
    assert_eq!(
        changed.iter().map(|(key, _)| key).collect::<Vec<_>>(),
        [&proxy]
    );
    assert!(views.get(&config).unwrap().same(&before[1]));
}

#[test]
fn a_source_spelled_in_another_case_is_another_source() {
    let mut world = World::default();
    let entry = |name: &str| {
        put_entry(
            Kind::ServiceIntentions,
            json!({"Name": "api", "Sources": [{"Name": name, "Action": "deny"}]}),
        )
    };
    world.apply(entry("web"));
    let mut views = Views::new(settings(), world.snapshot());
    views.hold(&Key::Intentions(ServiceName::new("api")));
    let changes = world.apply(entry("Web"));
    assert_eq!(views.update(&world.snapshot(), &changes).len(), 1);
}

#[test]
fn a_view_lives_as_long_as_somebody_holds_it_or_one_made_from_it() {
    let mut world = World::default();
    world.service("n1", dialing("web", &[]));
    let mut views = Views::new(settings(), world.snapshot());
    let (proxy, config) = (
        proxy_key("n1", "web-proxy"),
        Key::ServiceConfig(ServiceName::new("web")),
    );
    views.hold(&proxy);
    views.hold(&proxy);
    assert!(views.get(&config).is_some(), "the proxy is made from it");
    views.release(&proxy);
    assert!(views.get(&proxy).is_some());
    views.hold(&config);
    views.release(&proxy);
    assert!(views.get(&proxy).is_none() && views.get(&config).is_some());
    views.release(&config);
    assert!(views.get(&config).is_none());
    views.release(&config);
}

#[test]
fn a_proxy_that_moves_to_another_service_lets_go_of_the_first_one_s_configuration() {
    let mut world = World::default();
    world.service("n1", dialing("web", &[]));
    let mut views = Views::new(settings(), world.snapshot());
    views.hold(&proxy_key("n1", "web-proxy"));
    let moved = NodeService {
        id: "web-proxy".into(),
        ..dialing("shop", &[])
    };
    let changes = world.apply(register("n1", Some(moved), Vec::new()));
    assert_eq!(views.update(&world.snapshot(), &changes).len(), 1);
    let config = |name: &str| Key::ServiceConfig(ServiceName::new(name));
    assert!(views.get(&config("web")).is_none() && views.get(&config("shop")).is_some());
}

const NODES: &[&str] = &["n1", "n22"];
const SERVICES: &[&str] = &["web", "db", "api"];

fn some(words: &'static [&'static str]) -> impl Strategy<Value = &'static str> + Clone {
    prop::sample::select(words)
}

fn some_instance() -> impl Strategy<Value = NodeService> {
    let upstreams = prop::collection::vec(some(SERVICES), 0..3);
    (some(SERVICES), 0..4, 80..82, upstreams).prop_map(|(name, form, port, upstreams)| match form {
        0 => typical(name, port),
        1 => NodeService {
            native: true,
            ..typical(name, port)
        },
        _ => NodeService {
            port,
            ..dialing(name, &upstreams)
        },
    })
}

fn some_entry() -> impl Strategy<Value = Operation> {
    let protocol = some(&["", "tcp", "http"]);
    let mode = some(&["", "transparent", "direct"]);
    (
        0..8,
        some(SERVICES),
        some(SERVICES),
        protocol,
        mode,
        any::<bool>(),
    )
        .prop_map(|(form, name, other, protocol, mode, flag)| match form {
            0 => put_entry(
                Kind::ProxyDefaults,
                json!({"Config": {"protocol": protocol}, "Mode": mode}),
            ),
            1 => put_entry(
                Kind::ServiceDefaults,
                json!({"Name": name, "Protocol": protocol, "Mode": mode}),
            ),
            2 => {
                let upstreams = json!({"Overrides": [{"Name": other, "ConnectTimeoutMs": 5}]});
                put_entry(
                    Kind::ServiceDefaults,
                    json!({"Name": name, "UpstreamConfig": upstreams}),
                )
            }
            3 => {
                let name = if flag { "*" } else { name };
                let sources =
                    json!([{"Name": other, "Action": if flag { "allow" } else { "deny" }}]);
                put_entry(
                    Kind::ServiceIntentions,
                    json!({"Name": name, "Sources": sources}),
                )
            }
            4 => put_entry(
                Kind::ServiceRouter,
                json!({"Name": name, "Routes": [{"Destination": {"Service": other}}]}),
            ),
            5 => put_entry(
                Kind::ServiceSplitter,
                json!({"Name": name, "Splits": [{"Weight": 100, "Service": other}]}),
            ),
            6 => {
                let sent = json!({"Targets": [{"Service": other}]});
                put_entry(
                    Kind::ServiceResolver,
                    if flag {
                        json!({"Name": name, "Redirect": {"Service": other}})
                    } else {
                        json!({"Name": name, "Failover": {"*": sent}})
                    },
                )
            }
            _ => put_entry(Kind::Mesh, json!({"ValidateClusters": flag})),
        })
}

fn some_operation() -> impl Strategy<Value = Operation> {
    let status = prop::sample::select(vec![Status::Passing, Status::Warning, Status::Critical]);
    let kind = prop::sample::select(Kind::ALL.to_vec());
    let id = some(&["", "web", "db", "web-proxy", "db-proxy", "api-proxy"]);
    prop_oneof![
        4 => (some(NODES), some_instance()).prop_map(|(node, instance)| register(node, Some(instance), Vec::new())),
        3 => some_entry(),
        2 => (some(NODES), id.clone(), status).prop_map(|(node, id, status)| register(node, None, vec![check(node, id, status)])),
        1 => (some(NODES), id).prop_map(|(node, id)| {
            let removed = if id.is_empty() { Removed::Node } else { Removed::Service(id.into()) };
            deregister(node, removed)
        }),
        1 => (kind, some(&["web", "db", "api", "*", "global", "mesh"])).prop_map(|(kind, name)| delete_entry(kind, name)),
        1 => some(&["ab", "cd"]).prop_map(set_ca),
    ]
}

fn some_key() -> impl Strategy<Value = Key> {
    let service = some(SERVICES).prop_map(ServiceName::new);
    let proxy = some(&["web-proxy", "db-proxy", "api-proxy", "web"]);
    prop_oneof![
        3 => (some(NODES), proxy).prop_map(|(node, id)| proxy_key(node, id)),
        2 => service.clone().prop_map(|service| Key::Endpoints(service.into())),
        2 => (service.clone(), some(&["Service.ID == web", "Checks.Status == warning", "Node.Node == n1", "No.Field is empty"])).prop_map(|(service, filter)| {
            Key::Subset(SubsetKey { service, filter: filter.to_owned() })
        }),
        1 => service.clone().prop_map(Key::ServiceConfig),
        2 => (service.clone(), some(&["", "http"])).prop_map(|(service, protocol)| {
            let overrides = Overrides { protocol: protocol.to_owned(), ..Overrides::default() };
            Key::Chain(ChainKey { service, datacenter: String::new(), overrides })
        }),
        1 => service.prop_map(Key::Intentions),
        1 => Just(Key::Roots),
        1 => Just(Key::Mesh),
    ]
}

/// One step of a test: the tables change, or somebody comes or goes.
#[derive(Clone, Debug)]
enum Step {
    Apply(Operation),
    Hold(Key),
    Release(Key),
}

fn some_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => some_operation().prop_map(Step::Apply),
        2 => some_key().prop_map(Step::Hold),
        1 => some_key().prop_map(Step::Release),
    ]
}

proptest! {
    #[test]
    fn held_values_are_those_computed_from_scratch_and_an_update_tells_exactly_those_that_differ(
        steps in prop::collection::vec(some_step(), 1..60),
    ) {
        let mut world = World::default();
        let mut views = Views::new(settings(), world.snapshot());
        let mut held: BTreeMap<Key, (usize, Value)> = BTreeMap::new();
        for step in steps {
            match step {
                Step::Hold(key) => {
                    let value = views.hold(&key);
                    held.entry(key).or_insert((0, value)).0 += 1;
                }
                Step::Release(key) => {
                    views.release(&key);
                    if let Some((holders, _)) = held.get_mut(&key) {
                        *holders -= 1;
                    }
                    held.retain(|_, (holders, _)| *holders > 0);
                }
                Step::Apply(operation) => {
                    let changes = world.apply(operation);
                    let changed: BTreeMap<_, _> = views.update(&world.snapshot(), &changes).into_iter().collect();
                    for (key, (_, before)) in &mut held {
                        let now = world.compute(key);
                        prop_assert_eq!(changed.contains_key(key), now != *before, "{:?}", key);
                        let value = views.get(key).unwrap();
                        prop_assert_eq!(value, &now, "{:?}", key);
                        prop_assert!(value.same(changed.get(key).unwrap_or(before)), "{:?}", key);
                        *before = value.clone();
                    }
                    prop_assert!(changed.keys().all(|key| held.contains_key(key)));
                }
            }
        }
        for (key, (holders, _)) in held {
            for _ in 0..holders {
                views.release(&key);
            }
            prop_assert!(views.get(&key).is_none() || matches!(key, Key::ServiceConfig(_)));
        }
        prop_assert!(views.is_empty());
    }
}
