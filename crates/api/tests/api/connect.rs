//! `/v1/connect/ca/…` and `/v1/discovery-chain/…`.

use serde_json::{Value, json};
use tribune_types::call::{ChainQuery, Options, Query};
use tribune_types::{GoDuration, ServiceName};

use crate::world::{CLUSTER, World, blurred, kitchen};

#[test]
fn the_roots_are_told_with_the_trust_domain_and_as_certificates() {
    let world = World::default().with_ca();
    let body = blurred(world.get("/v1/connect/ca/roots").body);
    assert_eq!(body["ActiveRootID"], json!("aa:bb"));
    assert_eq!(body["TrustDomain"], json!(format!("{CLUSTER}.consul")));
    assert_eq!(body["Roots"][0]["IntermediateCerts"], json!(["BETWEEN\n"]));
    let pem = world.get("/v1/connect/ca/roots?pem=true").body;
    assert_eq!(pem, json!("ROOT\nBETWEEN\n"));
    let none = World::default().get("/v1/connect/ca/roots").body;
    assert_eq!(
        none,
        json!({"ActiveRootID": "", "TrustDomain": "", "Roots": []})
    );
}

#[test]
fn the_configuration_of_the_authority_never_has_its_key() {
    let world = World::default().with_ca();
    let body = world.get("/v1/connect/ca/configuration").body;
    assert!(!body.to_string().contains("SECRET"));
    assert_eq!(
        blurred(body),
        json!({
            "Provider": "consul", "Config": {}, "State": null, "ForceWithoutCrossSigning": false,
            "CreateIndex": "<n>", "ModifyIndex": "<n>"
        })
    );
    assert_eq!(
        World::default().get("/v1/connect/ca/configuration").status,
        503
    );
}

fn chain_of(name: &str, datacenter: &str, timeout: &str, virtual_ips: (Value, Value)) -> Value {
    let target = format!("{name}.default.default.{datacenter}");
    let sni = format!("{name}.default.{datacenter}.internal.{CLUSTER}.consul");
    json!({"Chain": {
        "ServiceName": name, "Namespace": "default", "Partition": "default", "Datacenter": datacenter,
        "Protocol": "tcp", "Default": true, "StartNode": format!("resolver:{target}"),
        "Nodes": {format!("resolver:{target}"): {
            "Type": "resolver", "Name": target,
            "Resolver": {"Default": true, "ConnectTimeout": timeout, "Target": target}
        }},
        "Targets": {target.clone(): {
            "ID": target, "Service": name, "Namespace": "default", "Partition": "default", "Datacenter": datacenter,
            "MeshGateway": {}, "TransparentProxy": {}, "Subset": {}, "ConnectTimeout": timeout, "SNI": sni, "Name": sni
        }},
        "AutoVirtualIPs": virtual_ips.0, "ManualVirtualIPs": virtual_ips.1
    }})
}

#[test]
fn a_service_without_entries_has_the_default_chain() {
    let register = json!({"Node": "n1", "Address": "10.20.0.1", "Service": {"Kind": "connect-proxy", "Service": "cart-proxy",
        "Port": 21000, "Proxy": {"DestinationServiceName": "cart"}}});
    let world = World::default()
        .with_ca()
        .with([("/v1/catalog/register", register)]);
    let chain = world.get("/v1/discovery-chain/cart");
    assert_eq!(
        chain.body,
        chain_of("cart", "dc1", "5s", (json!(["240.0.0.1"]), json!([])))
    );
    let nobody = world.get("/v1/discovery-chain/nobody").body;
    assert_eq!(nobody["Chain"]["AutoVirtualIPs"], Value::Null);
    let elsewhere = world.get("/v1/discovery-chain/cart?compile-dc=dc9").body;
    assert_eq!(elsewhere["Chain"]["Datacenter"], json!("dc9"));
}

#[test]
fn what_a_caller_insists_on_changes_the_chain_and_is_told_by_a_hash() {
    let world = kitchen();
    let ask = |query: ChainQuery| {
        let answered = world
            .ask(&Query::DiscoveryChain(query), &Options::default())
            .unwrap();
        assert!(answered.by_content);
        let tribune_types::call::Body::Json(body) = answered.answer.body else {
            panic!("a chain is JSON")
        };
        serde_json::from_slice::<Value>(&body).unwrap()["Chain"].clone()
    };
    let soup = ChainQuery {
        service: ServiceName::new("soup"),
        ..ChainQuery::default()
    };
    let plain = ask(soup.clone());
    assert_eq!(
        (&plain["Protocol"], &plain["CustomizationHash"]),
        (&json!("http"), &Value::Null)
    );
    let other = ask(ChainQuery {
        protocol: "grpc".to_owned(),
        connect_timeout: "9s".parse::<GoDuration>().unwrap(),
        ..soup
    });
    assert_eq!(other["Protocol"], json!("grpc"));
    assert!(other["CustomizationHash"].is_string());
    assert_eq!(
        other["Targets"]["soup.default.default.dc1"]["ConnectTimeout"],
        json!("9s")
    );
}

#[test]
fn a_chain_prints_its_routes_shares_subsets_and_stand_ins() {
    let entries = [
        json!({"Kind": "proxy-defaults", "Name": "global", "Config": {"protocol": "http"}, "FailoverPolicy": {"Mode": "sequential"}}),
        json!({"Kind": "service-resolver", "Name": "cart", "Subsets": {"v1": {"Filter": "Service.Meta.v == 1", "OnlyPassing": true}}, "RequestTimeout": "7s",
            "Failover": {"*": {"Targets": [{"Service": "spare"}, {"Peer": "isle"}]}}, "LoadBalancer": {"Policy": "maglev"}}),
        json!({"Kind": "service-splitter", "Name": "cart", "Splits": [{"Weight": 33.33, "ServiceSubset": "v1"}, {"Weight": 66.67}, {"Weight": 0, "Service": "spare"}]}),
        json!({"Kind": "service-router", "Name": "cart", "Routes": [{"Match": {"HTTP": {"PathPrefix": "/v1"}}, "Destination": {"ServiceSubset": "v1", "RequestTimeout": "3s"}}]}),
    ];
    let world = World::default()
        .with_ca()
        .with(entries.into_iter().map(|entry| ("/v1/config", entry)));
    let body = world.get("/v1/discovery-chain/cart").body;
    let nodes = &body["Chain"]["Nodes"];
    assert_eq!(
        nodes["router:cart.default.default"],
        json!({"Type": "router", "Name": "cart.default.default", "Routes": [
            {"Definition": {"Match": {"HTTP": {"PathPrefix": "/v1"}}, "Destination": {"ServiceSubset": "v1", "RequestTimeout": "3s"}}, "NextNode": "resolver:v1.cart.default.default.dc1"},
            {"Definition": {"Match": {"HTTP": {"PathPrefix": "/"}}, "Destination": {"Service": "cart", "Namespace": "default", "Partition": "default"}}, "NextNode": "splitter:cart.default.default"},
        ]})
    );
    assert_eq!(
        nodes["splitter:cart.default.default"],
        json!({"Type": "splitter", "Name": "cart.default.default", "LoadBalancer": {"Policy": "maglev"}, "Splits": [
            {"Definition": {"Weight": 33.33, "ServiceSubset": "v1"}, "Weight": 33.33, "NextNode": "resolver:v1.cart.default.default.dc1"},
            {"Definition": {"Weight": 66.67}, "Weight": 66.67, "NextNode": "resolver:cart.default.default.dc1"},
            {"Definition": {"Weight": 0, "Service": "spare"}, "NextNode": "resolver:spare.default.default.dc1"},
        ]})
    );
    assert_eq!(
        nodes["resolver:cart.default.default.dc1"],
        json!({"Type": "resolver", "Name": "cart.default.default.dc1", "LoadBalancer": {"Policy": "maglev"}, "Resolver": {
            "ConnectTimeout": "5s", "RequestTimeout": 7_000_000_000_i64, "Target": "cart.default.default.dc1",
            "Failover": {"Targets": ["spare.default.default.dc1", "cart.default.default.external.isle"], "Policy": {"Mode": "sequential"}},
        }})
    );
    let targets = &body["Chain"]["Targets"];
    assert_eq!(
        targets["v1.cart.default.default.dc1"]["Subset"],
        json!({"Filter": "Service.Meta.v == 1", "OnlyPassing": true})
    );
    assert_eq!(
        targets["cart.default.default.external.isle"],
        json!({"ID": "cart.default.default.external.isle", "Service": "cart", "Namespace": "default", "Partition": "default",
            "Peer": "isle", "MeshGateway": {}, "Subset": {}, "TransparentProxy": {}, "ConnectTimeout": "5s"})
    );
}
