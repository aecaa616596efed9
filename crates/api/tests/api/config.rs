//! `/v1/config/…`.

use serde_json::{Value, json};
use tribune_types::call::Options;

use crate::world::{World, blurred, column, kitchen};

fn defaults(name: &str, protocol: &str) -> Value {
    json!({"Kind": "service-defaults", "Name": name, "Protocol": protocol})
}

#[test]
fn an_entry_is_read_back_as_it_is_kept() {
    let world = kitchen();
    let reply = world.get("/v1/config/service-defaults/salad");
    assert_eq!(
        blurred(reply.body),
        json!({
            "Kind": "service-defaults", "Name": "salad", "Protocol": "grpc", "MaxInboundConnections": 7,
            "TransparentProxy": {}, "MeshGateway": {}, "Expose": {},
            "Hash": "<hash>", "CreateIndex": "<n>", "ModifyIndex": "<n>"
        })
    );
}

#[test]
fn an_entry_that_is_not_there_is_missing_with_an_index_to_wait_on() {
    let world = kitchen();
    let reply = world.get("/v1/config/service-defaults/none");
    assert_eq!(reply.status, 404);
    assert_eq!(
        reply.body,
        json!("Config entry not found for \"service-defaults\" / \"none\"")
    );
    assert_eq!(reply.index, world.get("/v1/config/service-defaults").index);
    assert!(reply.index.unwrap() > 0);
}

#[test]
fn only_service_defaults_can_be_filtered() {
    let world = kitchen().with([("/v1/config", defaults("soup", "http"))]);
    let url = "/v1/config/service-defaults?filter=Protocol==http";
    assert_eq!(column(&world.get(url).body, "/Name"), ["soup"]);
    let reply = world.get("/v1/config/proxy-defaults?filter=Name==global");
    assert_eq!(reply.status, 500);
    assert!(reply.body.as_str().unwrap().contains("kind=proxy-defaults"));
}

#[test]
fn a_conditional_write_says_whether_its_condition_held() {
    let mut world = World::default();
    let protocol =
        |world: &World| world.get("/v1/config/service-defaults/web").body["Protocol"].clone();
    assert_eq!(
        world.put("/v1/config?cas=5", defaults("web", "http")).body,
        json!(false)
    );
    assert_eq!(
        world.put("/v1/config?cas=0", defaults("web", "http")).body,
        json!(true)
    );
    assert_eq!(
        world.put("/v1/config?cas=0", defaults("web", "grpc")).body,
        json!(false)
    );
    assert_eq!(protocol(&world), json!("http"));
    let index = world.get("/v1/config/service-defaults/web").body["ModifyIndex"].clone();
    let same = world.put("/v1/config?cas=0", defaults("web", "http"));
    assert_eq!(
        same.body,
        json!(true),
        "what is there already may be written whatever the condition"
    );
    let reply = world.put(&format!("/v1/config?cas={index}"), defaults("web", "grpc"));
    assert_eq!((reply.body, protocol(&world)), (json!(true), json!("grpc")));
    assert_eq!(
        world
            .delete(&format!("/v1/config/service-defaults/web?cas={index}"))
            .body,
        json!(false)
    );
    let index = world.get("/v1/config/service-defaults/web").body["ModifyIndex"].clone();
    assert_eq!(
        world
            .delete(&format!("/v1/config/service-defaults/web?cas={index}"))
            .body,
        json!(true)
    );
    assert_eq!(
        world.delete("/v1/config/service-defaults/web?cas=7").body,
        json!(true)
    );
}

#[test]
fn a_deletion_without_a_condition_answers_an_object() {
    let mut world = kitchen();
    let reply = world.delete("/v1/config/service-defaults/salad");
    assert_eq!((reply.status, reply.body), (200, json!({})));
    assert_eq!(world.get("/v1/config/service-defaults").body, json!([]));
    assert_eq!(
        world.delete("/v1/config/service-defaults/salad").body,
        json!({})
    );
}

#[test]
fn there_is_one_mesh_entry_by_whatever_name_it_is_deleted() {
    let mut world = World::default().with([(
        "/v1/config",
        json!({"Kind": "mesh", "AllowEnablingPermissiveMutualTLS": true}),
    )]);
    assert_eq!(world.get("/v1/config/mesh/mesh").status, 200);
    world.delete("/v1/config/mesh/anything");
    assert_eq!(world.get("/v1/config/mesh/mesh").status, 404);
}

#[test]
fn an_entry_that_is_wrong_in_itself_or_beside_the_others_is_refused() {
    let mut world = World::default();
    assert_eq!(
        world
            .put(
                "/v1/config",
                json!({"Kind": "proxy-defaults", "Name": "mine"})
            )
            .status,
        500
    );
    let l7 = json!({"Kind": "service-intentions", "Name": "web", "Sources": [
        {"Name": "api", "Permissions": [{"Action": "allow", "HTTP": {"PathPrefix": "/"}}]}]});
    let reply = world.put("/v1/config", l7.clone());
    assert_eq!(reply.status, 500, "permissions need an HTTP protocol");
    world.put("/v1/config", defaults("web", "http"));
    assert_eq!(world.put("/v1/config", l7).status, 200);
    assert_eq!(world.put("/v1/config", defaults("web", "tcp")).status, 500);
}

#[test]
fn lists_of_entries_are_waited_on_by_content() {
    let world = kitchen();
    let by_content = |query| world.ask(&query, &Options::default()).unwrap().by_content;
    use tribune_types::call::Query;
    assert!(by_content(Query::ConfigEntries(
        tribune_types::config_entry::Kind::Mesh
    )));
    assert!(!by_content(Query::Nodes));
}
