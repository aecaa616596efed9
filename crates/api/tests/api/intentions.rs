//! `/v1/connect/intentions…` and the authorisation of connections.

use serde_json::{Value, json};

use crate::world::{CLUSTER, World, blurred, column};

fn entry(destination: &str, sources: Value) -> (&'static str, Value) {
    let body = json!({"Kind": "service-intentions", "Name": destination, "Sources": sources});
    ("/v1/config", body)
}

fn source(name: &str, action: &str) -> Value {
    json!({"Name": name, "Action": action})
}

/// Intentions of every precedence, and one with permissions.
fn ruled() -> World {
    let all = json!([{"Action": "allow", "HTTP": {"PathPrefix": "/"}}]);
    World::default().with_ca().with([
        entry(
            "till",
            json!([
                source("zoo", "allow"),
                source("*", "deny"),
                source("ant", "deny")
            ]),
        ),
        entry("*", json!([source("*", "deny"), source("boss", "allow")])),
        entry("desk", json!([source("zoo", "deny")])),
        (
            "/v1/config",
            json!({"Kind": "service-defaults", "Name": "shop", "Protocol": "http"}),
        ),
        entry("shop", json!([{"Name": "zoo", "Permissions": all}])),
    ])
}

fn exact(world: &World, source: &str, destination: &str) -> (u16, Value) {
    let url = format!("/v1/connect/intentions/exact?source={source}&destination={destination}");
    let reply = world.get(&url);
    (reply.status, blurred(reply.body))
}

fn printed(source: &str, action: &str, precedence: u8) -> Value {
    json!({
        "SourceNS": "default", "SourceName": source, "DestinationNS": "default", "DestinationName": "till",
        "SourceType": "consul", "Action": action, "Precedence": precedence, "CreateIndex": "<n>", "ModifyIndex": "<n>"
    })
}

#[test]
fn an_intention_is_written_read_and_deleted_by_its_pair() {
    let mut world = World::default();
    let url = "/v1/connect/intentions/exact?source=web&destination=till";
    let body = json!({"Action": "allow", "Meta": {"a": "b"}});
    assert_eq!(
        world.put(url, body).status,
        500,
        "there is no entry that the pairs could be unchanged of"
    );
    assert_eq!(world.put(url, json!({"Action": "deny"})).body, json!(true));
    assert_eq!(
        exact(&world, "web", "till"),
        (200, printed("web", "deny", 9))
    );
    world.put(
        "/v1/connect/intentions/exact?source=*&destination=till",
        json!({"Action": "deny"}),
    );
    world.put(url, json!({"Action": "allow", "Description": "why"}));
    let listed = world.get("/v1/config/service-intentions/till").body;
    assert_eq!(column(&listed["Sources"], "/Name"), ["web", "*"]);
    assert_eq!(listed["Sources"][0]["Description"], json!("why"));

    assert_eq!(world.delete(url).body, json!(true));
    assert_eq!(exact(&world, "web", "till").0, 404);
    assert_eq!(
        world.delete(url).body,
        json!(true),
        "what is not there is deleted already"
    );
    world.delete("/v1/connect/intentions/exact?source=*&destination=till");
    assert_eq!(
        world.get("/v1/config/service-intentions/till").status,
        404,
        "an entry without a source goes"
    );
}

#[test]
fn a_body_says_what_the_pair_does_not_and_the_rest_of_it_is_ignored_or_refused() {
    let mut world = World::default();
    let url = "/v1/connect/intentions/exact?source=web&destination=till";
    let body = json!({"ID": "99999999-9999-9999-9999-999999999999", "SourceName": "zzz", "Action": "allow"});
    assert_eq!(world.put(url, body).body, json!(true));
    assert_eq!(exact(&world, "web", "till").0, 200);
    for body in [
        json!({}),
        json!({"Action": "x"}),
        json!({"Action": "allow", "SourcePeer": "east"}),
    ] {
        assert_eq!(world.put(url, body).status, 500);
    }
    let partial = "/v1/connect/intentions/exact?source=w*&destination=till";
    assert_eq!(world.put(partial, json!({"Action": "allow"})).status, 500);
    let peer = "/v1/connect/intentions/exact?source=peer:east/web&destination=till";
    assert_eq!(world.put(peer, json!({"Action": "allow"})).status, 500);
    assert_eq!(world.delete(peer).status, 500);
    let l7 = json!({"Permissions": [{"Action": "allow", "HTTP": {"PathPrefix": "/"}}]});
    assert_eq!(
        world.put(url, l7).status,
        500,
        "permissions need an HTTP protocol"
    );
}

#[test]
fn intentions_are_listed_in_the_order_in_which_they_decide() {
    let world = ruled();
    let pairs = |url: &str| {
        let body = world.get(url).body;
        let sources = column(&body, "/SourceName").into_iter();
        let pairs = sources.zip(column(&body, "/DestinationName"));
        pairs
            .map(|(source, destination)| format!("{source}>{destination}"))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        pairs("/v1/connect/intentions"),
        [
            "ant>till", "zoo>desk", "zoo>shop", "zoo>till", "*>till", "boss>*", "*>*"
        ]
    );
    assert_eq!(
        pairs("/v1/connect/intentions?filter=Action==deny and Precedence==9"),
        ["ant>till", "zoo>desk"]
    );
    assert_eq!(
        world.get("/v1/connect/intentions?filter=Bogus==1").status,
        500
    );
}

#[test]
fn intentions_match_by_either_end_and_by_wildcards() {
    let world = ruled();
    let matched = |url: &str, name: &str, end: &str| {
        let body = world
            .get(&format!("/v1/connect/intentions/match?{url}"))
            .body;
        column(&body[name], end)
    };
    assert_eq!(
        matched("by=destination&name=till", "till", "/SourceName"),
        ["ant", "zoo", "*", "boss", "*"]
    );
    assert_eq!(
        matched("by=destination&name=none", "none", "/SourceName"),
        ["boss", "*"]
    );
    assert_eq!(
        matched("by=source&name=zoo", "zoo", "/DestinationName"),
        ["desk", "shop", "till", "till", "*"]
    );
    assert_eq!(
        matched("by=source&name=*", "*", "/DestinationName"),
        ["till", "*"]
    );
    let both = world
        .get("/v1/connect/intentions/match?by=destination&name=till&name=desk")
        .body;
    assert_eq!(both.as_object().unwrap().len(), 2);
}

fn allowed(world: &World, source: &str, destination: &str) -> Value {
    let url = format!("/v1/connect/intentions/check?source={source}&destination={destination}");
    world.get(&url).body["Allowed"].clone()
}

#[test]
fn a_check_decides_by_the_first_intention_and_never_by_permissions() {
    let world = ruled();
    let rows = [
        ("zoo", "till", true),
        ("ant", "till", false),
        ("bee", "till", false),
        ("boss", "till", false),
        ("boss", "other", true),
        ("bee", "other", false),
        ("zoo", "desk", false),
        ("boss", "desk", true),
        ("zoo", "shop", false),
    ];
    for (source, destination, expected) in rows {
        assert_eq!(
            allowed(&world, source, destination),
            json!(expected),
            "{source} to {destination}"
        );
    }
}

#[test]
fn without_an_intention_a_check_looks_at_acls_and_an_authorisation_at_the_policy() {
    let mut world = World::default().with_ca();
    let uri = format!("spiffe://{CLUSTER}.consul/ns/default/dc/dc1/svc/web");
    let allow = world.authorize("till", &uri).body;
    assert_eq!(
        allow,
        json!({"Authorized": true, "Reason": "Default behavior configured by ACLs"})
    );
    world.settings.default_allow = false;
    world.settings.intention_policy = true;
    assert_eq!(allowed(&world, "web", "till"), json!(true));
    let deny = world.authorize("till", &uri).body;
    assert_eq!(
        deny,
        json!({"Authorized": false, "Reason": "Default intention policy"})
    );
}

#[test]
fn an_authorisation_tells_which_intention_decided() {
    let world = ruled();
    let ask = |target: &str, source: &str| {
        let uri = format!("spiffe://{CLUSTER}.consul/ns/default/dc/dc9/svc/{source}");
        let body = world.authorize(target, &uri).body;
        (
            body["Authorized"].as_bool().unwrap(),
            body["Reason"].as_str().unwrap().to_owned(),
        )
    };
    let reason = |text: &str| format!("Matched {text}");
    assert_eq!(
        ask("till", "zoo"),
        (
            true,
            reason("L4 intention: default/zoo => default/till (Precedence: 9, Action: ALLOW)")
        )
    );
    assert_eq!(
        ask("till", "bee"),
        (
            false,
            reason("L4 intention: default/* => default/till (Precedence: 8, Action: DENY)")
        )
    );
    assert_eq!(
        ask("shop", "zoo"),
        (
            false,
            reason("L7 intention: default/zoo => default/shop (Precedence: 9, Permissions: 1)")
        )
    );
}

#[test]
fn only_a_service_of_this_trust_domain_is_authorised() {
    let world = ruled();
    let foreign = world.authorize(
        "till",
        "spiffe://22222222-2222-3333-4444-555555555555.consul/ns/default/dc/dc1/svc/zoo",
    );
    assert_eq!(
        (foreign.status, &foreign.body["Authorized"]),
        (200, &json!(false))
    );
    let own = |path: &str| format!("spiffe://{CLUSTER}.consul{path}");
    for uri in [
        String::new(),
        "::".to_owned(),
        "https://x/y".to_owned(),
        own(""),
        own("/agent/client/dc/dc1/id/x"),
        own("/agent/server/dc/dc1"),
        own("/gateway/mesh/dc/dc1"),
        own("/ap/team/ns/default/dc/dc1/svc/zoo"),
    ] {
        assert_eq!(world.authorize("till", &uri).status, 400, "{uri}");
    }
    assert_eq!(
        world
            .authorize("", &own("/ns/default/dc/dc1/svc/zoo"))
            .status,
        400
    );
    let elsewhere = world.authorize("till", &own("/ns/team/dc/dc1/svc/zoo"));
    assert_eq!(
        elsewhere.body["Reason"],
        json!("Default behavior configured by ACLs")
    );
}
