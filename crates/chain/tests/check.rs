//! Which writes of config entries are refused for the sake of other entries.

#![expect(
    clippy::unwrap_used,
    reason = "a fixture that does not parse fails its test"
)]

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use tribune_chain::{CheckError, Proposal, check};
use tribune_types::ServiceName;
use tribune_types::config_entry::{Entry, Key, Kind, Raw};

/// Entries that are written one after the other, where they may be.
#[derive(Default)]
struct Entries(BTreeMap<Key, Arc<Entry>>);

impl Entries {
    fn put(&mut self, kind: Kind, json: Value) -> Result<(), CheckError> {
        let entry = Arc::new(Entry::try_from(Raw::deserialize(kind, json).unwrap()).unwrap());
        check(&Proposal::Put(Arc::clone(&entry)), &mut self.0)?;
        self.0.insert(entry.key(), entry);
        Ok(())
    }

    fn delete(&mut self, key: Key) -> Result<(), CheckError> {
        check(&Proposal::Delete(key.clone()), &mut self.0)?;
        self.0.remove(&key);
        Ok(())
    }
}

fn permissions(name: &str) -> Value {
    json!({"Name": name, "Sources": [{"Name": "web", "Permissions": [{"Action": "allow", "HTTP": {"PathPrefix": "/"}}]}]})
}

fn needs_http(service: &str, protocol: &str) -> Result<(), CheckError> {
    Err(CheckError::PermissionsNeedHttp {
        service: ServiceName::new(service),
        protocol: protocol.to_owned(),
    })
}

#[test]
fn permissive_mutual_tls_can_be_turned_on_only_while_the_mesh_allows_it() {
    let permissive = json!({"Name": "till", "MutualTLSMode": "permissive"});
    let mut entries = Entries::default();
    assert_eq!(
        entries.put(Kind::ServiceDefaults, permissive.clone()),
        Err(CheckError::PermissiveMutualTls)
    );
    assert_eq!(
        entries.put(
            Kind::Mesh,
            json!({"AllowEnablingPermissiveMutualTLS": true})
        ),
        Ok(())
    );
    assert_eq!(
        entries.put(Kind::ServiceDefaults, permissive.clone()),
        Ok(())
    );
    assert_eq!(
        entries.put(Kind::ProxyDefaults, json!({"MutualTLSMode": "permissive"})),
        Ok(())
    );
    assert_eq!(entries.put(Kind::Mesh, json!({})), Ok(()));
    assert_eq!(
        entries.put(Kind::ServiceDefaults, permissive.clone()),
        Ok(()),
        "it was on already"
    );
    assert_eq!(
        entries.put(Kind::ServiceDefaults, json!({"Name": "till"})),
        Ok(())
    );
    assert_eq!(
        entries.put(Kind::ServiceDefaults, permissive),
        Err(CheckError::PermissiveMutualTls)
    );
}

#[test]
fn permissions_need_a_destination_that_speaks_http_and_keep_it_so() {
    let mut entries = Entries::default();
    assert_eq!(
        entries.put(Kind::ServiceIntentions, permissions("api")),
        needs_http("api", "tcp")
    );
    assert_eq!(
        entries.put(
            Kind::ServiceDefaults,
            json!({"Name": "api", "Protocol": "grpc"})
        ),
        Ok(())
    );
    assert_eq!(
        entries.put(Kind::ServiceIntentions, permissions("api")),
        Ok(())
    );
    assert_eq!(
        entries.put(
            Kind::ServiceDefaults,
            json!({"Name": "api", "Protocol": "tcp"})
        ),
        needs_http("api", "tcp")
    );
    let api = Key::new(Kind::ServiceDefaults, ServiceName::new("api"));
    assert_eq!(entries.delete(api.clone()), needs_http("api", "tcp"));

    assert_eq!(
        entries.put(Kind::ProxyDefaults, json!({"Config": {"protocol": "http"}})),
        Ok(())
    );
    assert_eq!(
        entries.delete(api),
        Ok(()),
        "the proxy defaults say http now"
    );
    assert_eq!(
        entries.put(Kind::ProxyDefaults, json!({"Config": {"protocol": "tcp"}})),
        needs_http("api", "tcp")
    );
    assert_eq!(
        entries.delete(Key::proxy_defaults()),
        needs_http("api", "tcp")
    );
    assert_eq!(
        entries.delete(Key::new(Kind::ServiceIntentions, ServiceName::new("api"))),
        Ok(())
    );
    assert_eq!(entries.delete(Key::proxy_defaults()), Ok(()));
}

#[test]
fn an_intention_cannot_rely_on_a_jwt_provider_that_does_not_exist() {
    let mut entries = Entries::default();
    let entry = json!({"Name": "api", "JWT": {"Providers": [{"Name": "okta"}]}, "Sources": [{"Name": "web", "Action": "allow"}]});
    let error = CheckError::NoJwtProvider {
        provider: "okta".to_owned(),
    };
    assert_eq!(entries.put(Kind::ServiceIntentions, entry), Err(error));
}

fn resolver(name: &str, mut fields: Value) -> Value {
    fields["Name"] = json!(name);
    fields
}

/// Makes writes one after the other, each with whether it may be made.
fn written(rows: &[(Kind, Value, &str)]) -> Entries {
    let mut entries = Entries::default();
    for (kind, json, refusal) in rows {
        match entries.put(*kind, json.clone()) {
            Ok(()) => assert_eq!(*refusal, "", "{json}"),
            Err(error) => {
                let error = error.to_string();
                assert!(
                    !refusal.is_empty() && error.contains(refusal),
                    "{json}: {error}"
                );
            }
        }
    }
    entries
}

#[test]
fn what_takes_part_in_a_chain_cannot_break_it() {
    let http = |name: &str| json!({"Name": name, "Protocol": "http"});
    let tcp = |name: &str| json!({"Name": name, "Protocol": "tcp"});
    let split = |name: &str, to: Value| json!({"Name": name, "Splits": [{"Weight": 50}, to]});
    let to_desk = json!({"Weight": 50, "Service": "desk"});
    let entries = written(&[
        (
            Kind::ServiceRouter,
            json!({"Name": "till"}),
            "protocol \"tcp\" that does not permit",
        ),
        (Kind::ServiceDefaults, http("till"), ""),
        (
            Kind::ServiceSplitter,
            split("till", to_desk.clone()),
            "\"desk\" has \"tcp\" which is not \"http\"",
        ),
        (Kind::ServiceDefaults, http("desk"), ""),
        (Kind::ServiceSplitter, split("till", to_desk), ""),
        // what others rely on
        (
            Kind::ServiceDefaults,
            tcp("desk"),
            "service \"till\" would have no discovery chain",
        ),
        (
            Kind::ServiceDefaults,
            tcp("till"),
            "\"desk\" has \"http\" which is not \"tcp\"",
        ),
        (
            Kind::ServiceResolver,
            resolver("desk", json!({"Redirect": {"Service": "bench"}})),
            "\"bench\" has \"tcp\"",
        ),
        (Kind::ServiceDefaults, http("bench"), ""),
        (
            Kind::ServiceResolver,
            resolver("desk", json!({"Redirect": {"Service": "bench"}})),
            "",
        ),
        // till leads to desk, and that to bench
        (
            Kind::ServiceDefaults,
            tcp("bench"),
            "service \"desk\" would have no discovery chain",
        ),
        (
            Kind::ServiceResolver,
            resolver("bench", json!({"Redirect": {"Service": "desk"}})),
            "circular resolver redirect",
        ),
        (
            Kind::ServiceResolver,
            resolver("bench", json!({"Failover": {"*": {"Service": "wire"}}})),
            "\"wire\" has \"tcp\"",
        ),
        (
            Kind::ServiceResolver,
            resolver(
                "bench",
                json!({"Failover": {"*": {"Targets": [{"Service": "wire", "Peer": "isle"}]}}}),
            ),
            "",
        ),
    ]);
    let mut entries = entries;
    for (kind, name) in [
        (Kind::ServiceDefaults, "bench"),
        (Kind::ServiceDefaults, "till"),
    ] {
        let refused = entries.delete(Key::new(kind, ServiceName::new(name)));
        assert!(
            matches!(refused, Err(CheckError::Chain { .. })),
            "{refused:?}"
        );
    }
    for kind in [Kind::ServiceResolver, Kind::ServiceDefaults] {
        let name = if kind == Kind::ServiceResolver {
            "desk"
        } else {
            "bench"
        };
        assert_eq!(
            entries.delete(Key::new(kind, ServiceName::new(name))),
            Ok(())
        );
    }
}

#[test]
fn a_subset_stays_while_it_is_named() {
    let subsets = |names: &[&str]| {
        let subsets: serde_json::Map<_, _> = names
            .iter()
            .map(|name| ((*name).to_owned(), json!({})))
            .collect();
        resolver("desk", json!({"Subsets": subsets}))
    };
    let redirect = resolver(
        "till",
        json!({"Redirect": {"Service": "desk", "ServiceSubset": "v1"}}),
    );
    let missing = "service \"desk\" does not have a subset named \"v1\"";
    let mut entries = written(&[
        (Kind::ServiceResolver, redirect.clone(), missing),
        (Kind::ServiceResolver, subsets(&["v1", "v2"]), ""),
        (Kind::ServiceResolver, redirect, ""),
        (Kind::ServiceResolver, subsets(&["v1"]), ""),
        (Kind::ServiceResolver, subsets(&["v2"]), missing),
    ]);
    let desk = Key::new(Kind::ServiceResolver, ServiceName::new("desk"));
    assert!(entries.delete(desk.clone()).is_err());
    assert_eq!(
        entries.delete(Key::new(Kind::ServiceResolver, ServiceName::new("till"))),
        Ok(())
    );
    assert_eq!(entries.delete(desk), Ok(()));
}

#[test]
fn the_proxy_defaults_decide_for_every_chain() {
    let global = |protocol: &str| json!({"Name": "global", "Config": {"protocol": protocol}});
    let mut entries = written(&[
        (Kind::ProxyDefaults, global("http"), ""),
        (Kind::ServiceRouter, json!({"Name": "till"}), ""),
        (
            Kind::ProxyDefaults,
            global("tcp"),
            "protocol \"tcp\" that does not permit",
        ),
        (Kind::ProxyDefaults, global("grpc"), ""),
    ]);
    assert!(entries.delete(Key::proxy_defaults()).is_err());
}

#[test]
fn filters_of_subsets_have_to_be_readable() {
    let subset = |filter: &str| resolver("till", json!({"Subsets": {"v1": {"Filter": filter}}}));
    written(&[
        (
            Kind::ServiceResolver,
            subset("Service.Meta.v =="),
            "Filter for subset \"v1\" of service \"till\" is not a valid expression",
        ),
        (Kind::ServiceResolver, subset("Service.Bogus == 1"), ""),
        (
            Kind::ServiceResolver,
            subset("Service.Meta.v == 1 and \"a\" in Service.Tags"),
            "",
        ),
        (Kind::ServiceResolver, subset(""), ""),
    ]);
}

#[test]
fn what_stands_behind_an_ingress_gateway_speaks_what_its_listener_does() {
    let http = |name: &str| json!({"Name": name, "Protocol": "http"});
    let tcp = |name: &str| json!({"Name": name, "Protocol": "tcp"});
    let gate = |protocol: &str, service: &str| json!({"Name": "gate", "Listeners": [{"Port": 80, "Protocol": protocol, "Services": [{"Name": service}]}]});
    let mismatch = "does not match defined listener protocol";
    let mut entries = written(&[
        (Kind::IngressGateway, gate("http", "till"), mismatch),
        (Kind::ServiceDefaults, http("till"), ""),
        (Kind::IngressGateway, gate("tcp", "till"), mismatch),
        (Kind::IngressGateway, gate("http", "till"), ""),
        (Kind::ServiceDefaults, tcp("till"), mismatch),
        (
            Kind::ServiceDefaults,
            json!({"Name": "till", "Protocol": "grpc"}),
            mismatch,
        ),
        (Kind::IngressGateway, gate("http", "*"), ""),
        (Kind::ServiceDefaults, tcp("till"), ""),
        (Kind::IngressGateway, gate("tcp", "till"), ""),
        // connections are passed on whatever is in them, and cannot be routed
        (Kind::ServiceDefaults, http("till"), ""),
        (Kind::ServiceRouter, json!({"Name": "till"}), mismatch),
    ]);
    assert_eq!(
        entries.delete(Key::new(Kind::IngressGateway, ServiceName::new("gate"))),
        Ok(())
    );
    assert_eq!(
        entries.put(Kind::ServiceRouter, json!({"Name": "till"})),
        Ok(())
    );
}

#[test]
fn what_peers_may_reach_stays_where_it_is() {
    let export = |name: &str| json!({"Name": "default", "Services": [{"Name": name, "Consumers": [{"Peer": "isle"}]}]});
    let redirect = |to: Value| resolver("till", json!({"Redirect": to}));
    let failover = |to: Value| resolver("till", json!({"Failover": {"*": to}}));
    let rows: &[(Value, &str)] = &[
        (
            redirect(json!({"Datacenter": "dc2"})),
            "contains cross-datacenter resolver redirect",
        ),
        (
            redirect(json!({"Service": "x", "Peer": "p"})),
            "contains cross-peer resolver redirect",
        ),
        (
            failover(json!({"Datacenters": ["dc2"]})),
            "contains cross-datacenter failover",
        ),
        (
            failover(json!({"Targets": [{"Datacenter": "dc2"}]})),
            "contains cross-datacenter failover",
        ),
        (
            redirect(json!({"Service": "desk"})),
            "cannot introduce new discovery chain targets like \"desk.default.default.dc1\"",
        ),
        (
            failover(json!({"Targets": [{"Peer": "p"}, {"Service": "desk"}]})),
            "",
        ),
        (
            resolver("till", json!({"DefaultSubset": "a", "Subsets": {"a": {}}})),
            "",
        ),
    ];
    for name in ["till", "*"] {
        for (entry, refusal) in rows {
            written(&[
                (Kind::ExportedServices, export(name), ""),
                (Kind::ServiceResolver, entry.clone(), refusal),
            ]);
            written(&[
                (Kind::ServiceResolver, entry.clone(), ""),
                (Kind::ExportedServices, export(name), refusal),
            ]);
        }
    }
    let http = |name: &str| json!({"Name": name, "Protocol": "http"});
    let all_to_desk = json!({"Name": "till", "Splits": [{"Weight": 100, "Service": "desk"}]});
    written(&[
        (Kind::ServiceDefaults, http("till"), ""),
        (Kind::ServiceDefaults, http("desk"), ""),
        (Kind::ServiceSplitter, all_to_desk, ""),
        // no traffic comes to it, yet
        (
            Kind::ServiceResolver,
            redirect(json!({"Datacenter": "dc2"})),
            "",
        ),
        (
            Kind::ExportedServices,
            export("till"),
            "contains cross-datacenter resolver redirect",
        ),
    ]);
    written(&[
        (Kind::ServiceDefaults, http("till"), ""),
        (Kind::ServiceDefaults, http("desk"), ""),
        (Kind::ExportedServices, export("till"), ""),
        (
            Kind::ServiceResolver,
            redirect(json!({"Service": "desk"})),
            "",
        ),
        (
            Kind::ServiceDefaults,
            json!({"Name": "desk"}),
            "inconsistent protocols",
        ),
        (
            Kind::ServiceResolver,
            resolver("desk", json!({"Redirect": {"Datacenter": "dc2"}})),
            "\"till\" contains cross-datacenter",
        ),
    ]);
}
