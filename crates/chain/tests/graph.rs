//! Chains that routers, splitters and resolvers shape.

#![expect(
    clippy::unwrap_used,
    reason = "a fixture that does not parse fails its test"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};
use tribune_chain::{Chain, CompileError, CompileRequest, Node, Overrides, compile};
use tribune_types::config_entry::{Entry, Key, Kind, Raw, Weight};
use tribune_types::proxy::MeshGateway;
use tribune_types::{GoDuration, ServiceName};

const TRUST_DOMAIN: &str = "11111111-2222-3333-4444-555555555555.consul";

fn entries(list: &[(Kind, Value)]) -> BTreeMap<Key, Arc<Entry>> {
    let parse = |(kind, json): &(Kind, Value)| {
        let entry = Entry::try_from(Raw::deserialize(*kind, json.clone()).unwrap()).unwrap();
        (entry.key(), Arc::new(entry))
    };
    list.iter().map(parse).collect()
}

fn compiled(overrides: &Overrides, list: &[(Kind, Value)]) -> Result<Chain, CompileError> {
    let request = CompileRequest {
        service: &ServiceName::new("main"),
        datacenter: "dc1",
        trust_domain: TRUST_DOMAIN,
        overrides,
        auto_virtual_ips: &[],
        manual_virtual_ips: None,
    };
    compile(&request, &mut entries(list))
}

fn plain(list: &[(Kind, Value)]) -> Chain {
    compiled(&Overrides::default(), list).unwrap()
}

/// A chain in few words: its nodes from the start on, each with where it leads. Targets lose what is the same
/// for all.
fn drawn(chain: &Chain) -> Vec<String> {
    let mut lines = Vec::new();
    let mut left = vec![chain.start_node.as_str()];
    let mut seen = BTreeSet::new();
    while !left.is_empty() {
        let key = left.remove(0);
        if !seen.insert(key) {
            continue;
        }
        let node = &chain.nodes[key];
        left.extend(node.next());
        let leads = match node {
            Node::Router(_) => node.next().collect::<Vec<_>>().join(", "),
            Node::Splitter(splitter) => {
                let share =
                    |split: &tribune_chain::Split| format!("{}% {}", split.weight, split.next_node);
                splitter
                    .splits
                    .iter()
                    .map(share)
                    .collect::<Vec<_>>()
                    .join(", ")
            }
            Node::Resolver(resolver) => {
                let failover = resolver.failover.as_ref();
                let failover = failover.map(|failover| failover.targets.join(", "));
                failover.unwrap_or_default()
            }
        };
        lines.push(format!("{key} > {leads}").replace(".default.default", ""));
    }
    lines
}

fn http() -> (Kind, Value) {
    (Kind::ProxyDefaults, json!({"Config": {"protocol": "http"}}))
}

fn defaults(json: Value) -> (Kind, Value) {
    (Kind::ServiceDefaults, json)
}

fn router(routes: Value) -> (Kind, Value) {
    (
        Kind::ServiceRouter,
        json!({"Name": "main", "Routes": routes}),
    )
}

fn splitter(name: &str, splits: Value) -> (Kind, Value) {
    (
        Kind::ServiceSplitter,
        json!({"Name": name, "Splits": splits}),
    )
}

fn resolver(name: &str, mut fields: Value) -> (Kind, Value) {
    fields["Name"] = json!(name);
    (Kind::ServiceResolver, fields)
}

fn subsets() -> Value {
    json!({"v1": {"Filter": "Service.Meta.version == 1"}, "v2": {"OnlyPassing": true}})
}

#[test]
fn routes_lead_to_splitters_and_resolvers_and_the_rest_to_the_service_itself() {
    let list = [
        http(),
        router(json!([
            {"Match": {"HTTP": {"PathPrefix": "/a"}}, "Destination": {"Service": "other"}},
            {"Destination": {"ServiceSubset": "v1"}},
            {"Destination": {"PrefixRewrite": ""}},
            {},
        ])),
        splitter(
            "main",
            json!([{"Weight": 60}, {"Weight": 40, "ServiceSubset": "v2"}]),
        ),
        resolver("main", json!({"Subsets": subsets()})),
    ];
    let chain = plain(&list);
    assert_eq!(
        drawn(&chain),
        [
            "router:main > resolver:other.dc1, resolver:v1.main.dc1, splitter:main, splitter:main, splitter:main",
            "resolver:other.dc1 > ",
            "resolver:v1.main.dc1 > ",
            "splitter:main > 60% resolver:main.dc1, 40% resolver:v2.main.dc1",
            "resolver:main.dc1 > ",
            "resolver:v2.main.dc1 > ",
        ]
    );
    assert_eq!((chain.protocol.as_str(), chain.default), ("http", false));
    let Some(Node::Router(router)) = chain.start() else {
        panic!("{chain:?}")
    };
    assert_eq!(
        serde_json::to_value(&router.routes[4].definition).unwrap(),
        json!({"Match": {"HTTP": {"PathPrefix": "/"}}, "Destination": {"Service": "main", "Namespace": "default", "Partition": "default"}})
    );
    let target = &chain.targets["v1.main.default.default.dc1"];
    assert_eq!(
        (
            target.service_subset.as_str(),
            target.subset.filter.as_str()
        ),
        ("v1", "Service.Meta.version == 1")
    );
    assert_eq!(
        target.sni,
        format!("v1.main.default.dc1.internal.{TRUST_DOMAIN}")
    );
}

#[test]
fn splitters_that_follow_each_other_become_one() {
    let modified = |weight: u32, service: &str, by: &str| {
        json!({
            "Weight": weight, "Service": service,
            "RequestHeaders": {"Set": {"x": by, by: "1"}, "Remove": [by]}, "ResponseHeaders": {"Set": {"x": by, by: "1"}},
        })
    };
    let list = [
        http(),
        splitter(
            "main",
            json!([modified(33, "mid", "outer"), {"Weight": 67}]),
        ),
        splitter(
            "mid",
            json!([modified(50, "end", "inner"), {"Weight": 50, "Service": "mid"}]),
        ),
        // naming a subset means not to be split any further
        splitter(
            "end",
            json!([{"Weight": 90, "ServiceSubset": "v1"}, {"Weight": 10, "Service": "main", "ServiceSubset": "v1"}]),
        ),
        resolver("end", json!({"Subsets": subsets()})),
        resolver("main", json!({"Subsets": subsets()})),
    ];
    let chain = plain(&list);
    assert_eq!(
        drawn(&chain),
        [
            "splitter:main > 14.85% resolver:v1.end.dc1, 1.65% resolver:v1.main.dc1, 16.5% resolver:mid.dc1, 67% resolver:main.dc1",
            "resolver:v1.end.dc1 > ",
            "resolver:v1.main.dc1 > ",
            "resolver:mid.dc1 > ",
            "resolver:main.dc1 > ",
        ]
    );
    let Some(Node::Splitter(splitter)) = chain.start() else {
        panic!("{chain:?}")
    };
    assert_eq!(
        serde_json::to_value(&splitter.splits[0].definition).unwrap(),
        json!({
            "Weight": 90, "ServiceSubset": "v1",
            "RequestHeaders": {"Set": {"x": "inner", "outer": "1", "inner": "1"}, "Remove": ["outer", "inner"]},
            "ResponseHeaders": {"Set": {"x": "outer", "outer": "1", "inner": "1"}},
        })
    );
}

#[test]
fn a_splitter_hashes_as_the_first_resolver_that_does() {
    let balanced =
        |name: &str, policy: &str| resolver(name, json!({"LoadBalancer": {"Policy": policy}}));
    let list = [
        http(),
        splitter(
            "main",
            json!([{"Weight": 40}, {"Weight": 30, "Service": "a"}, {"Weight": 30, "Service": "b"}]),
        ),
        balanced("main", "least_request"),
        balanced("a", "maglev"),
        balanced("b", "ring_hash"),
    ];
    let chain = plain(&list);
    let policies: Vec<_> = chain
        .nodes
        .values()
        .map(|node| match node {
            Node::Splitter(splitter) => splitter.load_balancer.as_ref(),
            Node::Resolver(resolver) => resolver.load_balancer.as_ref(),
            Node::Router(_) => None,
        })
        .map(|balancer| balancer.map_or("", |balancer| balancer.policy.as_str()))
        .collect();
    assert_eq!(policies, ["maglev", "ring_hash", "least_request", "maglev"]);
}

#[test]
fn redirects_and_default_subsets_are_followed_to_their_end() {
    let rows = [
        (
            json!({"Redirect": {"Service": "other"}}),
            "resolver:other.dc1 > ",
        ),
        (
            json!({"Redirect": {"Service": "far", "Datacenter": "dc9"}}),
            "resolver:far.dc9 > ",
        ),
        (
            json!({"Redirect": {"Datacenter": "dc9"}}),
            "resolver:main.dc9 > ",
        ),
        (
            json!({"Redirect": {"Service": "main"}}),
            "resolver:main.dc1 > ",
        ),
        (
            json!({"Redirect": {"Service": "divided"}}),
            "resolver:v2.divided.dc1 > ",
        ),
        (
            json!({"Redirect": {"Service": "divided", "ServiceSubset": "v1"}}),
            "resolver:v1.divided.dc1 > ",
        ),
        (
            json!({"Redirect": {"Service": "hop"}}),
            "resolver:v1.divided.dc1 > ",
        ),
        (
            json!({"Redirect": {"Service": "divided", "Peer": "isle"}}),
            "resolver:divided.external.isle > ",
        ),
        (
            json!({"DefaultSubset": "v1", "Subsets": subsets()}),
            "resolver:v1.main.dc1 > ",
        ),
        (
            json!({"DefaultSubset": "v1", "Subsets": subsets(), "Redirect": {"Service": "main", "ServiceSubset": "v2"}}),
            "resolver:v2.main.dc1 > ",
        ),
    ];
    for (main, expected) in rows {
        let list = [
            resolver("main", main.clone()),
            resolver(
                "divided",
                json!({"DefaultSubset": "v2", "Subsets": subsets()}),
            ),
            resolver(
                "hop",
                json!({"Redirect": {"Service": "divided", "ServiceSubset": "v1"}}),
            ),
        ];
        let chain = plain(&list);
        assert_eq!(drawn(&chain), [expected], "{main}");
        assert!(!chain.default, "{main}");
    }
}

#[test]
fn an_imported_target_has_no_names_and_the_settings_of_who_sends_to_its_like() {
    let list = |service: &str| {
        [
            http(),
            resolver(
                "main",
                json!({"ConnectTimeout": "9s", "Redirect": {"Service": service, "Peer": "isle"}}),
            ),
            // these are about the service of this cluster
            resolver(
                "other",
                json!({"ConnectTimeout": "8s", "DefaultSubset": "v1", "Subsets": subsets()}),
            ),
            defaults(json!({"Name": "other", "Protocol": "tcp", "ExternalSNI": "x"})),
        ]
    };
    for (service, timeout, default) in [("main", 9, false), ("other", 5, true)] {
        let chain = plain(&list(service));
        let target = chain.start_target().unwrap();
        let id = format!("{service}.default.default.external.isle");
        assert_eq!(
            (&target.id, target.connect_timeout),
            (&id, GoDuration::from_secs(timeout))
        );
        assert_eq!(
            (
                target.peer.as_str(),
                target.datacenter.as_str(),
                target.sni.as_str(),
                target.name.as_str()
            ),
            ("isle", "", "", "")
        );
        let resolver = chain.start().unwrap().as_resolver().unwrap();
        assert_eq!((resolver.default, chain.default), (default, false));
        // peers are not asked what they speak
        assert_eq!(chain.protocol, "http");
    }
}

#[test]
fn failover_takes_every_form() {
    let rows = [
        (json!({"Service": "spare"}), "v2.spare.dc1"),
        (
            json!({"Service": "spare", "ServiceSubset": "v1"}),
            "v1.spare.dc1",
        ),
        (json!({"Service": "moved"}), "newplace.dc1"),
        (
            json!({"Datacenters": ["dc2", "dc1", "dc2"]}),
            "main.dc2, main.dc2",
        ),
        (
            json!({"Service": "spare", "Datacenters": ["dc2", "dc1"]}),
            "v2.spare.dc2, v2.spare.dc1",
        ),
        (
            json!({"Targets": [{"Service": "main"}, {"Service": "spare"}, {"Datacenter": "dc2"}, {"Peer": "isle"}, {"Service": "spare", "Peer": "isle"}, {"Service": "spare", "ServiceSubset": "v1", "Datacenter": "dc3"}]}),
            "v2.spare.dc1, main.dc2, main.external.isle, spare.external.isle, v1.spare.dc3",
        ),
        (
            json!({"Targets": [{"Service": "main"}, {"Datacenter": "dc1"}]}),
            "",
        ),
        // one that leads back stays in the list
        (json!({"Service": "back"}), "main.dc1"),
    ];
    for (failover, expected) in rows {
        let list = [
            resolver("main", json!({"Failover": {"*": failover}})),
            resolver(
                "spare",
                json!({"DefaultSubset": "v2", "Subsets": subsets(), "Failover": {"*": {"Service": "main"}}}),
            ),
            resolver("moved", json!({"Redirect": {"Service": "newplace"}})),
            resolver("back", json!({"Redirect": {"Service": "main"}})),
        ];
        assert_eq!(
            drawn(&plain(&list)),
            [format!("resolver:main.dc1 > {expected}")],
            "{failover}"
        );
    }
}

#[test]
fn failover_of_a_subset_goes_before_that_of_all() {
    let main = |default: &str| {
        resolver(
            "main",
            json!({
                "Subsets": subsets(), "DefaultSubset": default,
                "Failover": {"v1": {"ServiceSubset": "v2"}, "*": {"Service": "spare"}},
            }),
        )
    };
    assert_eq!(
        drawn(&plain(&[main("v1")])),
        ["resolver:v1.main.dc1 > v2.main.dc1"]
    );
    assert_eq!(
        drawn(&plain(&[main("v2")])),
        ["resolver:v2.main.dc1 > spare.dc1"]
    );
}

#[test]
fn a_failover_policy_is_the_resolver_s_then_that_of_the_proxy_defaults() {
    let policy = |own: Value, service: &str| {
        let list = [
            (
                Kind::ProxyDefaults,
                json!({"FailoverPolicy": {"Mode": "sequential"}}),
            ),
            resolver(
                "main",
                json!({"Failover": {"*": {"Service": service, "Policy": own}}}),
            ),
        ];
        let chain = plain(&list);
        let failover = chain
            .start()
            .unwrap()
            .as_resolver()
            .unwrap()
            .failover
            .as_ref();
        failover.map(|failover| failover.policy.as_ref().unwrap().mode.clone())
    };
    assert_eq!(policy(json!(null), "spare").as_deref(), Some("sequential"));
    assert_eq!(policy(json!({}), "spare").as_deref(), Some(""));
    assert_eq!(policy(json!(null), "main"), None);
}

#[test]
fn the_chain_has_the_meta_and_extensions_of_its_own_name() {
    let list = [
        defaults(json!({"Name": "main", "Meta": {"own": "1"}})),
        defaults(json!({"Name": "other", "Meta": {"other": "1"}})),
        resolver("main", json!({"Redirect": {"Service": "other"}})),
    ];
    assert_eq!(
        plain(&list)
            .service_meta
            .unwrap()
            .keys()
            .collect::<Vec<_>>(),
        ["own"]
    );
}

#[test]
fn what_does_not_fit_together_is_an_error_that_says_so() {
    let external = defaults(json!({"Name": "main", "ExternalSNI": "out.example"}));
    let split_to =
        |name: &str, service: &str| splitter(name, json!([{"Weight": 100, "Service": service}]));
    let redirect = |name: &str, to: &str| resolver(name, json!({"Redirect": {"Service": to}}));
    let rows: Vec<(Vec<(Kind, Value)>, &str)> = vec![
        (
            vec![split_to("main", "main")],
            "protocol \"tcp\" that does not permit advanced routing",
        ),
        (
            vec![router(json!([]))],
            "protocol \"tcp\" that does not permit",
        ),
        (
            vec![
                http(),
                defaults(json!({"Name": "other", "Protocol": "grpc"})),
                router(json!([{"Destination": {"Service": "other"}}])),
            ],
            "inconsistent protocols; service \"other\" has \"grpc\" which is not \"http\"",
        ),
        (
            vec![
                http(),
                defaults(json!({"Name": "other"})),
                split_to("main", "other"),
            ],
            "service \"other\" has \"tcp\" which is not \"http\"",
        ),
        (
            vec![
                defaults(json!({"Name": "other", "Protocol": "http"})),
                resolver("main", json!({"Failover": {"*": {"Service": "other"}}})),
            ],
            "service \"other\" has \"http\" which is not \"tcp\"",
        ),
        (
            vec![resolver(
                "main",
                json!({"Redirect": {"Service": "other", "ServiceSubset": "v9"}}),
            )],
            "service \"other\" does not have a subset named \"v9\"",
        ),
        (
            vec![
                http(),
                router(json!([{"Destination": {"ServiceSubset": "v9"}}])),
            ],
            "service \"main\" does not have a subset named \"v9\"",
        ),
        (
            vec![
                external.clone(),
                resolver("main", json!({"Subsets": subsets()})),
            ],
            "cannot define subsets for external",
        ),
        (
            vec![
                external.clone(),
                resolver("main", json!({"Failover": {"*": {"Service": "x"}}})),
            ],
            "cannot define failover for external",
        ),
        (
            vec![
                external,
                resolver("main", json!({"Redirect": {"Datacenter": "dc2"}})),
            ],
            "cannot define redirects for external",
        ),
        (
            vec![
                redirect("main", "a"),
                redirect("a", "b"),
                redirect("b", "a"),
            ],
            "circular resolver redirect: [main.default.default.dc1 -> a.default.default.dc1 -> b.default.default.dc1 -> a.default.default.dc1]",
        ),
        (
            vec![http(), split_to("main", "a"), split_to("a", "main")],
            "circular reference: [splitter:main.default.default -> splitter:a.default.default -> splitter:main.default.default]",
        ),
    ];
    for (list, part) in rows {
        let error = compiled(&Overrides::default(), &list)
            .unwrap_err()
            .to_string();
        assert!(error.contains(part), "{list:?}: {error}");
    }
}

#[test]
fn endless_nesting_ends() {
    let chain_of = |count: usize, splits: usize| {
        let split = |at: usize| {
            let one =
                json!({"Weight": 100 / splits, "Service": format!("s{at}"), "RequestHeaders": {}});
            vec![one; splits]
        };
        let mut list = vec![http(), splitter("main", json!(split(0)))];
        list.extend((0..count).map(|at| splitter(&format!("s{at}"), json!(split(at + 1)))));
        list
    };
    let compiled = |list: &[(Kind, Value)]| compiled(&Overrides::default(), list);
    assert!(compiled(&chain_of(60, 1)).is_ok());
    assert!(matches!(
        compiled(&chain_of(100, 1)),
        Err(CompileError::TooDeep(_))
    ));
    assert!(matches!(
        compiled(&chain_of(50, 4)),
        Err(CompileError::TooManySplits(_))
    ));
    let redirects: Vec<_> = (0..100)
        .map(|at| {
            resolver(
                &if at == 0 {
                    "main".to_owned()
                } else {
                    format!("s{at}")
                },
                json!({"Redirect": {"Service": format!("s{}", at + 1)}}),
            )
        })
        .collect();
    assert!(matches!(
        compiled(&redirects),
        Err(CompileError::TooDeep(_))
    ));
}

#[test]
fn overrides_reach_every_target_and_can_take_the_routing_away() {
    let list = [
        http(),
        router(json!([])),
        splitter("main", json!([{"Weight": 100, "Service": "other"}])),
        resolver(
            "main",
            json!({"ConnectTimeout": "3s", "Failover": {"*": {"Service": "other"}}}),
        ),
        defaults(json!({"Name": "out", "ExternalSNI": "x", "Protocol": "http"})),
    ];
    let routed = plain(&list);
    let tcp = Overrides {
        protocol: "tcp".to_owned(),
        ..Overrides::default()
    };
    let chain = compiled(&tcp, &list).unwrap();
    assert_eq!(drawn(&chain), ["resolver:main.dc1 > other.dc1"]);
    assert_eq!(
        (chain.protocol.as_str(), chain.customization_hash.is_empty()),
        ("tcp", false)
    );
    let http2 = Overrides {
        protocol: "http2".to_owned(),
        ..Overrides::default()
    };
    let chain = compiled(&http2, &list).unwrap();
    assert_eq!(
        (chain.protocol.as_str(), chain.nodes),
        ("http2", routed.nodes.clone())
    );
    // equal to the primary's, and not to that of its stand-in
    let timeout = Overrides {
        connect_timeout: GoDuration::from_secs(3),
        ..tcp
    };
    let chain = compiled(&timeout, &list).unwrap();
    assert!(
        chain
            .targets
            .values()
            .all(|target| target.connect_timeout == GoDuration::from_secs(3))
    );
    let gateway = Overrides {
        mesh_gateway: MeshGateway {
            mode: "local".to_owned(),
        },
        ..Overrides::default()
    };
    let out = [
        list[0].clone(),
        list[4].clone(),
        router(json!([{"Destination": {"Service": "out"}}])),
    ];
    let chain = compiled(&gateway, &out).unwrap();
    let modes: Vec<_> = chain
        .targets
        .values()
        .map(|target| target.mesh_gateway.mode.as_str())
        .collect();
    assert_eq!(modes, ["local", ""]);
}

fn a_name() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["main", "a", "b", "c"]).prop_map(str::to_owned)
}

fn a_subset() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["", "", "", "v1", "v2"]).prop_map(str::to_owned)
}

fn a_redirect() -> impl Strategy<Value = Value> {
    (
        a_name(),
        a_subset(),
        prop::sample::select(vec!["", "", "dc2"]),
        prop::sample::select(vec!["", "", "isle"]),
    )
        .prop_map(|(service, subset, datacenter, peer)| {
            if peer.is_empty() {
                json!({"Service": service, "ServiceSubset": subset, "Datacenter": datacenter})
            } else {
                json!({"Service": service, "Peer": peer})
            }
        })
}

fn an_entry() -> impl Strategy<Value = (Kind, Value)> {
    let protocol = prop::sample::select(vec!["", "tcp", "http", "http", "http"]);
    let of_proxies = protocol.clone().prop_map(|protocol| {
        (
            Kind::ProxyDefaults,
            json!({"Config": {"protocol": protocol}, "FailoverPolicy": {"Mode": "sequential"}}),
        )
    });
    let of_service = (a_name(), protocol, any::<bool>()).prop_map(|(name, protocol, external)| {
        let sni = if external { "out" } else { "" };
        defaults(json!({"Name": name, "Protocol": protocol, "ExternalSNI": sni}))
    });
    let destination = (a_name(), a_subset()).prop_map(
        |(service, subset)| json!({"Destination": {"Service": service, "ServiceSubset": subset}}),
    );
    let routing = prop::collection::vec(destination, 0..4).prop_map(|routes| router(json!(routes)));
    let splitting = (a_name(), 0_u32..=100, a_name(), a_subset(), a_name()).prop_map(|(name, share, first, subset, second)| {
        let headers = json!({"Set": {"by": name}});
        splitter(&name, json!([
            {"Weight": share, "Service": first, "ServiceSubset": subset, "RequestHeaders": headers},
            {"Weight": 100 - share, "Service": second, "RequestHeaders": headers},
        ]))
    });
    let subsetting = (a_name(), a_subset()).prop_map(|(name, default)| {
        resolver(&name, json!({"Subsets": {"v1": {}, "v2": {}}, "DefaultSubset": default, "LoadBalancer": {"Policy": "maglev"}}))
    });
    let redirecting = (a_name(), a_redirect()).prop_map(|(name, redirect)| {
        resolver(
            &name,
            json!({"Subsets": {"v1": {}, "v2": {}}, "Redirect": redirect}),
        )
    });
    let failing =
        (a_name(), prop::collection::vec(a_redirect(), 1..4)).prop_map(|(name, targets)| {
            resolver(
                &name,
                json!({"Subsets": {"v1": {}, "v2": {}}, "Failover": {"*": {"Targets": targets}}}),
            )
        });
    prop_oneof![
        1 => of_proxies,
        1 => of_service,
        2 => routing,
        4 => splitting,
        1 => subsetting,
        1 => redirecting,
        2 => failing,
    ]
}

/// What must hold of every chain, whatever it was made from.
fn hold_together(chain: &Chain) {
    let mut reached = BTreeSet::new();
    let mut left = vec![chain.start_node.as_str()];
    let mut targets = BTreeSet::new();
    while let Some(key) = left.pop() {
        if !reached.insert(key) {
            continue;
        }
        let node = &chain.nodes[key];
        left.extend(node.next());
        match node {
            Node::Router(router) => {
                assert_eq!(key, format!("router:{}", router.name));
                assert!(!router.routes.is_empty());
            }
            Node::Splitter(splitter) => {
                assert_eq!(key, format!("splitter:{}", splitter.name));
                let sum: i32 = splitter
                    .splits
                    .iter()
                    .map(|split| split.weight.hundredths())
                    .sum();
                // each share is rounded by itself
                let slack = i32::try_from(splitter.splits.len()).unwrap();
                assert!(
                    (sum - Weight::ALL.hundredths()).abs() <= slack,
                    "{sum}: {splitter:?}"
                );
                assert!(node.next().all(|next| !next.starts_with("splitter:")));
            }
            Node::Resolver(resolver) => {
                assert_eq!(key, format!("resolver:{}", resolver.name));
                targets.insert(resolver.target.as_str());
                targets.extend(
                    resolver
                        .failover
                        .iter()
                        .flat_map(|failover| failover.targets.iter().map(String::as_str)),
                );
            }
        }
    }
    let nodes: BTreeSet<_> = chain.nodes.keys().map(String::as_str).collect();
    assert_eq!(reached, nodes);
    let known: BTreeSet<_> = chain.targets.keys().map(String::as_str).collect();
    assert_eq!(targets, known);
    let names: Vec<_> = chain
        .targets
        .values()
        .filter(|target| target.peer.is_empty())
        .map(|target| &target.name)
        .collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn chains_of_any_entries_end_and_hold_together(
        list in prop::collection::vec(an_entry(), 0..12),
        protocol in "|tcp|http2",
        timeout in 0_i64..7,
    ) {
        let overrides = Overrides {
            protocol,
            connect_timeout: GoDuration::from_secs(timeout),
            ..Overrides::default()
        };
        let first = compiled(&overrides, &list);
        // of two entries with one key the last counts, so only the order of distinct ones is free
        let mut distinct: Vec<_> = entries(&list).into_iter().collect();
        distinct.reverse();
        let request = CompileRequest {
            service: &ServiceName::new("main"), datacenter: "dc1", trust_domain: TRUST_DOMAIN, overrides: &overrides,
            auto_virtual_ips: &[], manual_virtual_ips: None,
        };
        let again = compile(&request, &mut distinct.into_iter().collect::<BTreeMap<_, _>>());
        prop_assert_eq!(&first, &again);
        if let Ok(chain) = first {
            hold_together(&chain);
        }
    }
}
