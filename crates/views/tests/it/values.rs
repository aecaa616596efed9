//! What values say about the tables.

use serde_json::json;
use tribune_chain::{CompileError, Proposal};
use tribune_derived::{ChainKey, Health, Key, SubsetKey, Value};
use tribune_state::WatchSet;
use tribune_types::config_entry::{self, Kind};
use tribune_types::{NodeService, ServiceName, Status};
use tribune_views::StoredEntries;

use crate::world::{World, dialing, proxy_key, typical};

fn chain_key(service: &str) -> Key {
    let (service, datacenter) = (ServiceName::new(service), String::new());
    Key::Chain(ChainKey {
        service,
        datacenter,
        overrides: Default::default(),
    })
}

#[test]
fn a_subset_has_the_instances_that_its_filter_selects() {
    let mut world = World::default();
    let tagged = |id: &str, version: &str, tag: &str| NodeService {
        id: id.into(),
        meta: Some([("version".to_owned(), version.to_owned())].into()),
        tags: Some(vec![tag.to_owned()]),
        ..dialing("api", &["db"])
    };
    world.service("n1", tagged("one", "1", "blue"));
    world.service("n22", tagged("two", "2", "green"));
    world.service("n22", typical("api", 80));
    world.check("n22", "two", Status::Warning);
    let rows = [
        ("Service.Meta.version == 1", "one"),
        ("Service.Meta.version != 1", "two"),
        ("\"blue\" in Service.Tags", "one"),
        ("Service.Tags is empty", ""),
        (
            "Node.Node == n22 and Service.Kind == `connect-proxy`",
            "two",
        ),
        ("Node.Partition == default", "one two"),
        ("Checks.Status == warning", "two"),
        ("Checks is empty", "one"),
        ("Service.Proxy.DestinationServiceName == api", "one two"),
        ("Service.Proxy.Upstreams.DestinationName == db", "one two"),
        (
            "Service.Port == 20000 and Service.Weights.Passing == 1",
            "one two",
        ),
        ("Service.Connect.Native == true", ""),
        // nobody knows what was meant
        ("Service.Nothing == 1", ""),
    ];
    for (filter, expected) in rows {
        let key = Key::Subset(SubsetKey {
            service: ServiceName::new("api"),
            filter: filter.to_owned(),
        });
        let Value::Endpoints(endpoints) = world.compute(&key) else {
            panic!("{key:?}")
        };
        let ids = endpoints
            .endpoints
            .iter()
            .map(|row| row.instance.id.as_str());
        assert_eq!(ids.collect::<Vec<_>>().join(" "), expected, "{filter}");
    }
}

#[test]
fn endpoints_are_the_proxies_and_native_instances_with_the_worst_of_their_checks() {
    let mut world = World::default();
    world.service("n1", typical("api", 80));
    world.service("n1", dialing("api", &[]));
    world.service(
        "n22",
        NodeService {
            native: true,
            address: "10.9.9.9".to_owned(),
            ..typical("api", 81)
        },
    );
    world.check("n1", "", Status::Warning);
    world.check("n22", "api", Status::Passing);
    let key = Key::Endpoints(ServiceName::new("api").into());
    let rows = |world: &World| match world.compute(&key) {
        Value::Endpoints(endpoints) => {
            let rows = endpoints.endpoints.iter();
            rows.map(|row| {
                (
                    row.instance.id.to_string(),
                    row.address.clone(),
                    row.port,
                    row.health,
                )
            })
            .collect::<Vec<_>>()
        }
        other => panic!("{other:?}"),
    };
    let row =
        |id: &str, address: &str, port, health| (id.to_owned(), address.to_owned(), port, health);
    let expected = [
        row("api-proxy", "10.0.0.2", 20_000, Health::Warning),
        row("api", "10.9.9.9", 81, Health::Passing),
    ];
    assert_eq!(rows(&world), expected);
    world.check("n1", "api-proxy", Status::Critical);
    world.check("n22", "api", Status::Other("odd".into()));
    assert_eq!(
        rows(&world).iter().map(|row| row.3).collect::<Vec<_>>(),
        [Health::Critical, Health::Passing]
    );
}

#[test]
fn a_service_that_is_no_proxy_is_no_proxy() {
    let mut world = World::default();
    assert_eq!(world.compute(&proxy_key("n1", "api")), Value::Proxy(None));
    world.service("n1", typical("api", 80));
    assert_eq!(world.compute(&proxy_key("n1", "api")), Value::Proxy(None));
}

#[test]
fn a_chain_needs_the_certificate_authority_and_has_the_virtual_addresses() {
    let mut world = World::default();
    assert_eq!(
        world.compute(&chain_key("api")),
        Value::Chain(Err(CompileError::NoTrustDomain.into()))
    );
    world.ca("11111111-2222-3333-4444-555555555555");
    let chain = |world: &World| match world.compute(&chain_key("api")) {
        Value::Chain(Ok(chain)) => chain,
        other => panic!("{other:?}"),
    };
    assert_eq!(chain(&world).manual_virtual_ips, None);
    world.service("n1", dialing("api", &[]));
    let chain = chain(&world);
    assert_eq!(
        (chain.auto_virtual_ips.as_slice(), chain.datacenter.as_str()),
        (&["240.0.0.1".to_owned()][..], "dc1")
    );
    assert_eq!(chain.manual_virtual_ips, Some(Vec::new()));
    let sni = "api.default.dc1.internal.11111111-2222-3333-4444-555555555555.consul";
    assert_eq!(chain.start_target().unwrap().sni, sni);
}

#[test]
fn intentions_are_those_of_the_destination_and_of_every_destination_by_precedence() {
    let mut world = World::default();
    let sources = |names: &[&str]| {
        names
            .iter()
            .map(|name| json!({"Name": name, "Action": "deny"}))
            .collect::<Vec<_>>()
    };
    world.entry(
        Kind::ServiceIntentions,
        json!({"Name": "api", "Sources": sources(&["*", "web", "B"])}),
    );
    world.entry(
        Kind::ServiceIntentions,
        json!({"Name": "*", "Sources": sources(&["ops"])}),
    );
    world.entry(
        Kind::ServiceIntentions,
        json!({"Name": "db", "Sources": sources(&["web"])}),
    );
    let Value::Intentions(intentions) = world.compute(&Key::Intentions(ServiceName::new("api")))
    else {
        panic!()
    };
    let names: Vec<_> = intentions
        .intentions
        .iter()
        .map(|i| format!("{}>{}", i.source, i.destination))
        .collect();
    assert_eq!(names, ["B>api", "web>api", "*>api", "ops>*"]);
    assert!(intentions.default_allow);
}

#[test]
fn a_write_is_checked_against_the_entries_of_a_snapshot() {
    let mut world = World::default();
    world.entry(
        Kind::ServiceDefaults,
        json!({"Name": "api", "Protocol": "http"}),
    );
    let permission = json!({"Action": "allow", "HTTP": {"PathPrefix": "/"}});
    world.entry(
        Kind::ServiceIntentions,
        json!({"Name": "api", "Sources": [{"Name": "web", "Permissions": [permission]}]}),
    );
    let check = |key| {
        let mut watch = WatchSet::ignore();
        tribune_chain::check(
            &Proposal::Delete(key),
            &mut StoredEntries::new(&world.snapshot(), &mut watch),
        )
    };
    let key = |kind| config_entry::Key::new(kind, ServiceName::new("api"));
    assert!(check(key(Kind::ServiceDefaults)).is_err());
    assert_eq!(check(key(Kind::ServiceIntentions)), Ok(()));
}

#[test]
fn the_roots_are_one_bundle_under_the_trust_domain() {
    let mut world = World::default();
    assert_eq!(world.compute(&Key::Roots), Value::Roots(None));
    world.ca("AB");
    let Value::Roots(Some(roots)) = world.compute(&Key::Roots) else {
        panic!()
    };
    assert_eq!(
        (roots.trust_domain.as_str(), &*roots.bundle),
        ("ab.consul", "PEM of AB\n")
    );
    assert_eq!(roots.active_root_id, "root-of-AB");
}
