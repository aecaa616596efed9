//! Whole documents, as golden files. `UPDATE_GOLDEN=1` rewrites them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde_json::{Value, json};
use tribune_bootstrap::{
    AgentAddress, Bind, Parameters, Prometheus, PrometheusTls, TrustedCa, render,
};
use tribune_testkit::golden;
use tribune_types::proxy::AccessLogs;

/// A sidecar's parameters as the command line gives them with no flags but the service's name.
fn sidecar(service: &str, config: Value) -> Parameters {
    let Value::Object(config) = config else {
        panic!("settings are an object")
    };
    Parameters {
        proxy_id: format!("{service}-sidecar-proxy"),
        proxy_cluster: service.to_owned(),
        source_service: service.to_owned(),
        node_name: None,
        datacenter: "dc1".to_owned(),
        token: "".into(),
        agent: AgentAddress::Tcp {
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 8502,
        },
        agent_tls: false,
        agent_ca: String::new(),
        admin: SocketAddr::from(([127, 0, 0, 1], 19000)),
        admin_access_log_path: "/dev/null".to_owned(),
        access_logs: AccessLogs::default(),
        config,
        omit_deprecated_tags: true,
        ready: None,
        prometheus: Prometheus::default(),
        environment: [("HOST_IP", "10.0.0.9"), ("DOG", "udp://10.0.0.8:8125")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
    }
}

#[track_caller]
fn check(name: &str, parameters: &Parameters) {
    let document = render(parameters).expect("the parameters are sound");
    golden::check_json(format!("tests/golden/{name}.json"), &document);
}

#[track_caller]
fn refused(config: Value) -> String {
    render(&sidecar("till", config))
        .expect_err("the settings are unsound")
        .to_string()
}

#[test]
fn a_sidecar_with_nothing_set() {
    check(
        "sidecar",
        &Parameters {
            omit_deprecated_tags: false,
            ..sidecar("till", json!({}))
        },
    );
}

#[test]
fn a_sidecar_of_the_catalog_with_token_admin_and_readiness() {
    let parameters = Parameters {
        node_name: Some("node-1".to_owned()),
        token: "secret-1".into(),
        admin: SocketAddr::from(([127, 0, 0, 9], 19005)),
        admin_access_log_path: "/tmp/adm.log".to_owned(),
        ready: Some(Bind {
            host: "127.0.0.1".to_owned(),
            port: 21007,
        }),
        ..sidecar("till", json!({}))
    };
    check("token-admin-ready", &parameters);
}

#[test]
fn metrics_are_sent_with_the_proxys_own_tags() {
    let tags = [
        "team=red",
        "consul.destination.service=mine",
        "Bare",
        "local_cluster=lc",
    ];
    let config = json!({"envoy_statsd_url": "udp://10.1.2.3:8125", "envoy_stats_tags": tags});
    check("statsd", &sidecar("statsd", config));
}

#[test]
fn metrics_addresses_may_come_from_the_environment() {
    let config = json!({
        "envoy_statsd_url": "udp://${HOST_IP}:9125", "envoy_dogstatsd_url": "$DOG", "envoy_stats_flush_interval": "7s",
    });
    check("environment", &sidecar("dog", config));
    let error = refused(json!({"envoy_statsd_url": "$NOT_SET"}));
    assert_eq!(
        error,
        "envoy_statsd_url: the environment variable NOT_SET is not set"
    );
    // Other variables are not looked up inside an address.
    let error = refused(json!({"envoy_statsd_url": "udp://${PATH}"}));
    assert!(error.ends_with("found \"udp://${PATH}\""), "{error}");
}

#[test]
fn static_extras_sinks_and_tracing_are_taken_as_they_are() {
    let config = json!({
        "envoy_tracing_json": r#"{"http": {"name": "envoy.tracers.zipkin"}}"#,
        "envoy_extra_static_clusters_json": r#"{"name": "zip", "type": "STATIC"}"#,
        "envoy_extra_static_listeners_json": r#"{"name": "lst"}"#,
        "envoy_extra_stats_sinks_json": r#"{"name": "sink1"}, {"name": "sink2"}"#,
        "envoy_stats_config_json": r#"{"use_all_default_tags": false}"#,
        "envoy_stats_tags": ["a=b"],
    });
    check("extras", &sidecar("trace", config));
}

#[test]
fn prometheus_reads_metrics_over_tls_from_its_backend() {
    let tls = PrometheusTls {
        ca: TrustedCa::File("ca.pem".to_owned()),
        cert_file: "cert.pem".to_owned(),
        key_file: "key.pem".to_owned(),
    };
    let config = json!({"envoy_prometheus_bind_addr": "0.0.0.0:9102", "envoy_stats_bind_addr": "127.0.0.1:9103"});
    let prometheus = Prometheus {
        backend_port: Some(20100),
        scrape_path: "/scrape".to_owned(),
        tls: Some(tls.clone()),
    };
    let mut parameters = Parameters {
        prometheus,
        ..sidecar("prom", config)
    };
    check("prometheus-tls", &parameters);
    parameters.prometheus.tls = Some(PrometheusTls {
        ca: TrustedCa::Folder("cas".to_owned()),
        ..tls
    });
    let document = render(&parameters).expect("a folder is as good as a file");
    let context = &document["static_resources"]["secrets"][1]["validationContext"];
    assert_eq!(*context, json!({"watchedDirectory": {"path": "cas"}}));
}

#[test]
fn the_telemetry_collector_is_reached_through_a_socket_of_its_own() {
    let config = json!({"envoy_telemetry_collector_bind_socket_dir": "/tmp/coll"});
    check("collector", &sidecar("coll", config));
    // Where metrics go elsewhere too, Envoy's own interval stays.
    let config = json!({"envoy_telemetry_collector_bind_socket_dir": "/tmp/coll", "envoy_statsd_url": "udp://127.0.0.1:1"});
    let document = render(&sidecar("collflush", config)).expect("the settings are sound");
    assert!(document.get("stats_flush_interval").is_none());
    assert_eq!(document["stats_sinks"].as_array().map(Vec::len), Some(2));
}

#[test]
fn the_agent_is_reached_over_tls_and_unix_sockets() {
    let agent = AgentAddress::Unix {
        path: "/var/run/c.sock".to_owned(),
    };
    let parameters = Parameters {
        agent,
        agent_tls: true,
        agent_ca: "PEM\n".to_owned(),
        ..sidecar("till", json!({}))
    };
    check("agent-unix-tls", &parameters);
    let without = Parameters {
        agent_ca: String::new(),
        ..parameters
    };
    assert!(
        render(&without)
            .expect_err("TLS without a CA verifies nobody")
            .to_string()
            .contains("needs a CA")
    );
}

#[test]
fn the_administration_interface_logs_as_the_mesh_does() {
    let on = AccessLogs {
        enabled: true,
        ..AccessLogs::default()
    };
    let log = |access_logs: AccessLogs| {
        let parameters = Parameters {
            access_logs,
            ..sidecar("till", json!({}))
        };
        render(&parameters).map(|document| document["admin"]["access_log"][0].clone())
    };
    golden::check_json(
        "tests/golden/access-log.json",
        &log(on.clone()).expect("the defaults are sound"),
    );
    let text = log(AccessLogs {
        r#type: "stderr".into(),
        text_format: "%DURATION%".into(),
        ..on.clone()
    })
    .expect("text is sound");
    assert_eq!(
        text["typed_config"]["log_format"],
        json!({"text_format_source": {"inline_string": "%DURATION%\n"}})
    );
    let file = log(AccessLogs {
        r#type: "file".into(),
        path: "/l".into(),
        json_format: r#"{"a": "%B%"}"#.into(),
        ..on.clone()
    })
    .expect("a file is sound");
    assert_eq!(file["typed_config"]["path"], "/l");
    assert_eq!(
        file["typed_config"]["log_format"],
        json!({"json_format": {"a": "%B%"}})
    );
    assert!(
        log(AccessLogs {
            json_format: "{".into(),
            ..on
        })
        .is_err()
    );
}

#[test]
fn settings_that_cannot_be_honoured_are_named() {
    for (key, value, expected) in [
        (
            "envoy_stats_bind_addr",
            json!("nowhere"),
            "expected an address like 0.0.0.0:9102, found \"nowhere\"",
        ),
        (
            "envoy_prometheus_bind_addr",
            json!(9102),
            "expected an address like 0.0.0.0:9102, found \"9102\"",
        ),
        (
            "envoy_statsd_url",
            json!("tcp://1.2.3.4:5"),
            "expected udp://HOST:PORT or unix:///PATH, found \"tcp://1.2.3.4:5\"",
        ),
        (
            "envoy_dogstatsd_url",
            json!("udp://x"),
            "expected udp://HOST:PORT or unix:///PATH, found \"udp://x\"",
        ),
        (
            "envoy_extra_static_clusters_json",
            json!("{"),
            "not valid JSON: ",
        ),
        (
            "envoy_extra_static_listeners_json",
            json!("1"),
            "not valid JSON: ",
        ),
        ("envoy_tracing_json", json!({"a": 1}), "expected a string"),
        (
            "envoy_stats_tags",
            json!([["a"]]),
            "expected a list of strings",
        ),
        (
            "envoy_bootstrap_json_tpl",
            json!("{{ nope"),
            "an action is not closed with }}",
        ),
        (
            "envoy_bootstrap_json_tpl",
            json!("{{ .Nope }}"),
            "there is no field .Nope",
        ),
        (
            "envoy_bootstrap_json_tpl",
            json!("{{ if .Token }}"),
            "{{ if .Token }}: only fields like {{ .ProxyID }} are supported",
        ),
        (
            "envoy_bootstrap_json_tpl",
            json!("{{ .ProxyID }}"),
            "what it makes is not valid JSON: ",
        ),
    ] {
        let error = refused(json!({key: value}));
        assert!(error.starts_with(&format!("{key}: {expected}")), "{error}");
    }
}

#[test]
fn blank_and_single_settings_stand_for_none_and_lists() {
    let config = json!({
        "envoy_statsd_url": " ", "envoy_stats_bind_addr": "", "envoy_tracing_json": null, "envoy_stats_tags": "one",
    });
    let document = render(&sidecar("till", config)).expect("the settings are sound");
    assert!(document.get("stats_sinks").is_none() && document.get("tracing").is_none());
    assert_eq!(
        document["stats_config"]["stats_tags"][0],
        json!({"tag_name": "one", "fixed_value": "1"})
    );
}

#[test]
fn a_template_is_filled_in_and_cannot_be_broken_out_of() {
    let template = r#"{"id": "{{ .ProxyID }}",{{- /* note */ -}}
        "token": "{{.Token}}", "port": {{ .AdminBindPort }}, "agent": "{{ .GRPC.AgentAddress }}",
        "listeners": [{{ .StaticListenersJSON }}], "stats": {{ .StatsConfigJSON }}}"#;
    let config = json!({
        "envoy_bootstrap_json_tpl": template, "envoy_stats_config_json": "{}",
        "envoy_extra_static_listeners_json": r#"{"name": "a"}, {"name": "b"}"#,
    });
    let parameters = Parameters {
        token: "a\", \"b\": \"".into(),
        ..sidecar("till", config)
    };
    assert_eq!(
        render(&parameters).expect("the template is sound"),
        json!({
            "id": "till-sidecar-proxy", "token": "a\", \"b\": \"", "port": 19000, "agent": "127.0.0.1",
            "listeners": [{"name": "a"}, {"name": "b"}], "stats": {},
        })
    );
}

#[test]
fn a_static_cluster_for_the_administration_interface_is_not_added_twice() {
    let config = json!({
        "envoy_extra_static_clusters_json": r#"{"name": "self_admin"}"#, "envoy_stats_bind_addr": "[::1]:9103",
    });
    let document = render(&sidecar("till", config)).expect("the settings are sound");
    assert_eq!(
        document["static_resources"]["clusters"]
            .as_array()
            .map(Vec::len),
        Some(2)
    );
    let address = &document["static_resources"]["listeners"][0]["address"]["socket_address"];
    assert_eq!(*address, json!({"address": "::1", "port_value": 9103}));
}
