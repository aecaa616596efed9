//! Every endpoint asked by somebody who may do nothing, what everybody may, and everything.

use serde_json::{Value, json};
use tribune_acl::Authorizer;

use crate::world::{CLUSTER, World, kitchen};

fn world() -> World {
    kitchen().with([
        ("/v1/config", json!({"Kind": "service-intentions", "Name": "soup", "Sources": [{"Name": "salad", "Action": "allow"}]})),
        ("/v1/config", json!({"Kind": "mesh"})),
    ])
}

fn asked_by(authorizer: Authorizer) -> World {
    let mut world = world();
    world.authorizer = authorizer;
    world
}

#[test]
fn rows_that_may_not_be_seen_are_left_out_and_it_is_said() {
    let (everybody, management, nobody) = (
        asked_by(Authorizer::allow_all()),
        asked_by(Authorizer::management()),
        asked_by(Authorizer::deny_all()),
    );
    let nothing = [
        ("/v1/catalog/nodes", json!([])),
        ("/v1/catalog/services", json!({})),
        ("/v1/catalog/service/soup", json!([])),
        ("/v1/catalog/connect/salad", json!([])),
        ("/v1/catalog/node/n3", Value::Null),
        (
            "/v1/catalog/node-services/n3",
            json!({"Node": null, "Services": null}),
        ),
        ("/v1/health/node/n1", json!([])),
        ("/v1/health/checks/soup", json!([])),
        ("/v1/health/state/any", json!([])),
        ("/v1/health/service/soup", json!([])),
        ("/v1/config/service-defaults", json!([])),
        ("/v1/config/service-intentions", json!([])),
        ("/v1/connect/intentions", json!([])),
    ];
    for (url, empty) in nothing {
        let (all, rows) = (everybody.get(url), management.get(url));
        assert_eq!((all.status, all.filtered), (200, false), "{url}");
        assert_ne!(all.body, empty, "{url}");
        assert_eq!((&rows.body, rows.filtered), (&all.body, false), "{url}");
        let none = nobody.get(url);
        assert_eq!(
            (none.status, none.filtered, none.body),
            (200, true, empty),
            "{url}"
        );
        assert_eq!(none.index, all.index, "{url} can be waited on all the same");
    }
    for url in [
        "/v1/catalog/node/ghost",
        "/v1/catalog/service/ghost",
        "/v1/health/checks/ghost",
    ] {
        assert!(!nobody.get(url).filtered, "{url}: nothing was left out");
    }
}

#[test]
fn a_thing_that_is_named_is_denied() {
    let pair = "source=salad&destination=soup";
    let urls = [
        "/v1/health/connect/salad".to_owned(),
        "/v1/health/connect/ghost".to_owned(),
        "/v1/config/service-defaults/salad".to_owned(),
        "/v1/config/service-defaults/ghost".to_owned(),
        "/v1/config/service-intentions/soup".to_owned(),
        format!("/v1/connect/intentions/exact?{pair}"),
        format!("/v1/connect/intentions/check?{pair}"),
        "/v1/connect/intentions/match?by=source&name=salad".to_owned(),
        "/v1/connect/ca/configuration".to_owned(),
        "/v1/discovery-chain/soup".to_owned(),
    ];
    let nobody = asked_by(Authorizer::deny_all());
    for url in urls {
        let reply = nobody.get(&url);
        assert_eq!(reply.status, 403, "{url}");
        assert!(
            reply
                .body
                .as_str()
                .unwrap()
                .starts_with("Permission denied"),
            "{url}"
        );
    }
    let uri = format!("spiffe://{CLUSTER}.consul/ns/default/dc/dc1/svc/salad");
    assert_eq!(nobody.authorize("soup", &uri).status, 403);
}

#[test]
fn what_needs_no_permission_is_told_to_everybody() {
    let (everybody, nobody) = (
        asked_by(Authorizer::allow_all()),
        asked_by(Authorizer::deny_all()),
    );
    for url in [
        "/v1/catalog/datacenters",
        "/v1/status/leader",
        "/v1/status/peers",
        "/v1/connect/ca/roots",
        "/v1/config/proxy-defaults",
        "/v1/config/proxy-defaults/global",
        "/v1/config/mesh/mesh",
    ] {
        let (told, all) = (nobody.get(url), everybody.get(url));
        assert_eq!(
            (told.status, told.filtered, told.body),
            (200, false, all.body),
            "{url}"
        );
    }
}

#[test]
fn nobody_changes_anything_without_a_permission() {
    let mut world = asked_by(Authorizer::deny_all());
    let index = world.snapshot().index();
    let soup = json!({"Node": "n1", "Address": "10.10.1.1", "NodeMeta": {"rack": "r1"}});
    let with = |key: &str, value: Value| {
        let mut body = soup.clone();
        body[key] = value;
        body
    };
    let writes = [
        (
            "/v1/catalog/register",
            json!({"Node": "n9", "Address": "1.1.1.1"}),
        ),
        ("/v1/catalog/register", with("Address", json!("10.10.1.9"))),
        (
            "/v1/catalog/register",
            with("Locality", json!({"Region": "north"})),
        ),
        (
            "/v1/catalog/register",
            with("Service", json!({"Service": "soup", "ID": "soup-1"})),
        ),
        (
            "/v1/catalog/register",
            with("Check", json!({"CheckID": "alive"})),
        ),
        (
            "/v1/catalog/register",
            with("Check", json!({"CheckID": "s1", "ServiceID": "soup-1"})),
        ),
        ("/v1/catalog/deregister", json!({"Node": "n1"})),
        (
            "/v1/catalog/deregister",
            json!({"Node": "n1", "ServiceID": "soup-1"}),
        ),
        (
            "/v1/catalog/deregister",
            json!({"Node": "n1", "CheckID": "alive"}),
        ),
        (
            "/v1/catalog/deregister",
            json!({"Node": "n1", "CheckID": "s1"}),
        ),
        (
            "/v1/config",
            json!({"Kind": "service-defaults", "Name": "tea"}),
        ),
        (
            "/v1/config",
            json!({"Kind": "service-intentions", "Name": "tea", "Sources": [{"Name": "a", "Action": "deny"}]}),
        ),
        (
            "/v1/config",
            json!({"Kind": "proxy-defaults", "Name": "global"}),
        ),
        ("/v1/config", json!({"Kind": "mesh"})),
        (
            "/v1/connect/intentions/exact?source=a&destination=b",
            json!({"Action": "allow"}),
        ),
    ];
    for (url, body) in writes {
        let reply = world.put(url, body.clone());
        assert_eq!(reply.status, 403, "{url} {body}: {reply:?}");
    }
    for url in [
        "/v1/config/service-defaults/salad",
        "/v1/config/mesh/mesh",
        "/v1/connect/intentions/exact?source=salad&destination=soup",
    ] {
        assert_eq!(world.delete(url).status, 403, "{url}");
    }
    let unchanged = world.put("/v1/catalog/register", soup.clone());
    assert_eq!(
        unchanged.status, 200,
        "a node that stays as it is needs no permission"
    );
    let kept = world.put(
        "/v1/catalog/register",
        json!({"Node": "n1", "SkipNodeUpdate": true}),
    );
    assert_eq!(kept.status, 200);
    world.authorizer = Authorizer::management();
    assert_eq!(
        world.get("/v1/catalog/nodes").index,
        self::world().get("/v1/catalog/nodes").index
    );
    assert_eq!(world.snapshot().index(), index + 2);
}

#[test]
fn a_node_goes_only_by_its_own_permission_even_where_a_check_has_no_id() {
    let mut world = asked_by(Authorizer::allow_all());
    world.put(
        "/v1/catalog/register",
        json!({"Node": "n1", "Address": "10.10.1.1", "Check": {"ServiceID": "soup-1"}}),
    );
    world.authorizer = Authorizer::deny_all();
    let reply = world.put("/v1/catalog/deregister", json!({"Node": "n1"}));
    assert_eq!(
        reply.body,
        json!("Permission denied: the token lacks node:write on \"n1\"")
    );
}
