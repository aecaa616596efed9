//! `/v1/catalog/…`.

use serde_json::{Value, json};

use crate::world::{World, blurred, column, kitchen};

fn node_n3() -> Value {
    json!({
        "ID": "", "Node": "n3", "Address": "10.10.1.3", "Datacenter": "dc1", "TaggedAddresses": null,
        "Meta": {"rack": "r1"}, "CreateIndex": "<n>", "ModifyIndex": "<n>"
    })
}

fn salad() -> Value {
    json!({
        "ID": "salad-1", "Service": "salad", "Tags": ["cold"], "Address": "", "Meta": null, "Port": 90,
        "Weights": {"Passing": 1, "Warning": 1}, "EnableTagOverride": false, "PeerName": "", "Connect": {},
        "Proxy": {"Mode": "", "MeshGateway": {}, "Expose": {}}, "CreateIndex": "<n>", "ModifyIndex": "<n>"
    })
}

fn sidecar() -> Value {
    json!({
        "Kind": "connect-proxy", "ID": "salad-p", "Service": "salad-proxy", "Tags": ["side"], "Address": "", "Meta": null,
        "Port": 21000, "Weights": {"Passing": 1, "Warning": 1}, "EnableTagOverride": false, "PeerName": "", "Connect": {},
        "TaggedAddresses": {"consul-virtual": {"Address": "240.0.0.1", "Port": 21000}},
        "Proxy": {
            "DestinationServiceName": "salad", "Mode": "", "MeshGateway": {}, "Expose": {},
            "Upstreams": [{
                "DestinationType": "", "DestinationName": "soup", "Datacenter": "", "LocalBindPort": 5, "MeshGateway": {}
            }]
        },
        "CreateIndex": "<n>", "ModifyIndex": "<n>"
    })
}

#[test]
fn a_node_has_its_services_by_id_or_as_a_list() {
    let world = kitchen();
    let filter = "?filter=Service!=soup";
    let by_id = blurred(world.get(&format!("/v1/catalog/node/N3{filter}")).body);
    assert_eq!(
        by_id,
        json!({"Node": node_n3(), "Services": {"salad-1": salad(), "salad-p": sidecar()}})
    );
    let listed = blurred(
        world
            .get(&format!("/v1/catalog/node-services/n3{filter}"))
            .body,
    );
    assert_eq!(
        listed,
        json!({"Node": node_n3(), "Services": [salad(), sidecar()]})
    );
}

#[test]
fn a_node_without_a_service_that_matches_has_empty_ones() {
    let world = kitchen();
    let filter = "?filter=Service==none";
    let body = world.get(&format!("/v1/catalog/node/n1{filter}")).body;
    assert_eq!(body["Services"], json!({}));
    let body = world
        .get(&format!("/v1/catalog/node-services/n1{filter}"))
        .body;
    assert_eq!(body["Services"], json!([]));
}

#[test]
fn an_unknown_node_is_null_in_two_forms() {
    let world = kitchen();
    let reply = world.get("/v1/catalog/node/ghost");
    assert_eq!((reply.status, reply.body), (200, Value::Null));
    let reply = world.get("/v1/catalog/node-services/ghost");
    assert_eq!(reply.body, json!({"Node": null, "Services": null}));
}

#[test]
fn a_filter_that_does_not_fit_the_rows_is_refused_in_words_said_once() {
    let world = kitchen();
    for path in [
        "nodes",
        "services",
        "service/soup",
        "node/n3",
        "node-services/n3",
    ] {
        let reply = world.get(&format!("/v1/catalog/{path}?filter=Bogus==1"));
        assert_eq!(reply.status, 500, "{path}");
        let text = reply.body.as_str().unwrap();
        assert_eq!(
            text.matches("Failed to create boolean expression evaluator")
                .count(),
            1,
            "{text}"
        );
    }
}

#[test]
fn nodes_are_chosen_by_every_pair_and_by_the_filter() {
    let world = kitchen();
    let names = |url: &str| column(&world.get(url).body, "/Node");
    assert_eq!(names("/v1/catalog/nodes"), ["n1", "n2", "n3"]);
    assert_eq!(names("/v1/catalog/nodes?node-meta=rack:r1"), ["n1", "n3"]);
    assert_eq!(
        names("/v1/catalog/nodes?node-meta=rack:r1&filter=Node==n3"),
        ["n3"]
    );
    assert!(names("/v1/catalog/nodes?node-meta=rack:r1&node-meta=x:y").is_empty());
    assert!(names("/v1/catalog/nodes?node-meta=rack").is_empty());
}

#[test]
fn services_have_the_tags_of_the_instances_that_are_left() {
    let world = kitchen();
    let all =
        json!({"salad": ["cold"], "salad-proxy": ["side"], "soup": ["Hot", "hot", "v1", "v2"]});
    assert_eq!(world.get("/v1/catalog/services").body, all);
    let on_r2 = world.get("/v1/catalog/services?node-meta=rack:r2").body;
    assert_eq!(on_r2, json!({"soup": ["Hot", "v2"]}));
    let filtered = world
        .get("/v1/catalog/services?filter=ServiceID==\"salad-1\"")
        .body;
    assert_eq!(filtered, json!({"salad": ["cold"]}));
    let of_peer = world.get("/v1/catalog/services?peer=east");
    assert_eq!(of_peer.status, 500);
}

#[test]
fn an_instance_is_a_flat_row_with_its_node() {
    let world = kitchen();
    let body = blurred(world.get("/v1/catalog/service/soup?tag=HOT&tag=v2").body);
    assert_eq!(
        body,
        json!([{
            "ID": "", "Node": "n2", "Address": "10.10.1.2", "Datacenter": "dc1", "TaggedAddresses": null,
            "NodeMeta": {"rack": "r2"}, "ServiceKind": "", "ServiceID": "soup-2", "ServiceName": "soup",
            "ServiceTags": ["Hot", "v2"], "ServiceAddress": "10.20.0.2", "ServiceWeights": {"Passing": 9, "Warning": 3},
            "ServiceMeta": {}, "ServicePort": 81, "ServiceSocketPath": "", "ServiceEnableTagOverride": false,
            "ServiceProxy": {"Mode": "", "MeshGateway": {}, "Expose": {}}, "ServiceConnect": {}, "ServiceLocality": null,
            "CreateIndex": "<n>", "ModifyIndex": "<n>"
        }])
    );
    assert_eq!(world.get("/v1/catalog/service/soup?tag=").body, json!([]));
}

#[test]
fn whoever_takes_mesh_traffic_is_found_whatever_tag_is_asked_for() {
    let world = kitchen();
    for url in [
        "/v1/catalog/connect/salad",
        "/v1/catalog/connect/salad?tag=none",
    ] {
        assert_eq!(
            column(&world.get(url).body, "/ServiceID"),
            ["salad-p"],
            "{url}"
        );
    }
    let proxy = world.get("/v1/catalog/connect/salad-proxy");
    assert_eq!(proxy.body, json!([]));
}

#[test]
fn central_configuration_is_merged_into_rows_that_then_lack_their_node() {
    let world = kitchen();
    let body = world
        .get("/v1/catalog/service/salad-proxy?merge-central-config")
        .body;
    let row = &body[0];
    assert_eq!(
        row["ServiceProxy"]["Config"],
        json!({"protocol": "grpc", "x": 1, "max_inbound_connections": 7})
    );
    assert_eq!((&row["Node"], &row["Address"]), (&json!("n3"), &json!("")));
    assert_eq!(
        (&row["Datacenter"], &row["NodeMeta"]),
        (&json!(""), &Value::Null)
    );

    let body = world
        .get("/v1/catalog/node-services/n3?merge-central-config&filter=ID==\"salad-p\"")
        .body;
    let proxy = &body["Services"][0]["Proxy"];
    assert_eq!(proxy["MeshGateway"], json!({"Mode": "local"}));
    assert_eq!(
        proxy["Upstreams"][0],
        json!({
            "DestinationType": "", "DestinationName": "soup", "Datacenter": "", "LocalBindPort": 5,
            "MeshGateway": {"Mode": "local"}, "Config": {"protocol": "http"}
        })
    );
}

#[test]
fn a_registration_says_what_is_wrong_with_it() {
    let service = |service: Value| json!({"Node": "n9", "Address": "1.2.3.4", "Service": service});
    let check = |check: Value| json!({"Node": "n9", "Address": "1.2.3.4", "Check": check});
    let rows = [
        (json!({}), "Must provide node"),
        (
            json!({"Node": "n9"}),
            "Must provide address if SkipNodeUpdate is not set",
        ),
        (
            json!({"Node": "n9", "Address": "a", "ID": "no-uuid"}),
            "Bad node ID",
        ),
        (
            json!({"Node": "a\u{7}", "Address": "a"}),
            "cannot be printed",
        ),
        (
            json!({"Node": "a".repeat(10_000), "Address": "a"}),
            "too long",
        ),
        (
            json!({"Node": "n9", "Address": "a", "PeerName": "east"}),
            "PeerName",
        ),
        (
            service(json!({})),
            "Must provide service name (Service.Service)",
        ),
        (
            service(json!({"ID": "x"})),
            "Must provide service name (Service.Service) when service ID is provided",
        ),
        (
            service(json!({"Service": "x", "Address": "0.0.0.0"})),
            "Invalid service address",
        ),
        (
            check(json!({"CheckID": "c", "ServiceID": "x"})),
            "Unknown service ID 'x' for check ID 'c'",
        ),
        (
            check(json!({"CheckID": "c", "Node": "other"})),
            "Node 'other' for check 'c' doesn't match register request node 'n9'",
        ),
    ];
    let mut world = World::default();
    for (body, text) in rows {
        let reply = world.put("/v1/catalog/register", body);
        assert_eq!(reply.status, 500, "{text}");
        let said = reply.body.as_str().unwrap();
        assert!(said.contains(text), "{said:?} is not {text:?}");
    }
    assert_eq!(world.snapshot().index(), 0);
}

#[test]
fn a_registration_keeps_what_was_written_and_names_what_was_not() {
    let id = "ABCDEF00-0000-0000-0000-000000000001";
    let world = World::default().with([(
        "/v1/catalog/register",
        json!({"Node": "n1", "ID": id, "Address": "1.2.3.4", "Service": {"Service": "web", "Weights": {"Passing": -1, "Warning": 1}},
            "Checks": [{"Name": "pulse", "Status": "odd"}, {"CheckID": "tick", "ServiceID": "web", "Definition": {"TTL": "10s"}}]}),
    )]);
    assert_eq!(world.get("/v1/catalog/nodes").body[0]["ID"], json!(id));
    let service = &world.get("/v1/catalog/service/web").body[0];
    assert_eq!(service["ServiceID"], json!("web"));
    assert_eq!(
        service["ServiceWeights"],
        json!({"Passing": 1, "Warning": 1})
    );
    let checks = world.get("/v1/health/node/n1").body;
    assert_eq!(column(&checks, "/CheckID"), ["pulse", "tick"]);
    assert_eq!(column(&checks, "/Status"), ["odd", "critical"]);
    assert_eq!(column(&checks, "/Type"), ["", "ttl"]);
    assert_eq!(column(&checks, "/ServiceName"), ["", "web"]);
}

#[test]
fn what_is_deregistered_is_gone_and_what_is_not_there_is_no_error() {
    let mut world = kitchen();
    let deregister = "/v1/catalog/deregister";
    assert_eq!(world.put(deregister, json!({})).status, 500);
    assert_eq!(
        world
            .put(deregister, json!({"Node": "n1", "PeerName": "east"}))
            .status,
        500
    );
    for body in [
        json!({"Node": "ghost"}),
        json!({"Node": "n1", "ServiceID": "none"}),
        json!({"Node": "n1", "CheckID": "none"}),
        json!({"Node": "n1", "ServiceID": "soup-1", "CheckID": "alive"}),
        json!({"Node": "n3", "CheckID": "s3"}),
        json!({"Node": "n2"}),
    ] {
        let reply = world.put(deregister, body);
        assert_eq!((reply.status, reply.body), (200, json!(true)));
    }
    assert_eq!(
        column(&world.get("/v1/catalog/service/soup").body, "/ServiceID"),
        ["soup-3"]
    );
    assert_eq!(
        column(&world.get("/v1/health/state/any").body, "/CheckID"),
        ["alive"]
    );
    assert_eq!(
        column(&world.get("/v1/catalog/nodes").body, "/Node"),
        ["n1", "n3"]
    );
}

#[test]
fn the_datacenter_and_the_servers_are_named() {
    let world = World::default();
    assert_eq!(world.get("/v1/catalog/datacenters").body, json!(["dc1"]));
    assert_eq!(world.get("/v1/status/leader").body, json!("127.0.0.1:8300"));
    assert_eq!(
        world.get("/v1/status/peers").body,
        json!(["127.0.0.1:8300"])
    );
}

#[test]
fn an_answer_tells_when_it_changed_last() {
    let mut world = kitchen();
    let before = world.get("/v1/catalog/service/soup").index.unwrap();
    world.put(
        "/v1/catalog/register",
        json!({"Node": "n8", "Address": "1.1.1.1", "Service": {"Service": "tea"}}),
    );
    assert_eq!(world.get("/v1/catalog/service/soup").index, Some(before));
    assert!(world.get("/v1/catalog/nodes").index.unwrap() > before);
}
