//! Whatever is written, nothing panics, and what was accepted can be read.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::world::World;

const READS: [&str; 14] = [
    "/v1/catalog/nodes",
    "/v1/catalog/services?filter=ServiceName!=x",
    "/v1/catalog/service/web?merge-central-config",
    "/v1/catalog/connect/web",
    "/v1/catalog/node/n1",
    "/v1/catalog/node-services/n1?merge-central-config",
    "/v1/health/state/any",
    "/v1/health/service/web?passing",
    "/v1/health/connect/web?merge-central-config",
    "/v1/connect/intentions",
    "/v1/connect/intentions/match?by=destination&name=web",
    "/v1/connect/intentions/check?source=api&destination=web",
    "/v1/config/service-intentions",
    "/v1/discovery-chain/web",
];

fn name() -> impl Strategy<Value = String> {
    let known = proptest::sample::select(vec![
        "",
        "n1",
        "N1",
        "web",
        "api",
        "*",
        "web-proxy",
        "a/b",
        "\u{0}",
        "0.0.0.0",
    ]);
    prop_oneof![6 => known.prop_map(str::to_owned), 1 => ".{0,9}"]
}

fn number() -> impl Strategy<Value = i32> {
    prop_oneof![Just(0), Just(1), Just(65_536), any::<i32>()]
}

prop_compose! {
    fn service()(id in name(), service in name(), address in name(), destination in name(), upstream in name(),
        kind in proptest::sample::select(vec!["", "connect-proxy", "mesh-gateway", "odd"]),
        port in number(), passing in number(), warning in number(), native in any::<bool>(), tag in name()) -> Value {
        json!({
            "ID": id, "Service": service, "Kind": kind, "Address": address, "Port": port, "Tags": [tag],
            "Weights": {"Passing": passing, "Warning": warning}, "Connect": {"Native": native}, "Meta": {upstream.clone(): tag},
            "Proxy": if kind.is_empty() { json!({}) } else { json!({"DestinationServiceName": destination, "LocalServicePort": port,
                "Config": {"protocol": tag, "deep": [null, {"a": port}]},
                "Upstreams": [{"DestinationName": upstream, "LocalBindPort": port, "Config": {"protocol": tag}}]}) }
        })
    }
}

prop_compose! {
    fn check()(id in name(), service in name(), status in name(), node in name(), port in number()) -> Value {
        json!({"CheckID": id, "Name": node, "ServiceID": service, "Status": status, "ExposedPort": port,
            "Definition": {"TTL": "10s", "HTTP": status}})
    }
}

prop_compose! {
    fn registration()(node in name(), id in name(), address in name(), skip in any::<bool>(),
        service in proptest::option::of(service()), checks in proptest::collection::vec(check(), 0..3)) -> Value {
        json!({"Node": node, "ID": id, "Address": address, "SkipNodeUpdate": skip, "Service": service, "Checks": checks})
    }
}

fn write() -> impl Strategy<Value = (String, Option<Value>)> {
    let register = registration().prop_map(|body| ("/v1/catalog/register".to_owned(), Some(body)));
    let deregister = (name(), name(), name()).prop_map(|(node, service, check)| {
        let body = json!({"Node": node, "ServiceID": service, "CheckID": check});
        ("/v1/catalog/deregister".to_owned(), Some(body))
    });
    let entry = (name(), name(), name()).prop_map(|(destination, source, action)| {
        let body = json!({"Kind": "service-intentions", "Name": destination, "Sources": [{"Name": source, "Action": action}]});
        ("/v1/config".to_owned(), Some(body))
    });
    let defaults = (name(), name()).prop_map(|(service, protocol)| {
        let body = json!({"Kind": "service-defaults", "Name": service, "Protocol": protocol});
        ("/v1/config".to_owned(), Some(body))
    });
    let action = proptest::sample::select(vec!["", "allow", "deny"]);
    let intention = (name(), name(), action, name(), any::<bool>()).prop_map(
        |(source, destination, action, path, put)| {
            let pair: String = form_urlencoded::Serializer::new(String::new())
                .append_pair("source", &source)
                .append_pair("destination", &destination)
                .finish();
            let permissions = if action.is_empty() {
                json!([{"Action": "deny", "HTTP": {"PathPrefix": path}}])
            } else {
                json!([])
            };
            let body = json!({"Action": action, "Permissions": permissions, "Description": path});
            (
                format!("/v1/connect/intentions/exact?{pair}"),
                put.then_some(body),
            )
        },
    );
    prop_oneof![4 => register, 1 => deregister, 1 => entry, 1 => defaults, 2 => intention]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_write_panics_and_everything_stays_readable(writes in proptest::collection::vec(write(), 1..12)) {
        let mut world = World::default().with_ca();
        for (url, body) in writes {
            let (before, put) = (world.snapshot(), body.is_some());
            let reply = match body {
                Some(body) => world.put(&url, body),
                None => world.delete(&url),
            };
            prop_assert!([200, 400, 500].contains(&reply.status), "{:?}", reply);
            if put && reply.status == 400 {
                prop_assert_eq!(world.snapshot().index(), before.index());
            }
        }
        for url in READS {
            let reply = world.get(url);
            prop_assert!([200, 404].contains(&reply.status), "{}: {:?}", url, reply);
        }
    }
}
