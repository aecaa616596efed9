//! What gateways lead to, what peers may reach, API gateways as they are written, and intentions by their IDs.

use serde_json::{Value, json};

use crate::world::World;

fn service(name: &str) -> (&'static str, Value) {
    let service = json!({"Service": name, "Port": 80});
    let body = json!({"Node": "n1", "Address": "10.10.1.1", "Service": service});
    ("/v1/catalog/register", body)
}

fn config(body: Value) -> (&'static str, Value) {
    ("/v1/config", body)
}

#[test]
fn a_wildcard_of_a_terminating_gateway_means_what_there_is() {
    let services = json!([
        {"Name": "corn", "CAFile": "ca", "DisableAutoHostRewrite": true},
        {"Name": "*", "SNI": "all"},
        {"Name": "later"},
    ]);
    let entry = json!({"Kind": "terminating-gateway", "Name": "tg", "Services": services});
    let world = World::default().with([service("corn"), service("oats"), config(entry)]);
    let mut rows = world.get("/v1/catalog/gateway-services/tg").body;
    for row in rows.as_array_mut().unwrap() {
        let row = row.as_object_mut().unwrap();
        row.retain(|field, _| !matches!(field.as_str(), "CreateIndex" | "ModifyIndex"));
    }
    let row = |name: &str, fields: Value| {
        let mut row = json!({"Gateway": {"Name": "tg"}, "GatewayKind": "terminating-gateway", "Service": {"Name": name}});
        row.as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        row
    };
    let expected = json!([
        row("corn", json!({"CAFile": "ca", "ServiceKind": "service"})),
        row("later", json!({"AutoHostRewrite": true})),
        row(
            "oats",
            json!({"AutoHostRewrite": true, "FromWildcard": true, "SNI": "all", "ServiceKind": "service"})
        ),
    ]);
    assert_eq!(rows, expected);
    assert_eq!(
        world.get("/v1/catalog/gateway-services/corn").body,
        json!([])
    );
}

#[test]
fn exports_are_resolved_with_their_peers_in_order() {
    let services = json!([
        {"Name": "till", "Consumers": [{"Peer": "south"}, {"Peer": "north"}]},
        {"Name": "*", "Consumers": [{"Peer": "east"}]},
        {"Name": "absent", "Consumers": [{"Partition": "default"}]},
    ]);
    let entry = json!({"Kind": "exported-services", "Name": "default", "Services": services});
    let world = World::default().with([service("till"), service("desk"), config(entry)]);
    let expected = json!([
        {"Service": "absent", "Consumers": {}},
        {"Service": "desk", "Consumers": {"Peers": ["east"]}},
        {"Service": "till", "Consumers": {"Peers": ["east", "north", "south"]}},
    ]);
    assert_eq!(world.get("/v1/exported-services").body, expected);
}

#[test]
fn a_gateway_is_bound_by_the_write_and_its_condition_still_counts() {
    let gateway = json!({"Kind": "api-gateway", "Name": "front", "Listeners": [{"Name": "web", "Port": 8443, "Protocol": "http"}]});
    let mut world = World::default();
    assert_eq!(world.put("/v1/config", gateway.clone()).body, json!(true));
    let status = &world.get("/v1/config/api-gateway/front").body["Status"]["Conditions"];
    assert_eq!(status[0]["Reason"], "Accepted");
    let bound = world.get("/v1/config/bound-api-gateway/front").body;
    assert_eq!(
        bound["Listeners"],
        json!([{"Name": "web", "Routes": null, "Certificates": null}])
    );
    assert_eq!(bound.get("Hash"), None);
    let mut other = gateway.clone();
    other["Listeners"][0]["Port"] = json!(1);
    assert_eq!(
        world.put("/v1/config?cas=0", other).body,
        json!(false),
        "there is one"
    );
    assert_eq!(
        world.put("/v1/config?cas=0", gateway).body,
        json!(true),
        "it is the same"
    );
    let internal = json!({"Kind": "bound-api-gateway", "Name": "front"});
    assert_eq!(world.put("/v1/config", internal).status, 403);
    assert_eq!(world.delete("/v1/config/api-gateway/front").status, 200);
    assert_eq!(world.get("/v1/config/bound-api-gateway").body, json!([]));
}

#[test]
fn an_intention_keeps_its_id_until_its_entry_is_written_otherwise() {
    let mut world = World::default();
    let body = |source: &str, action: &str| json!({"SourceName": source, "DestinationName": "till", "Action": action});
    let created = world
        .put("/v1/connect/intentions", body("web", "allow"))
        .body;
    let id = created["ID"].as_str().unwrap().to_owned();
    let url = format!("/v1/connect/intentions/id/{id}");
    let found = world.get(&url).body;
    assert_eq!(
        (&found["ID"], &found["CreatedAt"]),
        (&json!(id), &json!("2023-11-14T22:13:20Z"))
    );
    assert_eq!(
        world
            .put("/v1/connect/intentions", body("web", "deny"))
            .status,
        500,
        "the pair is there"
    );
    assert_eq!(
        world.put(&url, body("web2", "deny")).body,
        json!({"ID": id})
    );
    assert_eq!(world.get(&url).body["SourceName"], "web2");
    let mut moved = body("web2", "deny");
    moved["DestinationName"] = json!("other");
    assert_eq!(world.put(&url, moved).status, 500);
    assert_eq!(
        world
            .put(
                "/v1/connect/intentions",
                json!({"SourceName": "a", "Action": "deny"})
            )
            .status,
        403
    );
    assert_eq!(
        world.get("/v1/connect/intentions/id/not-a-uuid").status,
        400
    );
    let exact = "/v1/connect/intentions/exact?source=api&destination=till";
    assert_eq!(world.put(exact, json!({"Action": "allow"})).status, 200);
    assert_eq!(
        world.get(&url).status,
        404,
        "the entry was written otherwise"
    );
    assert_eq!(
        world
            .put("/v1/connect/intentions", body("late", "allow"))
            .status,
        500
    );
    assert_eq!(world.delete(&url).status, 500);
}
