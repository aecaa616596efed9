use serde_json::Value;

use super::*;

const SIDECAR: &str = r#"{"Kind":"connect-proxy","ID":"web-sidecar-proxy","Service":"web-sidecar-proxy","Datacenter":"dc1",
    "Proxy":{"DestinationServiceName":"web","DestinationServiceID":"web","Config":{"envoy_stats_flush_interval":"7s"}}}"#;
const TWIN: &str = r#"{"Kind":"connect-proxy","ID":"ID","Proxy":{"DestinationServiceID":"twin"}}"#;

fn agent() -> Agent {
    let plain = r#"{"ID":"web","Service":"web"}"#;
    let services = format!(
        r#"{{"web":{plain},"p":{SIDECAR},"a":{},"b":{}}}"#,
        TWIN.replace("\"ID\":\"ID\"", "\"ID\":\"a\""),
        TWIN.replace("\"ID\":\"ID\"", "\"ID\":\"b\"")
    );
    let node = format!(r#"{{"Node":{{"Node":"n1","Datacenter":"dc7"}},"Services":[{SIDECAR}]}}"#);
    Agent::new(&[
        ("GET /v1/agent/services", 200, &services),
        ("GET /v1/agent/service/web-sidecar-proxy", 200, SIDECAR),
        ("GET /v1/agent/service/web", 200, plain),
        (
            "GET /v1/agent/self",
            200,
            r#"{"xDS":{"Ports":{"Plaintext":9997,"TLS":-1}}}"#,
        ),
        (
            "GET /v1/catalog/node-services/n1?merge-central-config",
            200,
            &node,
        ),
    ])
}

fn bootstrap(arguments: &str) -> Value {
    let run = agent().run(&format!("connect envoy -bootstrap {arguments}"));
    assert_eq!(run.code, 0, "{arguments}: {}", run.err);
    serde_json::from_str(&run.out).unwrap()
}

fn xds(bootstrap: &Value) -> &Value {
    &bootstrap["static_resources"]["clusters"][0]["loadAssignment"]["endpoints"][0]["lbEndpoints"]
        [0]["endpoint"]["address"]
}

#[test]
fn the_sidecar_of_a_service_is_found_and_so_is_the_xds_address() {
    for arguments in [
        "-sidecar-for web",
        "-proxy-id web-sidecar-proxy",
        "-sidecar-for x -proxy-id web-sidecar-proxy",
    ] {
        let bootstrap = bootstrap(arguments);
        assert_eq!(bootstrap["node"]["id"], "web-sidecar-proxy");
        assert_eq!(bootstrap["node"]["cluster"], "web");
        assert_eq!(bootstrap["stats_flush_interval"], "7s");
        let address = &xds(&bootstrap)["socket_address"];
        assert_eq!(
            (&address["address"], &address["port_value"]),
            (&"127.0.0.1".into(), &9997.into())
        );
    }
    let run = agent().run_with(
        "connect envoy -bootstrap",
        "",
        &[("CONNECT_SIDECAR_FOR", "web")],
    );
    assert_eq!(run.code, 0, "{}", run.err);
}

#[test]
fn flags_reach_the_bootstrap() {
    let bootstrap = bootstrap(
        "-sidecar-for web -admin-bind localhost:19005 -admin-access-log-path /tmp/a.log -grpc-addr unix:///run/x.sock -token t0ken \
         -no-central-config -envoy-ready-bind-address 127.0.0.1 -envoy-ready-bind-port 21000 -omit-deprecated-tags",
    );
    assert_eq!(
        bootstrap["admin"]["address"]["socket_address"]["port_value"],
        19005
    );
    assert_eq!(
        bootstrap["admin"]["access_log"][0]["typed_config"]["path"],
        "/tmp/a.log"
    );
    assert_eq!(xds(&bootstrap)["pipe"]["path"], "/run/x.sock");
    assert_eq!(bootstrap["stats_flush_interval"], Value::Null);
    let text = bootstrap.to_string();
    assert!(
        text.contains("envoy_ready_listener")
            && text.contains("t0ken")
            && !text.contains("\"consul.custom_hash\""),
        "{text}"
    );
}

#[test]
fn a_proxy_of_another_node_comes_from_the_catalog() {
    let bootstrap = bootstrap("-node-name n1 -proxy-id web-sidecar-proxy");
    assert_eq!(bootstrap["node"]["metadata"]["node_name"], "n1");
    assert!(bootstrap.to_string().contains("dc7"));
}

#[test]
fn what_no_bootstrap_can_be_made_of_is_refused() {
    let agent = agent();
    for (arguments, said) in [
        ("", "No proxy ID specified"),
        (
            "-sidecar-for ghost",
            "No sidecar proxy registered for ghost",
        ),
        (
            "-sidecar-for twin",
            "More than one sidecar proxy registered for twin.",
        ),
        ("-proxy-id ghost", "not registered"),
        ("-proxy-id web", "not a Connect proxy or gateway"),
        ("-node-name n1", "requires '-proxy-id'"),
        ("-node-name n1 -proxy-id ghost", "not registered"),
        ("-sidecar-for web -admin-bind nowhere", "admin bind"),
        ("-sidecar-for web -admin-bind 127.0.0.1", "admin bind"),
        ("-sidecar-for web -grpc-addr nonsense", "gRPC address"),
        (
            "-sidecar-for web -grpc-addr https://127.0.0.1:1 -grpc-ca-file /no/such",
            "/no/such",
        ),
        (
            "-sidecar-for web -grpc-addr https://127.0.0.1:1 -grpc-ca-path /no/such",
            "/no/such",
        ),
        ("-sidecar-for web -grpc-addr https://127.0.0.1:1", "CA"),
        (
            "-sidecar-for web -prometheus-ca-file ca.pem",
            "-prometheus-cert-file",
        ),
        ("-sidecar-for web -bogus", "-bogus"),
    ] {
        let run = agent.run(&format!("connect envoy -bootstrap {arguments}"));
        assert_eq!((run.code, run.out.as_str()), (1, ""), "{arguments}");
        assert!(run.err.contains(said), "{arguments}: {}", run.err);
    }
}

#[test]
fn an_envoy_that_cannot_be_started_is_named() {
    let run = agent().run("connect envoy -sidecar-for web -envoy-binary /no/such/envoy");
    assert_eq!(run.code, 1);
    assert!(
        run.err.contains("Failed to start /no/such/envoy"),
        "{}",
        run.err
    );
    let run = agent().run("connect envoy -sidecar-for web");
    assert!(run.err.contains("-envoy-binary"), "{}", run.err);
}
