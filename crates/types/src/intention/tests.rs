use serde_json::json;

use super::*;
use crate::config_entry::{Entry, Kind, Raw};

fn entry(json: serde_json::Value) -> ServiceIntentions {
    match Raw::deserialize(Kind::ServiceIntentions, json)
        .unwrap()
        .try_into()
    {
        Ok(Entry::ServiceIntentions(entry)) => entry,
        other => panic!("{other:?}"),
    }
}

fn sorted(entries: &[serde_json::Value]) -> Vec<Intention> {
    let entries: Vec<_> = entries.iter().cloned().map(entry).collect();
    let mut all: Vec<_> = entries.iter().flat_map(of_entry).collect();
    all.sort_by(Intention::order);
    all
}

fn allowed(intentions: &[Intention], source: &str) -> bool {
    decide(
        intentions,
        &ServiceName::new(source),
        &PeerName::default(),
        true,
    )
    .allowed
}

#[test]
fn intentions_are_in_the_order_of_precedence_then_source_bytewise_then_destination() {
    let list = sorted(&[
        json!({"Name": "*", "Sources": [{"Name": "*", "Action": "deny"}, {"Name": "ops", "Action": "allow"}]}),
        json!({"Name": "db", "Sources": [{"Name": "shop", "Action": "deny"}, {"Name": "*", "Action": "deny"}]}),
        json!({"Name": "api", "Sources": [{"Name": "shop", "Action": "deny"}, {"Name": "B", "Action": "deny"},
            {"Name": "a", "Action": "deny"}, {"Name": "a", "Peer": "isle", "Action": "deny"}]}),
    ]);
    let names: Vec<_> = list
        .iter()
        .map(|i| format!("{}{}>{}", i.peer, i.source, i.destination))
        .collect();
    assert_eq!(
        names,
        [
            "B>api",
            "a>api",
            "shop>api",
            "shop>db",
            "islea>api",
            "*>db",
            "ops>*",
            "*>*"
        ]
    );
}

#[test]
fn the_first_intention_that_covers_a_source_decides_and_else_the_default() {
    let list = sorted(&[
        json!({"Name": "till", "Sources": [{"Name": "zoo", "Action": "allow"}, {"Name": "*", "Action": "deny"}]}),
        json!({"Name": "*", "Sources": [{"Name": "boss", "Action": "allow"}]}),
    ]);
    assert!(allowed(&list, "zoo"));
    assert!(
        !allowed(&list, "ZOO"),
        "certificates tell names apart by case"
    );
    assert!(!allowed(&list, "boss"), "the exact destination goes first");
    assert!(allowed(&[], "boss"));
    let peer = PeerName::from("isle");
    let from_peer = decide(&list, &ServiceName::new("zoo"), &peer, false);
    assert_eq!(
        from_peer,
        Decision {
            allowed: false,
            by: None
        },
        "a local source is not one of a peer"
    );
}

#[test]
fn permissions_decide_request_by_request_and_deny_connections() {
    let list = sorted(&[json!({"Name": "api", "Sources": [
        {"Name": "web", "Permissions": [
            {"Action": "deny", "HTTP": {"PathPrefix": "/admin", "Methods": ["post"]}},
            {"Action": "allow", "HTTP": {"PathPrefix": "/admin",
                "Header": [{"Name": "X-Who", "Exact": "Me", "IgnoreCase": true}, {"Name": "no", "Present": true, "Invert": true}]}},
        ]},
        {"Name": "*", "Action": "allow"},
    ]})]);
    assert!(!allowed(&list, "web"));
    let decide = |method, path, headers: &[(&str, &str)]| {
        let request = Request {
            method,
            path,
            headers,
            regex: &|_, _| false,
            jwt: &|_| true,
        };
        decide_request(
            &list,
            &ServiceName::new("web"),
            &PeerName::default(),
            &request,
            false,
        )
        .allowed
    };
    assert!(decide("GET", "/admin/x", &[("x-who", "mE")]));
    assert!(!decide("POST", "/admin/x", &[("x-who", "me")]));
    assert!(!decide("GET", "/admin/x", &[("x-who", "me"), ("no", "")]));
    assert!(!decide("GET", "/admin/x", &[]));
    assert!(
        !decide("GET", "/", &[]),
        "the default decides, not the wildcard below"
    );
}

#[test]
fn a_request_whose_jwt_does_not_do_is_left_to_the_default() {
    let list = sorted(&[
        json!({"Name": "api", "JWT": {"Providers": [{"Name": "okta"}]},
        "Sources": [{"Name": "web", "Action": "allow"}]}),
    ]);
    for satisfied in [true, false] {
        let request = Request {
            method: "GET",
            path: "/",
            headers: &[],
            regex: &|_, _| false,
            jwt: &|_| satisfied,
        };
        let decision = decide_request(
            &list,
            &ServiceName::new("web"),
            &PeerName::default(),
            &request,
            false,
        );
        assert_eq!(decision.allowed, satisfied);
    }
}

#[test]
fn an_intention_prints_as_consul_prints_it() {
    let list = sorted(&[json!({"Name": "api", "Meta": {"k": "v"}, "Sources": [
        {"Name": "shop", "Action": "allow", "Description": "why", "Peer": "isle"},
        {"Name": "seven", "Permissions": [{"Action": "allow", "HTTP": {"PathPrefix": "/a"}}]},
    ]})]);
    assert_eq!(
        list[0].to_json(None, 3, 4),
        json!({"SourceNS": "default", "SourceName": "seven", "DestinationNS": "default", "DestinationName": "api",
            "SourceType": "consul", "Permissions": [{"Action": "allow", "HTTP": {"PathPrefix": "/a"}}],
            "Meta": {"k": "v"}, "Precedence": 9, "CreateIndex": 3, "ModifyIndex": 4})
    );
    assert_eq!(
        list[1].to_json(None, 3, 4),
        json!({"Description": "why", "SourceNS": "default", "SourceName": "shop", "SourcePeer": "isle",
            "DestinationNS": "default", "DestinationName": "api", "SourceType": "consul", "Action": "allow",
            "Meta": {"k": "v"}, "Precedence": 9, "CreateIndex": 3, "ModifyIndex": 4})
    );
}
