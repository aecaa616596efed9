use std::collections::BTreeMap;

use serde_json::json;
use tribune_chain::{Chain, Node, Resolver, Target};
use tribune_derived::{ChainKey, Proxy};
use tribune_types::proxy::{ProxyConfig, Upstream as Dialled};
use tribune_types::{GoDuration, Meta, NodeName, PeerName, PeeredServiceName, ServiceName};

use super::*;
use crate::{Bind, Reason};

fn instance() -> InstanceName {
    InstanceName {
        node: NodeName::new("n1"),
        id: "web-sidecar-proxy".into(),
    }
}

fn dialled(name: &str, port: i32) -> Dialled {
    Dialled {
        destination_name: name.into(),
        local_bind_port: port,
        ..Dialled::default()
    }
}

fn proxy(upstreams: Vec<Dialled>) -> Value {
    proxy_of_kind(ServiceKind::ConnectProxy, upstreams)
}

fn proxy_of_kind(kind: ServiceKind, upstreams: Vec<Dialled>) -> Value {
    let config = ProxyConfig {
        destination_service_name: "web".into(),
        upstreams,
        ..ProxyConfig::default()
    };
    Value::Proxy(Some(Arc::new(Proxy {
        instance: instance(),
        kind,
        service: ServiceName::new("web-sidecar-proxy"),
        address: String::new(),
        port: 21000,
        node_address: "10.0.0.1".to_owned(),
        tagged_addresses: BTreeMap::new(),
        meta: Meta::new(),
        datacenter: "dc1".to_owned(),
        locality: None,
        config,
    })))
}

fn chain(service: &str, target_datacenter: &str) -> Value {
    let id = format!("{service}.default.default.{target_datacenter}");
    let target = Target {
        id: id.clone(),
        service: ServiceName::new(service),
        service_subset: String::new(),
        datacenter: target_datacenter.to_owned(),
        peer: PeerName::default(),
        subset: Default::default(),
        mesh_gateway: Default::default(),
        transparent_proxy: Default::default(),
        connect_timeout: GoDuration::from_secs(5),
        sni: String::new(),
        name: String::new(),
        external: false,
        prioritize_by_locality: None,
    };
    let resolver = Resolver {
        name: id.clone(),
        default: true,
        connect_timeout: GoDuration::from_secs(5),
        request_timeout: GoDuration::ZERO,
        target: id.clone(),
        failover: None,
        load_balancer: None,
    };
    Value::Chain(Ok(Arc::new(Chain {
        service: ServiceName::new(service),
        datacenter: "dc1".to_owned(),
        customization_hash: String::new(),
        default: true,
        protocol: "tcp".to_owned(),
        service_meta: None,
        envoy_extensions: Vec::new(),
        start_node: format!("resolver:{id}"),
        nodes: BTreeMap::from([(format!("resolver:{id}"), Node::Resolver(resolver))]),
        targets: BTreeMap::from([(id, Arc::new(target))]),
        auto_virtual_ips: Vec::new(),
        manual_virtual_ips: None,
    })))
}

fn chain_key(service: &str) -> Key {
    Key::Chain(ChainKey {
        service: ServiceName::new(service),
        datacenter: "dc1".to_owned(),
        overrides: Default::default(),
    })
}

fn endpoints_key(service: &str) -> Key {
    Key::Endpoints(PeeredServiceName::from(ServiceName::new(service)))
}

fn intentions_key() -> Key {
    Key::Intentions(ServiceName::new("web"))
}

fn roots() -> Value {
    let roots = Roots {
        trust_domain: "td.consul".to_owned(),
        active_root_id: "a".to_owned(),
        bundle: "pem".into(),
    };
    Value::Roots(Some(Arc::new(roots)))
}

fn drain(builder: &mut Builder) -> Vec<Need> {
    std::iter::from_fn(|| builder.poll_need()).collect()
}

fn subscribe(keys: impl IntoIterator<Item = Key>) -> Vec<Need> {
    keys.into_iter().map(Need::Subscribe).collect()
}

/// A builder that knows everything about a proxy with these upstreams, chains included.
fn ready(upstreams: &[&str]) -> Builder {
    let mut builder = Builder::new(instance());
    let definitions = upstreams
        .iter()
        .zip(9001..)
        .map(|(name, port)| dialled(name, port))
        .collect();
    drain(&mut builder);
    builder.handle_update(&Key::Proxy(instance()), &proxy(definitions));
    drain(&mut builder);
    builder.handle_update(&Key::Roots, &roots());
    builder.handle_update(&Key::Mesh, &Value::Mesh(Arc::default()));
    builder.handle_update(&intentions_key(), &Value::Intentions(Arc::default()));
    for name in upstreams {
        builder.handle_update(&chain_key(name), &chain(name, "dc1"));
    }
    drain(&mut builder);
    builder
}

#[test]
fn needs_follow_what_is_known() {
    let mut builder = Builder::new(instance());
    assert_eq!(drain(&mut builder), subscribe([Key::Proxy(instance())]));
    builder.handle_update(&Key::Proxy(instance()), &proxy(vec![dialled("db", 9001)]));
    assert_eq!(
        drain(&mut builder),
        subscribe([chain_key("db"), intentions_key(), Key::Roots, Key::Mesh])
    );
    builder.handle_update(&chain_key("db"), &chain("db", "dc1"));
    assert_eq!(drain(&mut builder), subscribe([endpoints_key("db")]));
}

#[test]
fn nothing_is_built_before_roots_intentions_and_mesh_are_known() {
    let mut builder = Builder::new(instance());
    assert_eq!(builder.status(), Status::Unregistered);
    drain(&mut builder);
    builder.handle_update(&Key::Proxy(instance()), &proxy(vec![dialled("db", 9001)]));
    drain(&mut builder);
    let parts = [
        (Key::Mesh, Value::Mesh(Arc::default())),
        (intentions_key(), Value::Intentions(Arc::default())),
        (Key::Roots, roots()),
    ];
    for (key, value) in parts {
        assert!(matches!(builder.status(), Status::Waiting(_)));
        assert!(builder.snapshot().is_none());
        builder.handle_update(&key, &value);
    }
    assert_eq!(builder.status(), Status::Ready);
    assert!(
        builder.snapshot().unwrap().upstreams.is_empty(),
        "an unknown chain holds nothing back"
    );
}

#[test]
fn a_snapshot_is_the_same_pointer_until_something_changes() {
    let mut builder = ready(&["db"]);
    let first = builder.snapshot().unwrap();
    assert!(Arc::ptr_eq(&first, &builder.snapshot().unwrap()));
    let endpoints = Value::Endpoints(Arc::default());
    builder.handle_update(&endpoints_key("db"), &endpoints);
    let second = builder.snapshot().unwrap();
    assert!(!Arc::ptr_eq(&first, &second));
    builder.handle_update(&endpoints_key("db"), &endpoints);
    builder.handle_update(
        &endpoints_key("unheard-of"),
        &Value::Endpoints(Arc::default()),
    );
    assert!(
        Arc::ptr_eq(&second, &builder.snapshot().unwrap()),
        "the same value and a stray one change nothing"
    );
}

#[test]
fn a_change_of_one_upstream_leaves_the_others_as_they_are() {
    let mut builder = ready(&["cache", "db"]);
    let first = builder.snapshot().unwrap();
    builder.handle_update(&endpoints_key("db"), &Value::Endpoints(Arc::default()));
    let second = builder.snapshot().unwrap();
    assert!(Arc::ptr_eq(&first.upstreams[0], &second.upstreams[0]));
    assert!(!Arc::ptr_eq(&first.upstreams[1], &second.upstreams[1]));
    assert!(Arc::ptr_eq(&first.registration, &second.registration));
    assert_eq!(
        second.upstreams[1].endpoints.keys().collect::<Vec<_>>(),
        ["db.default.default.dc1"]
    );
}

#[test]
fn a_changed_registration_changes_only_the_difference_of_needs() {
    let mut builder = ready(&["cache", "db"]);
    builder.handle_update(
        &Key::Proxy(instance()),
        &proxy(vec![dialled("db", 9002), dialled("mail", 9003)]),
    );
    let mut expected = subscribe([chain_key("mail")]);
    expected.extend([
        Need::Unsubscribe(endpoints_key("cache")),
        Need::Unsubscribe(chain_key("cache")),
    ]);
    assert_eq!(drain(&mut builder), expected);
    let upstreams = &builder.snapshot().unwrap().upstreams;
    assert_eq!(
        upstreams
            .iter()
            .map(|u| u.definition.id.as_str())
            .collect::<Vec<_>>(),
        ["db"]
    );
}

#[test]
fn a_deregistered_proxy_keeps_only_the_subscription_to_itself() {
    let mut builder = ready(&["db"]);
    builder.handle_update(&Key::Proxy(instance()), &Value::Proxy(None));
    let needs = drain(&mut builder);
    assert_eq!(needs.len(), 5);
    assert!(
        needs
            .iter()
            .all(|need| matches!(need, Need::Unsubscribe(key) if *key != Key::Proxy(instance())))
    );
    assert_eq!(builder.status(), Status::Unregistered);
    assert!(builder.snapshot().is_none());
}

#[test]
fn a_kind_that_is_not_served_says_so() {
    let mut builder = Builder::new(instance());
    drain(&mut builder);
    builder.handle_update(
        &Key::Proxy(instance()),
        &proxy_of_kind(ServiceKind::MeshGateway, Vec::new()),
    );
    assert_eq!(
        builder.status().to_string(),
        "kind mesh-gateway is not supported yet"
    );
    assert!(drain(&mut builder).is_empty() && builder.snapshot().is_none());
    builder.handle_update(
        &Key::Proxy(instance()),
        &proxy_of_kind(ServiceKind::Typical, Vec::new()),
    );
    assert_eq!(builder.status().to_string(), "the service is not a proxy");
}

#[test]
fn an_upstream_that_cannot_be_served_is_reported_and_the_rest_is_served() {
    let mut upstreams = vec![
        Dialled {
            destination_type: "prepared_query".to_owned(),
            ..dialled("nearest", 9001)
        },
        Dialled {
            destination_type: "magic".to_owned(),
            ..dialled("hat", 9002)
        },
        Dialled {
            destination_peer: "cloud".into(),
            ..dialled("a", 9003)
        },
        Dialled {
            datacenter: "dc2".to_owned(),
            ..dialled("b", 9004)
        },
        dialled("c", 0),
        dialled("d", 65_536),
        Dialled {
            local_bind_address: "localhost".to_owned(),
            ..dialled("e", 9005)
        },
        Dialled {
            config: json!({"connect_timeout_ms": "soon"})
                .as_object()
                .cloned()
                .unwrap(),
            ..dialled("f", 9006)
        },
        Dialled {
            datacenter: "dc1".to_owned(),
            ..dialled("f", 9007)
        },
        dialled("*", 0),
    ];
    upstreams.push(Dialled {
        centrally_configured: true,
        ..dialled("central", 0)
    });
    let Value::Proxy(Some(proxy)) = proxy(upstreams) else {
        unreachable!()
    };
    let registration = Registration::read(&proxy);
    let served: Vec<_> = registration
        .upstreams
        .iter()
        .map(|u| u.id.as_str())
        .collect();
    assert_eq!(served, ["f", "f?dc=dc1"]);
    let reasons: Vec<_> = registration
        .problems
        .iter()
        .map(|problem| &problem.reason)
        .collect();
    assert!(matches!(
        reasons[..],
        [
            Reason::PreparedQuery,
            Reason::UpstreamType(_),
            Reason::Peer(_),
            Reason::Datacenter(_),
            Reason::NoBind,
            Reason::Port(65_536),
            Reason::BindAddress(_),
            Reason::Setting(_),
        ]
    ));
    assert_eq!(
        registration.problems[3].upstream.as_ref().unwrap().as_str(),
        "b?dc=dc2"
    );
}

#[test]
fn the_chain_is_asked_for_with_what_the_upstream_insists_on() {
    let upstream = Dialled {
        config: json!({"protocol": "HTTP", "connect_timeout_ms": 1.5})
            .as_object()
            .cloned()
            .unwrap(),
        local_bind_socket_path: "/run/db.sock".to_owned(),
        local_bind_socket_mode: "0640".to_owned(),
        ..dialled("db", 0)
    };
    let Value::Proxy(Some(proxy)) = proxy(vec![upstream]) else {
        unreachable!()
    };
    let registration = Registration::read(&proxy);
    let definition = &registration.upstreams[0];
    assert_eq!(definition.chain.overrides.protocol, "HTTP");
    assert_eq!(
        definition.chain.overrides.connect_timeout,
        GoDuration::from_millis(1)
    );
    assert_eq!(
        definition.bind,
        Bind::Socket {
            path: "/run/db.sock".to_owned(),
            mode: 0o640
        }
    );
}

#[test]
fn instances_in_another_datacenter_are_not_asked_for() {
    let mut builder = ready(&["db"]);
    builder.handle_update(&chain_key("db"), &chain("db", "dc2"));
    assert_eq!(
        drain(&mut builder),
        [Need::Unsubscribe(endpoints_key("db"))]
    );
    assert!(
        builder.snapshot().unwrap().upstreams[0]
            .endpoints
            .is_empty()
    );
}

#[test]
fn of_two_upstreams_with_one_name_the_last_counts() {
    let Value::Proxy(Some(proxy)) = proxy(vec![dialled("db", 9001), dialled("db", 9002)]) else {
        unreachable!()
    };
    let registration = Registration::read(&proxy);
    assert_eq!(registration.upstreams.len(), 1);
    assert!(matches!(
        registration.upstreams[0].bind,
        Bind::Address { port: 9002, .. }
    ));
    assert_eq!(registration.problems[0].reason, Reason::Duplicate);
}

#[test]
fn what_the_proxy_asks_for_and_is_not_served_is_reported() {
    let Value::Proxy(Some(mut proxy)) = proxy(Vec::new()) else {
        unreachable!()
    };
    let config = &mut Arc::make_mut(&mut proxy).config;
    config.mode = "transparent".to_owned();
    config.expose.checks = true;
    let registration = Registration::read(&proxy);
    let reasons: Vec<_> = registration
        .problems
        .iter()
        .map(|problem| &problem.reason)
        .collect();
    assert_eq!(reasons, [&Reason::TransparentMode, &Reason::ExposeChecks]);
}

#[test]
fn a_subset_has_instances_of_its_own_and_a_peer_s_service_none_here() {
    let mut builder = ready(&["db"]);
    let Value::Chain(Ok(plain)) = chain("db", "dc1") else {
        panic!()
    };
    let mut shaped = Chain::clone(&plain);
    let target = Target::clone(&shaped.targets["db.default.default.dc1"]);
    let mut subset = Target {
        id: "v1.db.default.default.dc1".to_owned(),
        ..target.clone()
    };
    subset.subset.filter = "x".to_owned();
    let imported = Target {
        id: "db.default.default.external.isle".to_owned(),
        datacenter: String::new(),
        peer: "isle".into(),
        ..target
    };
    for target in [subset, imported] {
        shaped.targets.insert(target.id.clone(), Arc::new(target));
    }
    builder.handle_update(&chain_key("db"), &Value::Chain(Ok(Arc::new(shaped))));
    let key = Key::Subset(SubsetKey {
        service: ServiceName::new("db"),
        filter: "x".to_owned(),
    });
    assert_eq!(drain(&mut builder), subscribe([key.clone()]));
    builder.handle_update(&key, &Value::Endpoints(Arc::default()));
    let snapshot = builder.snapshot().unwrap();
    let known: Vec<_> = snapshot.upstreams[0].endpoints.keys().collect();
    assert_eq!(known, ["v1.db.default.default.dc1"]);
}
