use serde_json::json;
use tribune_chain::CompileRequest;
use tribune_derived::{
    Endpoint, Endpoints, Health, Intentions, Key, Mesh, Proxy, Roots, SubsetKey, Value,
};
use tribune_proxycfg::{Builder, Need};
use tribune_types::config_entry::{Action, Effect, Kind, Raw};
use tribune_types::intention::Intention;
use tribune_types::proxy::ProxyConfig;
use tribune_types::{
    InstanceName, Meta, NodeName, PeeredServiceName, ServiceKind, ServiceName, Weights,
};

use super::*;
use crate::secrets::ROOTS;

/// Values that several proxies share, and a proxy with a builder.
struct Mesher {
    values: BTreeMap<Key, Value>,
    builder: Builder,
}

fn instance(id: &str) -> InstanceName {
    InstanceName {
        node: NodeName::new("n1"),
        id: id.into(),
    }
}

fn endpoints_key(service: &str) -> Key {
    Key::Endpoints(PeeredServiceName::from(ServiceName::new(service)))
}

fn endpoints(port: i32) -> Value {
    let endpoint = Endpoint {
        instance: instance("db-1"),
        kind: ServiceKind::ConnectProxy,
        address: "10.0.0.2".to_owned(),
        port,
        node_address: "10.0.0.2".to_owned(),
        node_tagged_addresses: Meta::new(),
        tagged_addresses: BTreeMap::new(),
        datacenter: "dc1".to_owned(),
        locality: None,
        meta: Meta::new(),
        tags: Vec::new(),
        weights: Weights::default(),
        health: Health::Passing,
    };
    Value::Endpoints(Arc::new(Endpoints {
        endpoints: vec![endpoint],
    }))
}

fn intentions(sources: &[&str]) -> Value {
    let intention = |source: &&str| {
        Arc::new(Intention {
            source: ServiceName::new(*source),
            peer: "".into(),
            destination: ServiceName::new("web"),
            effect: Effect::Action(Action::Allow),
            jwt: None,
            precedence: 9,
            description: String::new(),
            meta: Meta::new(),
        })
    };
    let intentions = sources.iter().map(intention).collect();
    Value::Intentions(Arc::new(Intentions {
        intentions,
        default_allow: false,
    }))
}

fn roots(bundle: &str) -> Value {
    let roots = Roots {
        trust_domain: "td".to_owned(),
        active_root_id: "a".to_owned(),
        bundle: bundle.into(),
    };
    Value::Roots(Some(Arc::new(roots)))
}

/// A proxy with these upstreams, of which `NAME@dc1` names the datacenter, too.
fn proxy(upstreams: &[&str]) -> Value {
    let upstream = |(name, port): (&&str, i32)| tribune_types::proxy::Upstream {
        destination_name: name.split('@').next().unwrap_or_default().into(),
        datacenter: name.split('@').nth(1).unwrap_or_default().to_owned(),
        local_bind_port: port,
        ..Default::default()
    };
    let config = ProxyConfig {
        destination_service_name: "web".into(),
        local_service_port: 8080,
        upstreams: upstreams.iter().zip(9001..).map(upstream).collect(),
        ..ProxyConfig::default()
    };
    Value::Proxy(Some(Arc::new(Proxy {
        instance: instance("web-sidecar-proxy"),
        kind: ServiceKind::ConnectProxy,
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

impl Mesher {
    fn new(upstreams: &[&str]) -> Self {
        let web = Key::Intentions(ServiceName::new("web"));
        let values = BTreeMap::from([
            (Key::Proxy(instance("web-sidecar-proxy")), proxy(upstreams)),
            (Key::Roots, roots("one")),
            (Key::Mesh, Value::Mesh(Arc::new(Mesh::default()))),
            (web, intentions(&[])),
            (endpoints_key("db"), endpoints(21000)),
            (endpoints_key("cache"), endpoints(22000)),
        ]);
        Self {
            values,
            builder: Builder::new(instance("web-sidecar-proxy")),
        }
    }

    /// Another proxy of the same mesh.
    fn twin(&self) -> Self {
        Self {
            values: self.values.clone(),
            builder: Builder::new(instance("web-sidecar-proxy")),
        }
    }

    fn set(&mut self, key: Key, value: Value) {
        self.builder.handle_update(&key, &value);
        self.values.insert(key, value);
    }

    fn snapshot(&mut self) -> Arc<Snapshot> {
        while let Some(need) = self.builder.poll_need() {
            if let Need::Subscribe(key) = need {
                let value = self
                    .values
                    .entry(key.clone())
                    .or_insert_with(|| chain(&key))
                    .clone();
                self.builder.handle_update(&key, &value);
            }
        }
        self.builder.snapshot().unwrap()
    }
}

fn chain(key: &Key) -> Value {
    let Key::Chain(key) = key else {
        panic!("{key:?}")
    };
    let request = CompileRequest {
        service: &key.service,
        datacenter: "dc1",
        trust_domain: "td",
        overrides: &key.overrides,
        auto_virtual_ips: &[],
        manual_virtual_ips: None,
    };
    Value::Chain(Ok(Arc::new(
        tribune_chain::compile(&request, &mut BTreeMap::new()).unwrap(),
    )))
}

fn names(changed: &Changed) -> Vec<String> {
    changed
        .updated
        .iter()
        .map(|resource| format!("{} {}", resource.kind, resource.name))
        .collect()
}

#[test]
fn the_first_time_everything_is_new_and_the_second_time_nothing() {
    let (mut mesh, mut generator, mut memo) = (Mesher::new(&["db"]), Generator::new(), Memo::new());
    let changed = generator.handle_snapshot(&mesh.snapshot(), &mut memo);
    assert_eq!(
        names(&changed),
        [
            "cluster db.default.dc1.internal.td",
            "cluster local_app",
            "endpoints db.default.dc1.internal.td",
            "listener db:127.0.0.1:9001",
            "listener public_listener:0.0.0.0:21000",
            "secret roots",
        ]
    );
    assert_eq!(generator.resources().count(), 6);
    let again = generator.handle_snapshot(&mesh.snapshot(), &mut memo);
    assert!(again.is_empty() && Arc::ptr_eq(&changed.problems, &again.problems));
}

#[test]
fn a_change_touches_what_was_made_from_it_and_nothing_else() {
    let (mut mesh, mut generator, mut memo) =
        (Mesher::new(&["cache", "db"]), Generator::new(), Memo::new());
    generator.handle_snapshot(&mesh.snapshot(), &mut memo);
    let rows = [
        (
            endpoints_key("db"),
            endpoints(21001),
            vec!["endpoints db.default.dc1.internal.td"],
        ),
        (endpoints_key("db"), endpoints(21001), vec![]),
        (
            Key::Intentions(ServiceName::new("web")),
            intentions(&["shop"]),
            vec!["listener public_listener:0.0.0.0:21000"],
        ),
        (Key::Roots, roots("one\ntwo"), vec!["secret roots"]),
        (Key::Mesh, Value::Mesh(Arc::new(Mesh::default())), vec![]),
    ];
    for (key, value, expected) in rows {
        mesh.set(key.clone(), value);
        let changed = generator.handle_snapshot(&mesh.snapshot(), &mut memo);
        assert_eq!(names(&changed), expected, "{key:?}");
        assert!(changed.removed.is_empty());
    }
}

#[test]
fn what_an_upstream_leaves_behind_is_removed() {
    let (mut mesh, mut generator, mut memo) =
        (Mesher::new(&["cache", "db"]), Generator::new(), Memo::new());
    generator.handle_snapshot(&mesh.snapshot(), &mut memo);
    mesh.set(Key::Proxy(instance("web-sidecar-proxy")), proxy(&["cache"]));
    let changed = generator.handle_snapshot(&mesh.snapshot(), &mut memo);
    assert!(changed.updated.is_empty());
    let removed: Vec<_> = changed
        .removed
        .iter()
        .map(|(kind, name)| format!("{kind} {name}"))
        .collect();
    assert_eq!(
        removed,
        [
            "cluster db.default.dc1.internal.td",
            "endpoints db.default.dc1.internal.td",
            "listener db:127.0.0.1:9002",
        ]
    );
}

#[test]
fn a_cluster_of_two_upstreams_stays_until_both_are_gone() {
    let (mut mesh, mut generator, mut memo) = (
        Mesher::new(&["db", "db@dc1"]),
        Generator::new(),
        Memo::new(),
    );
    generator.handle_snapshot(&mesh.snapshot(), &mut memo);
    assert_eq!(
        generator
            .resources()
            .filter(|resource| resource.kind == ResourceType::Cluster)
            .count(),
        2
    );
    mesh.set(endpoints_key("db"), endpoints(21001));
    let changed = generator.handle_snapshot(&mesh.snapshot(), &mut memo);
    assert_eq!(names(&changed), ["endpoints db.default.dc1.internal.td"]);
    mesh.set(Key::Proxy(instance("web-sidecar-proxy")), proxy(&["db"]));
    let changed = generator.handle_snapshot(&mesh.snapshot(), &mut memo);
    assert_eq!(
        changed.removed,
        [(ResourceType::Listener, "db?dc=dc1:127.0.0.1:9002".into())]
    );
}

#[test]
fn proxies_share_what_they_have_in_common() {
    let (mut one, mut memo) = (Mesher::new(&["db"]), Memo::new());
    let (mut first, mut second) = (Generator::new(), Generator::new());
    first.handle_snapshot(&one.snapshot(), &mut memo);
    let mut other = one.twin();
    second.handle_snapshot(&other.snapshot(), &mut memo);
    for (a, b) in first.resources().zip(second.resources()) {
        assert!(Arc::ptr_eq(a, b), "{a:?}");
    }
    let moved = endpoints(21001);
    one.set(endpoints_key("db"), moved.clone());
    other.set(endpoints_key("db"), moved);
    let (a, b) = (
        first.handle_snapshot(&one.snapshot(), &mut memo),
        second.handle_snapshot(&other.snapshot(), &mut memo),
    );
    assert!(
        Arc::ptr_eq(&a.updated[0], &b.updated[0]),
        "an assignment is encoded once"
    );
}

#[test]
fn equal_values_give_equal_versions_on_every_server() {
    let versions = || {
        let (mut mesh, mut generator) = (Mesher::new(&["cache", "db"]), Generator::new());
        mesh.set(
            Key::Intentions(ServiceName::new("web")),
            intentions(&["a", "b", "c", "d"]),
        );
        generator.handle_snapshot(&mesh.snapshot(), &mut Memo::new());
        generator
            .resources()
            .map(|resource| (resource.version, resource.body.clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(versions(), versions());
}

#[test]
fn roots_are_a_secret_and_stand_in_nothing_else() {
    let (mut mesh, mut generator) = (Mesher::new(&["db"]), Generator::new());
    mesh.set(Key::Roots, roots("TRUSTED"));
    generator.handle_snapshot(&mesh.snapshot(), &mut Memo::new());
    for resource in generator.resources() {
        let found = resource.body.windows(7).any(|window| window == b"TRUSTED");
        assert_eq!(found, &*resource.name == ROOTS, "{resource:?}");
    }
}

#[test]
fn an_upstream_waits_for_its_endpoints() {
    let (mut mesh, mut generator, mut memo) = (Mesher::new(&["db"]), Generator::new(), Memo::new());
    let snapshot = mesh.snapshot();
    let without = Snapshot {
        registration: Arc::clone(&snapshot.registration),
        roots: Arc::clone(&snapshot.roots),
        intentions: Arc::clone(&snapshot.intentions),
        mesh: Arc::clone(&snapshot.mesh),
        upstreams: vec![Arc::new(Upstream {
            definition: Arc::clone(&snapshot.upstreams[0].definition),
            chain: snapshot.upstreams[0].chain.clone(),
            endpoints: BTreeMap::new(),
        })],
    };
    generator.handle_snapshot(&Arc::new(without), &mut memo);
    assert_eq!(generator.resources().count(), 3);
    let changed = generator.handle_snapshot(&snapshot, &mut memo);
    assert_eq!(changed.updated.len(), 3);
}

/// A chain whose routes and shares lead to subsets and stand-ins.
fn shaped_chain() -> Value {
    let entries = [
        (Kind::ProxyDefaults, json!({"Config": {"protocol": "http"}})),
        (
            Kind::ServiceResolver,
            json!({"Name": "db", "Subsets": {"v1": {"Filter": "x", "OnlyPassing": true}}, "Failover": {"*": {"Service": "cache"}}}),
        ),
        (
            Kind::ServiceSplitter,
            json!({"Name": "db", "Splits": [{"Weight": 10, "ServiceSubset": "v1"}, {"Weight": 90}]}),
        ),
    ];
    let mut entries: BTreeMap<_, _> = entries
        .into_iter()
        .map(|(kind, json)| {
            let entry = config_entry::Entry::try_from(Raw::deserialize(kind, json).unwrap());
            let entry = Arc::new(entry.unwrap());
            (entry.key(), entry)
        })
        .collect();
    let service = ServiceName::new("db");
    let request = CompileRequest {
        service: &service,
        datacenter: "dc1",
        trust_domain: "td",
        overrides: &Default::default(),
        auto_virtual_ips: &[],
        manual_virtual_ips: None,
    };
    let chain = tribune_chain::compile(&request, &mut entries).unwrap();
    Value::Chain(Ok(Arc::new(chain)))
}

#[test]
fn a_chain_is_made_anew_where_it_changes_and_an_instance_where_it_is_assigned() {
    let (mut mesh, mut generator, mut memo) = (Mesher::new(&["db"]), Generator::new(), Memo::new());
    generator.handle_snapshot(&mesh.snapshot(), &mut memo);
    let key = mesh
        .values
        .keys()
        .find(|key| matches!(key, Key::Chain(_)))
        .unwrap()
        .clone();
    let v1 = Key::Subset(SubsetKey {
        service: ServiceName::new("db"),
        filter: "x".to_owned(),
    });
    mesh.values.insert(v1.clone(), endpoints(21001));
    mesh.set(key, shaped_chain());
    let changed = generator.handle_snapshot(&mesh.snapshot(), &mut memo);
    let of = |index: usize, name: &str| {
        format!("failover-target~{index}~{name}.default.dc1.internal.td")
    };
    let members = [of(0, "db"), of(0, "v1.db"), of(1, "db"), of(1, "v1.db")];
    let mut expected = vec!["cluster db.default.dc1.internal.td".to_owned()];
    expected.extend(members.iter().map(|name| format!("cluster {name}")));
    expected.push("cluster v1.db.default.dc1.internal.td".to_owned());
    expected.extend(members.iter().map(|name| format!("endpoints {name}")));
    expected.extend([
        "listener db:127.0.0.1:9001".to_owned(),
        "route db".to_owned(),
    ]);
    assert_eq!(names(&changed), expected);
    assert_eq!(
        changed.removed,
        [(
            ResourceType::Endpoints,
            Arc::from("db.default.dc1.internal.td")
        )]
    );
    assert_eq!(crate::check(generator.resources().map(AsRef::as_ref)), []);

    mesh.set(v1, endpoints(21002));
    let changed = generator.handle_snapshot(&mesh.snapshot(), &mut memo);
    assert_eq!(names(&changed), [format!("endpoints {}", of(0, "v1.db"))]);
    mesh.set(endpoints_key("cache"), endpoints(21003));
    let changed = generator.handle_snapshot(&mesh.snapshot(), &mut memo);
    assert_eq!(
        names(&changed),
        [
            format!("endpoints {}", of(1, "db")),
            format!("endpoints {}", of(1, "v1.db"))
        ]
    );
}

#[test]
fn proxies_share_the_routes_of_a_chain() {
    let mut mesh = Mesher::new(&["db"]);
    mesh.snapshot();
    let key = mesh
        .values
        .keys()
        .find(|key| matches!(key, Key::Chain(_)))
        .unwrap()
        .clone();
    mesh.set(key, shaped_chain());
    let v1 = Key::Subset(SubsetKey {
        service: ServiceName::new("db"),
        filter: "x".to_owned(),
    });
    mesh.values.insert(v1, endpoints(21001));
    let mut twin = mesh.twin();
    let mut memo = Memo::new();
    let mut generators = [Generator::new(), Generator::new()];
    for (generator, mesh) in generators.iter_mut().zip([&mut mesh, &mut twin]) {
        generator.handle_snapshot(&mesh.snapshot(), &mut memo);
    }
    let shared = |generator: &Generator| -> Vec<Arc<Resource>> {
        let of = [
            ResourceType::Route,
            ResourceType::Endpoints,
            ResourceType::Cluster,
        ];
        let all = generator.resources();
        all.filter(|resource| of.contains(&resource.kind))
            .cloned()
            .collect()
    };
    let [one, other] = generators.each_ref().map(shared);
    assert_eq!(one.len(), other.len());
    assert!(
        one.iter()
            .zip(&other)
            .all(|(one, other)| Arc::ptr_eq(one, other))
    );
}
