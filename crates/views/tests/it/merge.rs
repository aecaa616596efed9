//! Central configuration in a proxy's registration. What the rows expect was observed of Consul.

use serde_json::{Value as Json, json};
use tribune_derived::Value;
use tribune_types::config_entry::Kind;
use tribune_types::{NodeService, ServiceKind};

use crate::world::{World, proxy_key, sidecar, typical};

/// A proxy's configuration as it prints, given config entries and its registration.
fn merged(entries: &[(Kind, Json)], proxy: NodeService) -> Json {
    let mut world = World::default();
    for (kind, json) in entries {
        world.entry(*kind, json.clone());
    }
    let key = proxy_key("n1", &proxy.id);
    world.service("n1", proxy);
    match world.compute(&key) {
        Value::Proxy(Some(proxy)) => serde_json::to_value(&proxy.config).unwrap(),
        other => panic!("{other:?}"),
    }
}

fn web(entries: &[(Kind, Json)], proxy: Json) -> Json {
    merged(entries, sidecar("web", proxy))
}

fn proxies(json: Json) -> (Kind, Json) {
    (Kind::ProxyDefaults, json)
}

fn service(name: &str, mut json: Json) -> (Kind, Json) {
    json["Name"] = json!(name);
    (Kind::ServiceDefaults, json)
}

#[test]
fn what_was_registered_wins_and_the_rest_comes_from_the_service_then_from_all_proxies() {
    let entries = [
        proxies(json!({
            "Config": {"protocol": "http", "local_connect_timeout_ms": 700, "team": "core", "nested": {"a": 1}},
            "MeshGateway": {"Mode": "local"},
            "Expose": {"Paths": [{"Path": "/p", "LocalPathPort": 1, "ListenerPort": 21900}]},
            "AccessLogs": {"Enabled": true, "Type": "stderr"},
        })),
        service(
            "web",
            json!({
                "Protocol": "http2", "MaxInboundConnections": 77, "LocalRequestTimeoutMs": 1234,
                "BalanceInboundConnections": "exact_balance",
                "UpstreamConfig": {
                    "Defaults": {"ConnectTimeoutMs": 321, "MeshGateway": {"Mode": "remote"}},
                    "Overrides": [{"Name": "db", "Limits": {"MaxConnections": 3},
                        "PassiveHealthCheck": {"MaxFailures": 1, "Interval": "4s"}}],
                },
            }),
        ),
        service(
            "db",
            json!({"Protocol": "grpc", "MeshGateway": {"Mode": "none"}}),
        ),
    ];
    let proxy = web(
        &entries,
        json!({
            "Config": {"team": "edge", "nested": {"b": 2}},
            "Upstreams": [
                {"DestinationType": "service", "DestinationName": "db", "LocalBindPort": 9101, "Config": {"connect_timeout_ms": 5}},
                {"DestinationType": "service", "DestinationName": "cache", "LocalBindPort": 9102},
            ],
        }),
    );
    assert_eq!(
        proxy["Config"],
        json!({"balance_inbound_connections": "exact_balance", "local_connect_timeout_ms": 700,
            "local_request_timeout_ms": 1234, "max_inbound_connections": 77, "nested": {"a": 1, "b": 2},
            "protocol": "http2", "team": "edge"})
    );
    assert_eq!(proxy["MeshGateway"], json!({"Mode": "local"}));
    assert_eq!(
        proxy["Expose"],
        json!({"Paths": [{"Path": "/p", "LocalPathPort": 1, "ListenerPort": 21900}]})
    );
    assert_eq!(
        proxy["AccessLogs"],
        json!({"Enabled": true, "Type": "stderr"})
    );
    let (db, cache) = (&proxy["Upstreams"][0], &proxy["Upstreams"][1]);
    assert_eq!(
        db["Config"],
        json!({"connect_timeout_ms": 5, "limits": {"MaxConnections": 3}, "protocol": "grpc",
            "passive_health_check": {"Interval": 4_000_000_000_i64, "MaxFailures": 1}})
    );
    assert_eq!(
        cache["Config"],
        json!({"connect_timeout_ms": 321, "protocol": "http"})
    );
    assert_eq!(
        [&db["MeshGateway"], &cache["MeshGateway"]],
        [&json!({"Mode": "remote"}), &json!({"Mode": "remote"})]
    );
}

#[test]
fn a_proxy_s_own_gateway_mode_is_that_of_its_upstreams_and_extensions_are_all_central() {
    let lua = |script: &str| json!([{"Name": "builtin/lua", "EnvoyVersion": ">= 1.30", "Arguments": {"Script": script, "Listener": "inbound"}}]);
    let entries = [
        proxies(
            json!({"Config": {"protocol": "http", "shared": true}, "MeshGateway": {"Mode": "local"},
            "EnvoyExtensions": lua("pd")}),
        ),
        service(
            "web",
            json!({"Protocol": "grpc", "MaxInboundConnections": 5, "EnvoyExtensions": lua("sd"),
            "UpstreamConfig": {"Overrides": [{"Name": "desk", "Limits": {"MaxPendingRequests": 2}}]}}),
        ),
    ];
    let proxy = web(
        &entries,
        json!({
            "Config": {"own": 1, "protocol": "http2"}, "MeshGateway": {"Mode": "none"},
            "Upstreams": [{"DestinationName": "desk", "LocalBindPort": 9001, "Config": {"connect_timeout_ms": 11}}],
        }),
    );
    assert_eq!(
        proxy["Config"],
        json!({"max_inbound_connections": 5, "own": 1, "protocol": "http2", "shared": true})
    );
    let extension = |script: &str| {
        json!({"Name": "builtin/lua", "Required": false, "Arguments": {"Script": script, "Listener": "inbound"},
        "ConsulVersion": "", "EnvoyVersion": ""})
    };
    assert_eq!(
        proxy["EnvoyExtensions"],
        json!([extension("pd"), extension("sd")])
    );
    let upstreams = json!([{
        "DestinationName": "desk", "DestinationType": "", "Datacenter": "", "LocalBindPort": 9001,
        "Config": {"connect_timeout_ms": 11, "limits": {"MaxPendingRequests": 2}, "protocol": "http"},
        "MeshGateway": {"Mode": "none"},
    }]);
    assert_eq!(proxy["Upstreams"], upstreams);
}

#[test]
fn a_gateway_gets_the_defaults_of_all_proxies_and_those_of_its_own_name() {
    let gateway = NodeService {
        kind: ServiceKind::MeshGateway,
        ..typical("mgw", 8443)
    };
    let entries = [
        proxies(json!({"Config": {"protocol": "http"}, "MeshGateway": {"Mode": "local"}})),
        service("mgw", json!({"MaxInboundConnections": 9})),
    ];
    let proxy = merged(&entries, gateway);
    assert_eq!(
        proxy["Config"],
        json!({"protocol": "http", "max_inbound_connections": 9})
    );
    assert_eq!(proxy["MeshGateway"], json!({"Mode": "local"}));
}

#[test]
fn what_is_registered_as_zero_false_or_empty_counts_as_not_registered() {
    let entries = [
        proxies(
            json!({"Config": {"flag": true, "number": 5, "text": "x", "list": [1], "map": {"a": 1}, "zero": 0},
            "Expose": {"Checks": true}, "TransparentProxy": {"DialedDirectly": true, "OutboundListenerPort": 7}}),
        ),
        service(
            "web",
            json!({"MaxInboundConnections": 3, "LocalConnectTimeoutMs": -5, "LocalRequestTimeoutMs": 0}),
        ),
    ];
    let own = json!({"flag": false, "number": 0, "text": "", "list": [], "map": {}, "max_inbound_connections": -1});
    let proxy = web(
        &entries,
        json!({"Config": own, "TransparentProxy": {"OutboundListenerPort": 9}}),
    );
    assert_eq!(
        proxy["Config"],
        json!({"flag": true, "number": 5, "text": "x", "list": [1], "map": {"a": 1}, "zero": 0, "max_inbound_connections": -1})
    );
    assert_eq!(proxy["Expose"], json!({"Checks": true}));
    assert_eq!(
        proxy["TransparentProxy"],
        json!({"DialedDirectly": true, "OutboundListenerPort": 9})
    );
}

#[test]
fn each_wider_scope_of_an_upstream_s_protocol_yields_to_the_next_narrower_one() {
    let protocol = |entries: &[(Kind, Json)], own: Json| {
        let proxy = web(
            entries,
            json!({"Upstreams": [{"DestinationName": "db", "LocalBindPort": 1, "Config": own}]}),
        );
        proxy["Upstreams"][0]["Config"]["protocol"].clone()
    };
    let of_upstreams = |config: Json| service("web", json!({"UpstreamConfig": config}));
    let all = proxies(json!({"Config": {"protocol": "HTTP"}}));
    let db = service("db", json!({"Protocol": "http2"}));
    let defaults = of_upstreams(json!({"Defaults": {"Protocol": "grpc"}}));
    let overrides = of_upstreams(
        json!({"Defaults": {"Protocol": "grpc"}, "Overrides": [{"Name": "DB", "Protocol": "tcp"}]}),
    );
    assert_eq!(protocol(&[], json!({})), json!(null));
    assert_eq!(protocol(std::slice::from_ref(&all), json!({})), "http");
    assert_eq!(protocol(&[all.clone(), db.clone()], json!({})), "http2");
    assert_eq!(
        protocol(&[all.clone(), db.clone(), defaults], json!({})),
        "grpc"
    );
    assert_eq!(
        protocol(&[all.clone(), db.clone(), overrides.clone()], json!({})),
        "tcp"
    );
    assert_eq!(
        protocol(&[all, db, overrides], json!({"protocol": "own"})),
        "own"
    );
}

#[test]
fn each_wider_scope_of_an_upstream_s_gateway_mode_yields_to_the_next_narrower_one() {
    let mode = |entries: &[(Kind, Json)], top: &str, own: &str| {
        let proxy = json!({"MeshGateway": {"Mode": top},
            "Upstreams": [{"DestinationName": "db", "LocalBindPort": 1, "MeshGateway": {"Mode": own}}]});
        let proxy = web(entries, proxy);
        assert_eq!(
            proxy["Upstreams"][0]["Config"]["mesh_gateway"],
            json!(null),
            "it is a field, not a setting"
        );
        proxy["Upstreams"][0]["MeshGateway"]["Mode"].clone()
    };
    let gateway = |mode: &str| json!({"Mode": mode});
    let opaque = proxies(json!({"Config": {"mesh_gateway": {"mode": "local"}}}));
    let all = proxies(
        json!({"Config": {"mesh_gateway": {"mode": "local"}}, "MeshGateway": gateway("remote")}),
    );
    let web_itself = service("web", json!({"MeshGateway": gateway("none")}));
    let defaults = service(
        "web",
        json!({"MeshGateway": gateway("none"),
        "UpstreamConfig": {"Defaults": {"MeshGateway": gateway("local")}}}),
    );
    let overrides = service(
        "web",
        json!({"UpstreamConfig": {"Overrides": [{"Name": "db", "MeshGateway": gateway("remote")}]}}),
    );
    assert_eq!(mode(&[opaque], "", ""), "local");
    assert_eq!(mode(std::slice::from_ref(&all), "", ""), "remote");
    assert_eq!(mode(&[all.clone(), web_itself], "", ""), "none");
    assert_eq!(mode(&[all.clone(), defaults.clone()], "", ""), "local");
    assert_eq!(mode(&[all.clone(), defaults], "none", ""), "none");
    assert_eq!(
        mode(&[all.clone(), overrides.clone()], "none", ""),
        "remote"
    );
    assert_eq!(mode(&[all, overrides], "none", "local"), "local");
}

#[test]
fn an_override_replaces_limits_and_health_checks_whole() {
    let settings = json!({
        "Defaults": {"Limits": {"MaxConnections": 1, "MaxPendingRequests": 2}, "PassiveHealthCheck": {"MaxFailures": 3}},
        "Overrides": [{"Name": "db", "Limits": {"MaxConnections": 9}}],
    });
    let proxy = web(
        &[service("web", json!({"UpstreamConfig": settings}))],
        json!({"Upstreams": [{"DestinationName": "db", "LocalBindPort": 1, "Config": {"limits": {}}}]}),
    );
    let config = &proxy["Upstreams"][0]["Config"];
    assert_eq!(
        config,
        &json!({"limits": {"MaxConnections": 9}, "passive_health_check": {"MaxFailures": 3}})
    );
}

#[test]
fn an_imported_upstream_keeps_the_protocol_it_was_registered_with() {
    let entries = [
        proxies(json!({"Config": {"protocol": "http"}})),
        service(
            "web",
            json!({"UpstreamConfig": {"Overrides": [
            {"Name": "db", "Peer": "isle", "ConnectTimeoutMs": 7}, {"Name": "db", "ConnectTimeoutMs": 8}]}}),
        ),
    ];
    let proxy = web(
        &entries,
        json!({"Upstreams": [
            {"DestinationName": "db", "DestinationPeer": "isle", "LocalBindPort": 1},
            {"DestinationName": "db", "DestinationPeer": "rock", "LocalBindPort": 2, "Config": {"protocol": "grpc"}},
        ]}),
    );
    assert_eq!(
        proxy["Upstreams"][0]["Config"],
        json!({"connect_timeout_ms": 7})
    );
    assert_eq!(proxy["Upstreams"][1]["Config"], json!({"protocol": "grpc"}));
}

#[test]
fn upstreams_that_only_central_configuration_names_appear_in_transparent_mode() {
    let upstreams = json!({"Defaults": {"ConnectTimeoutMs": 5}, "Overrides": [{"Name": "db", "ConnectTimeoutMs": 6}, {"Name": "mail"}]});
    let entry = |mode: &str| service("web", json!({"Mode": mode, "UpstreamConfig": upstreams}));
    let own = json!({"Upstreams": [{"DestinationName": "mail", "LocalBindPort": 1}]});
    assert_eq!(
        web(&[entry("direct")], own.clone())["Upstreams"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let proxy = web(&[entry("transparent")], own);
    let row = |i: usize| {
        let upstream = &proxy["Upstreams"][i];
        (
            upstream["DestinationName"].clone(),
            upstream["Config"].clone(),
            upstream["CentrallyConfigured"].clone(),
        )
    };
    assert_eq!(
        row(0),
        (json!("mail"), json!({"connect_timeout_ms": 5}), json!(null))
    );
    assert_eq!(
        row(1),
        (json!("*"), json!({"connect_timeout_ms": 5}), json!(true))
    );
    assert_eq!(
        row(2),
        (json!("db"), json!({"connect_timeout_ms": 6}), json!(true))
    );
}

#[test]
fn an_upstream_that_is_a_prepared_query_is_left_alone() {
    let entries = [proxies(json!({"Config": {"protocol": "http"}}))];
    let proxy = web(
        &entries,
        json!({"Upstreams": [
        {"DestinationName": "db", "DestinationType": "prepared_query", "LocalBindPort": 1}]}),
    );
    assert_eq!(proxy["Upstreams"][0]["Config"], json!(null));
}
