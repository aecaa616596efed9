//! `/v1/health/…`.

use serde_json::json;

use crate::world::{blurred, column, kitchen};

#[test]
fn an_instance_comes_with_its_node_and_the_checks_of_both() {
    let world = kitchen();
    let body = blurred(world.get("/v1/health/service/soup?passing").body);
    let check = |id: &str, service: (&str, &str, serde_json::Value)| {
        json!({
            "Node": "n1", "CheckID": id, "Name": id, "Status": "passing", "Notes": "", "Output": "",
            "ServiceID": service.0, "ServiceName": service.1, "ServiceTags": service.2, "Type": "", "Interval": "",
            "Timeout": "", "ExposedPort": 0, "Definition": {}, "CreateIndex": "<n>", "ModifyIndex": "<n>"
        })
    };
    assert_eq!(
        body,
        json!([{
            "Node": {
                "ID": "", "Node": "n1", "Address": "10.10.1.1", "Datacenter": "dc1", "TaggedAddresses": null,
                "Meta": {"rack": "r1"}, "CreateIndex": "<n>", "ModifyIndex": "<n>"
            },
            "Service": {
                "ID": "soup-1", "Service": "soup", "Tags": ["hot", "v1"], "Address": "", "Meta": {"v": "1"}, "Port": 80,
                "Weights": {"Passing": 1, "Warning": 1}, "EnableTagOverride": false, "PeerName": "", "Connect": {},
                "Proxy": {"Mode": "", "MeshGateway": {}, "Expose": {}}, "CreateIndex": "<n>", "ModifyIndex": "<n>"
            },
            "Checks": [
                check("alive", ("", "", json!([]))),
                check("s1", ("soup-1", "soup", json!(["hot", "v1"])))
            ]
        }])
    );
}

#[test]
fn instances_are_chosen_by_tag_pair_and_filter() {
    let world = kitchen();
    let ids = |url: &str| column(&world.get(url).body, "/Service/ID");
    assert_eq!(
        ids("/v1/health/service/SOUP"),
        ["soup-1", "soup-2", "soup-3"]
    );
    assert_eq!(ids("/v1/health/service/soup?tag=hot"), ["soup-1", "soup-2"]);
    assert_eq!(ids("/v1/health/service/soup?tag=hot&tag=V2"), ["soup-2"]);
    assert_eq!(
        ids("/v1/health/service/soup?node-meta=rack:r1"),
        ["soup-1", "soup-3"]
    );
    assert_eq!(
        ids("/v1/health/service/soup?filter=Checks.Status==warning"),
        ["soup-2"]
    );
    assert!(ids("/v1/health/service/soup?peer=east").is_empty());
    assert_eq!(ids("/v1/health/connect/salad?tag=none"), ["salad-p"]);
}

#[test]
fn checks_are_found_by_node_service_and_state() {
    let world = kitchen();
    let ids = |url: &str| column(&world.get(url).body, "/CheckID");
    assert_eq!(ids("/v1/health/node/n1"), ["alive", "s1"]);
    assert!(ids("/v1/health/node/ghost").is_empty());
    assert_eq!(ids("/v1/health/checks/soup"), ["s1", "s2", "s3"]);
    assert_eq!(
        ids("/v1/health/checks/soup?node-meta=rack:r1"),
        ["s1", "s3"]
    );
    assert_eq!(ids("/v1/health/state/any"), ["alive", "s1", "s2", "s3"]);
    assert_eq!(ids("/v1/health/state/critical"), ["s3"]);
    assert_eq!(
        ids("/v1/health/state/PASSING?node-meta=rack:r1"),
        ["alive", "s1"]
    );
    assert!(ids("/v1/health/state/unknown").is_empty());
    assert_eq!(
        ids("/v1/health/state/any?filter=Status!=passing"),
        ["s2", "s3"]
    );
}

#[test]
fn a_proxy_has_central_configuration_merged_in_where_asked() {
    let world = kitchen();
    let config = |url: &str| world.get(url).body[0]["Service"]["Proxy"]["Config"].clone();
    assert_eq!(
        config("/v1/health/connect/salad?merge-central-config"),
        json!({"protocol": "grpc", "x": 1, "max_inbound_connections": 7})
    );
    assert!(config("/v1/health/connect/salad").is_null());
    let node = &world
        .get("/v1/health/connect/salad?merge-central-config")
        .body[0]["Node"];
    assert_eq!(node["Address"], json!("10.10.1.3"));
}
