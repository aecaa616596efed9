//! Chains of services that no router, splitter or resolver shapes.

#![expect(
    clippy::unwrap_used,
    reason = "a fixture that does not parse fails its test"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};
use tribune_chain::{Chain, CompileError, CompileRequest, Node, Overrides, compile};
use tribune_types::config_entry::{Entry, Key, Kind, Raw};
use tribune_types::proxy::{MeshGateway, TransparentProxy};
use tribune_types::{GoDuration, Meta, ServiceName};

const TRUST_DOMAIN: &str = "11111111-2222-3333-4444-555555555555.consul";

fn entries(list: &[(Kind, Value)]) -> BTreeMap<Key, Arc<Entry>> {
    let parse = |(kind, json): &(Kind, Value)| {
        let entry = Entry::try_from(Raw::deserialize(*kind, json.clone()).unwrap()).unwrap();
        (entry.key(), Arc::new(entry))
    };
    list.iter().map(parse).collect()
}

fn compiled(service: &str, overrides: &Overrides, list: &[(Kind, Value)]) -> Chain {
    let request = CompileRequest {
        service: &ServiceName::new(service),
        datacenter: "dc1",
        trust_domain: TRUST_DOMAIN,
        overrides,
        auto_virtual_ips: &[],
        manual_virtual_ips: None,
    };
    compile(&request, &mut entries(list)).unwrap()
}

fn plain(service: &str, list: &[(Kind, Value)]) -> Chain {
    compiled(service, &Overrides::default(), list)
}

fn gateway(mode: &str) -> MeshGateway {
    MeshGateway {
        mode: mode.to_owned(),
    }
}

#[test]
fn a_service_that_nobody_described_has_one_resolver_and_one_target() {
    let chain = plain("cart", &[]);
    assert_eq!(chain.start_node, "resolver:cart.default.default.dc1");
    let Some(Node::Resolver(resolver)) = chain.nodes.get(&chain.start_node) else {
        panic!("{chain:?}")
    };
    assert_eq!(
        (resolver.default, resolver.connect_timeout),
        (true, GoDuration::from_secs(5))
    );
    let target = chain.start_target().unwrap();
    assert_eq!(target.id, "cart.default.default.dc1");
    assert_eq!(
        target.name,
        format!("cart.default.dc1.internal.{TRUST_DOMAIN}")
    );
    assert_eq!((&target.sni, target.external), (&target.name, false));
    assert_eq!(
        (
            chain.protocol.as_str(),
            chain.default,
            chain.customization_hash.as_str()
        ),
        ("tcp", true, "")
    );
}

#[test]
fn the_protocol_is_the_service_s_own_then_that_of_the_proxy_defaults() {
    let http = (Kind::ProxyDefaults, json!({"Config": {"protocol": "HTTP"}}));
    let service = |protocol: &str| {
        (
            Kind::ServiceDefaults,
            json!({"Name": "cart", "Protocol": protocol}),
        )
    };
    assert_eq!(plain("cart", std::slice::from_ref(&http)).protocol, "http");
    assert_eq!(
        plain("cart", &[http.clone(), service("grpc")]).protocol,
        "grpc"
    );
    assert_eq!(
        plain("cart", &[http, service("")]).protocol,
        "tcp",
        "an entry without a protocol means tcp"
    );
}

#[test]
fn the_mesh_gateway_mode_is_the_service_s_own_then_that_of_the_proxy_defaults() {
    let remote = (
        Kind::ProxyDefaults,
        json!({"MeshGateway": {"Mode": "remote"}}),
    );
    let service = |mode: &str| {
        (
            Kind::ServiceDefaults,
            json!({"Name": "cart", "MeshGateway": {"Mode": mode}}),
        )
    };
    let mode = |list: &[_]| {
        plain("cart", list)
            .start_target()
            .unwrap()
            .mesh_gateway
            .mode
            .clone()
    };
    assert_eq!(mode(std::slice::from_ref(&remote)), "remote");
    assert_eq!(mode(&[remote.clone(), service("none")]), "none");
    assert_eq!(mode(&[remote, service("")]), "remote");
}

#[test]
fn an_external_service_has_its_own_sni_and_no_mesh_gateway() {
    let entry = json!({"Name": "partner", "ExternalSNI": "partner.example.net", "MeshGateway": {"Mode": "local"}});
    let overrides = Overrides {
        mesh_gateway: gateway("remote"),
        ..Overrides::default()
    };
    let chain = compiled("partner", &overrides, &[(Kind::ServiceDefaults, entry)]);
    let target = chain.start_target().unwrap();
    assert_eq!(
        (target.sni.as_str(), target.external),
        ("partner.example.net", true)
    );
    assert_eq!(
        target.name,
        format!("partner.default.dc1.internal.{TRUST_DOMAIN}")
    );
    assert_eq!(
        (&target.mesh_gateway, chain.customization_hash.as_str()),
        (&gateway(""), "")
    );
}

#[test]
fn being_dialled_directly_can_be_turned_on_by_either_entry_and_off_by_none() {
    let on = json!({"DialedDirectly": true, "OutboundListenerPort": 5});
    let chain = plain(
        "cart",
        &[
            (Kind::ProxyDefaults, json!({"TransparentProxy": on})),
            (
                Kind::ServiceDefaults,
                json!({"Name": "cart", "TransparentProxy": {"DialedDirectly": false}}),
            ),
        ],
    );
    let expected = TransparentProxy {
        outbound_listener_port: 0,
        dialed_directly: true,
    };
    assert_eq!(chain.start_target().unwrap().transparent_proxy, expected);
}

#[test]
fn meta_is_the_service_s_and_extensions_are_those_of_all_proxies_then_its_own() {
    let lua = |script: &str| json!([{"Name": "builtin/lua", "Arguments": {"Script": script, "Listener": "inbound"}}]);
    let chain = plain(
        "cart",
        &[
            (
                Kind::ProxyDefaults,
                json!({"EnvoyExtensions": lua("a"), "Meta": {"not": "this"}}),
            ),
            (
                Kind::ServiceDefaults,
                json!({"Name": "cart", "EnvoyExtensions": lua("b"), "Meta": {"k": "v"}}),
            ),
        ],
    );
    let scripts: Vec<_> = chain
        .envoy_extensions
        .iter()
        .map(|extension| &extension.arguments["Script"])
        .collect();
    assert_eq!(scripts, ["a", "b"]);
    assert_eq!(
        chain.service_meta,
        Some(Meta::from([("k".to_owned(), "v".to_owned())]))
    );
    assert_eq!(
        plain("cart", &[(Kind::ServiceDefaults, json!({"Name": "cart"}))]).service_meta,
        None
    );
}

/// The hashes are the reference's: they are part of cluster names.
#[test]
fn overrides_that_take_effect_customise_the_chain_under_the_reference_s_hash() {
    let timeout = |nanos| Overrides {
        connect_timeout: GoDuration::from_nanos(nanos),
        ..Overrides::default()
    };
    let protocol = |text: &str| Overrides {
        protocol: text.to_owned(),
        ..Overrides::default()
    };
    let mode = |mode: &str| Overrides {
        mesh_gateway: gateway(mode),
        ..Overrides::default()
    };
    let rows = [
        (timeout(7_000_000_000), "8b1bc506"),
        (timeout(1_500_000_000), "24bc9c2e"),
        (timeout(1), "45a779d6"),
        (timeout(5_000_000_000), ""),
        (timeout(-1), ""),
        (protocol("7"), "a5d7be85"),
        (protocol("tcp"), ""),
        (mode("none"), "fc9afadf"),
        (mode("local"), "c225dc1c"),
        (mode("remote"), "dd412229"),
        (mode(""), ""),
    ];
    for (overrides, hash) in rows {
        for service in ["cart", "till"] {
            let chain = compiled(service, &overrides, &[]);
            assert_eq!(chain.customization_hash, hash, "{overrides:?}");
            assert!(chain.default);
            if !hash.is_empty() && !overrides.protocol.is_empty() {
                assert_eq!(chain.protocol, overrides.protocol);
            }
        }
    }
    let chain = compiled("cart", &timeout(7_000_000_000), &[]);
    assert_eq!(
        chain.start_target().unwrap().connect_timeout,
        GoDuration::from_secs(7)
    );
}

#[test]
fn nothing_is_compiled_without_a_name_or_a_trust_domain() {
    for (name, trust_domain, error) in [
        ("", TRUST_DOMAIN, CompileError::NoService),
        ("a", "", CompileError::NoTrustDomain),
    ] {
        let request = CompileRequest {
            service: &ServiceName::new(name),
            datacenter: "dc1",
            trust_domain,
            overrides: &Overrides::default(),
            auto_virtual_ips: &[],
            manual_virtual_ips: None,
        };
        assert_eq!(compile(&request, &mut BTreeMap::new()), Err(error));
    }
}

fn some_entry() -> impl Strategy<Value = (Kind, Value)> {
    let word = |words: &'static [&'static str]| prop::sample::select(words);
    let protocol = word(&["", "tcp", "http", "grpc"]);
    let mode = word(&["", "none", "local"]);
    (word(&["", "a", "b", "c"]), protocol, mode, any::<bool>()).prop_map(|(name, protocol, mode, direct)| {
        let common = json!({"MeshGateway": {"Mode": mode}, "TransparentProxy": {"DialedDirectly": direct}});
        let mut entry = common;
        if name.is_empty() {
            entry["Config"] = json!({"protocol": protocol});
            return (Kind::ProxyDefaults, entry);
        }
        entry["Name"] = json!(name);
        entry["Protocol"] = json!(protocol);
        (Kind::ServiceDefaults, entry)
    })
}

fn reachable(chain: &Chain) -> BTreeSet<&str> {
    let mut targets = BTreeSet::new();
    let mut left = vec![chain.start_node.as_str()];
    while let Some(key) = left.pop() {
        let node = &chain.nodes[key];
        left.extend(node.next());
        targets.extend(node.as_resolver().map(|resolver| resolver.target.as_str()));
    }
    targets
}

proptest! {
    #[test]
    fn every_target_is_reachable_and_the_order_of_entries_does_not_matter(
        list in prop::collection::vec(some_entry(), 0..6),
        protocol in "|tcp|http|HTTP",
        mode in "|none|remote",
        timeout in -1_i64..3,
    ) {
        let overrides = Overrides {
            protocol,
            connect_timeout: GoDuration::from_secs(timeout),
            mesh_gateway: MeshGateway { mode },
        };
        // of two entries with one key the last counts, so only the order of distinct ones is free
        let mut distinct: Vec<_> = entries(&list).into_iter().collect();
        distinct.reverse();
        let service = ServiceName::new("a");
        let request = CompileRequest {
            service: &service, datacenter: "dc1", trust_domain: TRUST_DOMAIN, overrides: &overrides,
            auto_virtual_ips: &[], manual_virtual_ips: None,
        };
        let chain = compile(&request, &mut entries(&list)).unwrap();
        let again = compile(&request, &mut distinct.into_iter().collect::<BTreeMap<_, _>>()).unwrap();
        prop_assert_eq!(&chain, &again);
        let targets: BTreeSet<_> = chain.targets.keys().map(String::as_str).collect();
        prop_assert_eq!(reachable(&chain), targets);
        prop_assert!(chain.targets.iter().all(|(id, target)| *id == target.id));
        prop_assert_eq!(chain.customization_hash.is_empty(), chain == compile(
            &CompileRequest { overrides: &Overrides::default(), ..request }, &mut entries(&list)).unwrap());
    }
}
