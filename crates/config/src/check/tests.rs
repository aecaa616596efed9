use std::net::IpAddr;
use std::time::Duration;

use serde_json::json;
use tribune_hcl::Format;

use crate::{Bootstrap, Config, DefaultPolicy, FLAGS, Loaded, LogLevel, Machine, Source, load};

fn machine(dev: bool) -> Machine {
    Machine {
        dev,
        host_name: "box".to_owned(),
        private_address: Some(IpAddr::from([10, 0, 0, 7])),
    }
}

fn loaded(sources: &[Source], dev: bool) -> Loaded {
    load(sources, &machine(dev)).unwrap()
}

/// A file of its own, beside what every configuration needs.
fn config(text: &str) -> Config {
    let needed = Source::file("needed.hcl", "data_dir = \"/tmp/x\"", None);
    loaded(&[needed, Source::file("own.hcl", text, None)], false).config
}

fn refused(text: &str) -> String {
    let needed = Source::file("needed.hcl", "data_dir = \"/tmp/x\"", None);
    let sources = [needed, Source::file("own.hcl", text, None)];
    load(&sources, &machine(false)).unwrap_err().to_string()
}

fn flag(name: &str, value: &str) -> Source {
    Source::flag(FLAGS.iter().find(|flag| flag.name == name).unwrap(), value)
}

#[test]
fn defaults_are_those_of_consul() {
    let config = config("");
    assert_eq!((config.server, config.bootstrap), (false, Bootstrap::Join));
    assert_eq!(
        (config.datacenter.as_str(), config.node_name.as_str()),
        ("dc1", "box")
    );
    assert_eq!(config.bind, IpAddr::from([0, 0, 0, 0]));
    assert_eq!(config.advertise, IpAddr::from([10, 0, 0, 7]));
    assert_eq!(config.http_listeners, ["127.0.0.1:8500".parse().unwrap()]);
    assert!(config.grpc_listeners.is_empty());
    assert_eq!(
        (config.ports.dns, config.ports.server, config.ports.serf_lan),
        (Some(8600), 8300, 8301)
    );
    assert_eq!(config.ports.sidecar, Some((21_000, 21_255)));
    assert_eq!(config.ports.expose, Some((21_500, 21_755)));
    assert!(config.connect.enabled && config.peering_enabled && config.allows_by_default());
    assert_eq!(config.limits.http_max_conns_per_client, 200);
    assert_eq!(config.queries.max_wait, Duration::from_secs(600));
    assert_eq!(config.log_level, LogLevel::Info);
}

#[test]
fn development_mode_is_a_server_on_the_loopback_interface_without_a_folder() {
    let config = loaded(&[], true).config;
    assert!(config.dev && config.server && config.data_dir.is_none());
    assert_eq!(config.bootstrap, Bootstrap::Alone);
    assert_eq!(config.advertise, IpAddr::from([127, 0, 0, 1]));
    assert_eq!(config.grpc_listeners, ["127.0.0.1:8502".parse().unwrap()]);
    assert_eq!(config.log_level, LogLevel::Debug);
    let config = loaded(
        &[flag("grpc-port", "9502"), flag("log-level", "WARN")],
        true,
    )
    .config;
    assert_eq!(
        (config.ports.grpc, config.log_level),
        (Some(9502), LogLevel::Warn)
    );
}

#[test]
fn later_sources_win_lists_append_and_maps_merge() {
    let first = "data_dir = \"/a\" datacenter = \"One\" node_meta { a = \"1\" b = \"1\" }
        http_config { block_endpoints = [\"/a\"] } service { name = \"web\" port = 1 }
        ports { http = 1 dns = -1 } connect { ca_config { favourite = \"oak\" leaf_cert_ttl = \"2h\" } }";
    let second = r#"{"datacenter": "Two", "node_meta": {"b": 2}, "http_config": {"block_endpoints": "/b"},
        "services": [{"Name": "api"}], "ports": {"http": "2"}, "connect": {"ca_config": {"LeafCertTTL": "3h"}}}"#;
    let sources = [
        Source::file("a.hcl", first, None),
        Source::file("b.json", second, Some(Format::Json)),
        flag("node-meta", "c:3"),
        flag("node", "n-1"),
    ];
    let config = loaded(&sources, false).config;
    assert_eq!(config.datacenter, "two");
    assert_eq!(config.node_name, "n-1");
    assert_eq!(
        config.node_meta.into_iter().collect::<Vec<_>>(),
        [("a", "1"), ("b", "2"), ("c", "3")].map(|(k, v)| (k.to_owned(), v.to_owned()))
    );
    assert_eq!(config.http.block_endpoints, ["/a", "/b"]);
    assert_eq!((config.ports.http, config.ports.dns), (Some(2), None));
    let names: Vec<&str> = config.services.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(names, ["web", "api"]);
    assert_eq!(config.connect.ca_config["favourite"], json!("oak"));
    assert_eq!(config.connect.ca_config["LeafCertTTL"], json!("3h"));
    assert!(!config.connect.ca_config.contains_key("leaf_cert_ttl"));
    assert_eq!(config.connect.ca_config["RootCertTTL"], json!("87600h"));
}

#[test]
fn what_drivers_and_operators_write_is_taken() {
    let text = r#"{"node_name": "dc1-node", "node_id": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "datacenter": "dc1",
        "server": true, "bootstrap": true, "bind_addr": "127.0.0.1", "client_addr": "127.0.0.1 ::1",
        "advertise_addr": "127.0.0.1", "data_dir": "/tmp/x", "disable_update_check": true, "log_level": "debug",
        "performance": {"raft_multiplier": 1}, "peering": {"enabled": true},
        "connect": {"enabled": true, "ca_config": {"cluster_id": "11111111-2222-3333-4444-555555555555",
            "csr_max_per_second": 0, "csr_max_concurrent": 0}},
        "limits": {"http_max_conns_per_client": 10000, "rpc_rate": -1, "request_limits": {"mode": "disabled"}},
        "xds": {"update_max_per_second": -1},
        "ports": {"dns": -1, "http": 1, "https": -1, "grpc": 2, "grpc_tls": 3, "server": 4, "serf_lan": 5, "serf_wan": 6}}"#;
    let loaded = loaded(&[Source::file("agent.json", text, None)], false);
    let config = loaded.config;
    assert!(config.server);
    assert_eq!(config.bootstrap, Bootstrap::Alone);
    assert_eq!(config.raft.multiplier, 1);
    assert_eq!(
        config.http_listeners,
        ["127.0.0.1:1", "[::1]:1"].map(|text| text.parse().unwrap())
    );
    assert_eq!(
        config.connect.cluster_id.as_deref(),
        Some("11111111-2222-3333-4444-555555555555")
    );
    assert_eq!(config.connect.ca_config["CSRMaxPerSecond"], json!(0));
    assert_eq!(
        loaded.notices,
        ["ports.grpc_tls: nothing listens there yet"]
    );
}

#[test]
fn definitions_come_out_typed() {
    let config = config(
        "service { name = \"web\" port = 8080 connect { sidecar_service { proxy { upstreams { destination_name = \"db\" local_bind_port = 9191 config { connect_timeout_ms = 5 limits { max_connections = 3 } } } } } } }
         check { id = \"c\" name = \"n\" ttl = \"1h\" }
         config_entries { bootstrap { kind = \"service-defaults\" name = \"db\" protocol = \"http\" } bootstrap { Kind = \"proxy-defaults\" Name = \"global\" config { x = 1 } } }",
    );
    let sidecar = config.services[0]
        .connect
        .as_ref()
        .unwrap()
        .sidecar_service
        .as_ref()
        .unwrap();
    let upstream = &sidecar.proxy.as_ref().unwrap().upstreams[0];
    assert_eq!(upstream.local_bind_port, 9191);
    assert_eq!(
        upstream.config["limits"],
        json!({"max_connections": 3}),
        "a single block is an object"
    );
    assert_eq!(config.checks[0].name, "n");
    assert_eq!(config.config_entries.len(), 2);
}

#[test]
fn mistakes_are_named_with_file_place_and_key() {
    for (text, expected) in [
        (
            "\nflavour = 1",
            "own.hcl: line 2, column 1: flavour: unknown key",
        ),
        (
            "data_dri = 1",
            "own.hcl: line 1, column 1: data_dri: unknown key; did you mean `data_dir`?",
        ),
        (
            "ports { htpt = 1 }",
            "own.hcl: line 1, column 9: ports.htpt: unknown key; did you mean `ports.http`?",
        ),
        (
            "recursors = [\"1.1.1.1\"]",
            "own.hcl: line 1, column 1: recursors: this key of Consul's is not supported yet",
        ),
        (
            "enable_syslog = true",
            "own.hcl: line 1, column 1: enable_syslog: this key of Consul's is not supported yet: nothing is written to syslog; ",
        ),
        (
            "auto_encrypt { tls = true }",
            "own.hcl: line 1, column 16: auto_encrypt.tls: this key of Consul's is not supported yet: servers do not sign",
        ),
        (
            "auto_config { enabled = true }",
            "own.hcl: line 1, column 15: auto_config.enabled: this key of Consul's is not supported yet: agents are not",
        ),
        (
            "tls { defaults { ca_fiel = \"x\" } }",
            "own.hcl: line 1, column 18: tls.defaults.ca_fiel: unknown key; did you mean `tls.defaults.ca_file`?",
        ),
        (
            "ports = 5",
            "own.hcl: line 1, column 1: ports: expected a section with keys, found the number 5",
        ),
        (
            "server = \"yes\"",
            "own.hcl: line 1, column 10: server: expected true or false, found the string \"yes\"",
        ),
        (
            "server = \n{",
            "own.hcl: line 2, column 2: expected the `}` that closes the `{` at line 2, column 1, found the end of the text",
        ),
        (
            "service { name = \"a\" prot = 1 }",
            "own.hcl: line 1, column 22: unknown field \"prot\"; did you mean `Port`?",
        ),
        (
            "config_entries { bootstrap { kind = \"magic\" } }",
            "own.hcl: line 1, column 28: config_entries.bootstrap: ",
        ),
        (
            "config_entries { bootstrap { kind = \"proxy-defaults\" name = \"other\" } }",
            "own.hcl: line 1, column 28: config_entries.bootstrap: ",
        ),
        ("[1]", "own.hcl: expected keys and values, found a list"),
    ] {
        assert!(refused(text).starts_with(expected), "{}", refused(text));
    }
    let error = load(&[flag("http-port", "x")], &machine(true)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "-http-port: ports.http: expected a whole number from -9223372036854775808 to 9223372036854775807, found the string \"x\""
    );
}

#[test]
fn keys_that_switch_something_off_are_no_request_for_it() {
    config(
        "tls { defaults { verify_incoming = false } } encrypt = \"\" retry_join = [] auto_encrypt { tls = false }",
    );
}

#[test]
fn rules_of_the_whole_are_all_reported() {
    let error = refused("bind_addr = \"nowhere\" datacenter = \"a b\" ports { http = 65536 }");
    assert_eq!(
        error.lines().collect::<Vec<_>>(),
        [
            "bind_addr: \"nowhere\" is not an IP address",
            "ports.http: 65536 is not a port: they end at 65535",
            "datacenter: \"a b\" is not made of lower-case letters, digits, - and _",
        ]
    );
}

fn assert_refused(text: &str, key: &str) {
    let said = refused(text);
    assert!(said.starts_with(&format!("{key}: ")), "{text}: {said}");
}

#[test]
fn broken_rules_of_a_cluster_are_named_by_their_key() {
    for (text, key) in [
        ("retry_join = [\"provider=aws tag_key=x\"]", "retry_join"),
        ("retry_join = [\"{{ GetPrivateIP }}\"]", "retry_join"),
        ("retry_join = [\"\"]", "retry_join"),
        ("retry_max = -1", "retry_max"),
        ("retry_interval = \"0s\"", "retry_interval"),
        ("server_rejoin_age_max = \"5h\"", "server_rejoin_age_max"),
        ("reconnect_timeout = \"-1h\"", "reconnect_timeout"),
        ("encrypt = \"not base64!\"", "encrypt"),
        ("encrypt = \"c2hvcnQ=\"", "encrypt"),
        ("encrypt = \"MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz\"", "encrypt"),
        ("serf_lan = \"everywhere\"", "serf_lan"),
        (
            "serf_lan_allowed_cidrs = [\"10.0.0.0\"]",
            "serf_lan_allowed_cidrs",
        ),
        ("gossip_lan { gossip_nodes = 0 }", "gossip_lan.gossip_nodes"),
        (
            "gossip_lan { probe_interval = \"0s\" }",
            "gossip_lan.probe_interval",
        ),
        (
            "gossip_lan { probe_timeout = \"2s\" }",
            "gossip_lan.probe_timeout",
        ),
        ("raft_protocol = 2", "raft_protocol"),
        ("protocol = 4", "protocol"),
        ("raft_snapshot_threshold = 0", "raft_snapshot_threshold"),
        ("raft_trailing_logs = -5", "raft_trailing_logs"),
        ("raft_snapshot_interval = \"0s\"", "raft_snapshot_interval"),
        (
            "performance { raft_multiplier = 0 }",
            "performance.raft_multiplier",
        ),
        (
            "performance { raft_multiplier = 11 }",
            "performance.raft_multiplier",
        ),
        (
            "performance { grpc_keepalive_interval = \"10ms\" }",
            "performance.grpc_keepalive_interval",
        ),
        (
            "performance { leave_drain_time = \"-1s\" }",
            "performance.leave_drain_time",
        ),
        (
            "autopilot { max_trailing_logs = -1 }",
            "autopilot.max_trailing_logs",
        ),
        ("autopilot { min_quorum = -1 }", "autopilot.min_quorum"),
        (
            "limits { rpc_max_conns_per_client = -1 }",
            "limits.rpc_max_conns_per_client",
        ),
        (
            "limits { request_limits { mode = \"enforcing\" } }",
            "limits.request_limits.mode",
        ),
        (
            "limits { request_limits { mode = \"often\" } }",
            "limits.request_limits.mode",
        ),
        ("log_rotate_max_files = -2", "log_rotate_max_files"),
        ("log_rotate_bytes = -1", "log_rotate_bytes"),
    ] {
        assert_refused(text, key);
    }
}

#[test]
fn broken_rules_of_tls_are_named_by_their_key() {
    for (text, key) in [
        (
            "tls { internal_rpc { cert_file = \"c\" } }",
            "tls.internal_rpc.key_file",
        ),
        ("tls { https { key_file = \"k\" } }", "tls.https.cert_file"),
        (
            "tls { internal_rpc { verify_incoming = true cert_file = \"c\" key_file = \"k\" } }",
            "tls.internal_rpc.verify_incoming",
        ),
        (
            "tls { internal_rpc { verify_incoming = true ca_file = \"c\" } }",
            "tls.internal_rpc.verify_incoming",
        ),
        (
            "tls { internal_rpc { verify_outgoing = true } }",
            "tls.internal_rpc.verify_outgoing",
        ),
        (
            "tls { grpc { verify_outgoing = true ca_file = \"c\" } }",
            "tls.grpc.verify_outgoing",
        ),
        (
            "tls { https { verify_server_hostname = true } }",
            "tls.https.verify_server_hostname",
        ),
        (
            "tls { internal_rpc { use_auto_cert = true } }",
            "tls.internal_rpc.use_auto_cert",
        ),
        (
            "tls { internal_rpc { tls_min_version = \"SSLv3\" } }",
            "tls.internal_rpc.tls_min_version",
        ),
        (
            "tls { grpc { tls_cipher_suites = \"TLS_RSA\" } }",
            "tls.grpc.tls_cipher_suites",
        ),
    ] {
        assert_refused(text, key);
    }
}

#[test]
fn broken_rules_are_named_by_their_key() {
    for (text, key) in [
        ("bind_addr = \"10.0.0.1 10.0.0.2\"", "bind_addr"),
        ("bind_addr = \"{{ GetPrivateIP }}\"", "bind_addr"),
        ("client_addr = \"unix:///x\"", "client_addr"),
        ("advertise_addr = \"0.0.0.0\"", "advertise_addr"),
        ("ports { http = 8500 https = 8500 }", "ports.https"),
        ("ports { server = 0 }", "ports.server"),
        ("ports { serf_lan = -1 }", "ports.serf_lan"),
        (
            "ports { sidecar_min_port = 22000 }",
            "ports.sidecar_min_port",
        ),
        ("bootstrap = true", "bootstrap"),
        ("bootstrap_expect = 3", "bootstrap_expect"),
        (
            "server = true bootstrap = true bootstrap_expect = 1",
            "bootstrap_expect",
        ),
        ("bootstrap_expect = -1", "bootstrap_expect"),
        ("node_name = \" \"", "node_name"),
        ("node_name = \"a\\u0007b\"", "node_name"),
        ("node_id = \"xyz\"", "node_id"),
        ("acl { enabled = true }", "acl.enabled"),
        ("acl { default_policy = \"maybe\" }", "acl.default_policy"),
        (
            "default_intention_policy = \"maybe\"",
            "default_intention_policy",
        ),
        ("primary_datacenter = \"dc9\"", "primary_datacenter"),
        ("domain = \"mesh.internal\"", "domain"),
        (
            "enable_central_service_config = false",
            "enable_central_service_config",
        ),
        ("log_level = \"loud\"", "log_level"),
        ("check_output_max_size = 0", "check_output_max_size"),
        ("max_query_time = \"-1s\"", "max_query_time"),
        (
            "limits { http_max_conns_per_client = -1 }",
            "limits.http_max_conns_per_client",
        ),
        (
            "http_config { allow_write_http_from = [\"10.0.0.0/33\"] }",
            "http_config.allow_write_http_from",
        ),
        ("connect { ca_provider = \"nope\" }", "connect.ca_provider"),
        ("connect { ca_provider = \"Vault\" }", "connect.ca_provider"),
        (
            "connect { ca_config { cluster_id = \"x\" } }",
            "connect.ca_config.cluster_id",
        ),
        (
            "connect { ca_config { leaf_cert_ttl = \"soon\" } }",
            "connect.ca_config.LeafCertTTL",
        ),
        (
            "connect { ca_config { leaf_cert_ttl = \"59m\" } }",
            "connect.ca_config.LeafCertTTL",
        ),
        (
            "connect { ca_config { root_cert_ttl = \"1h\" } }",
            "connect.ca_config.RootCertTTL",
        ),
        (
            "connect { ca_config { intermediate_cert_ttl = \"200h\" } }",
            "connect.ca_config.IntermediateCertTTL",
        ),
    ] {
        assert_refused(text, key);
    }
    let error = load(&[], &machine(false)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "data_dir: it must be set, except with -dev"
    );
    let alone = Machine {
        private_address: None,
        ..machine(false)
    };
    let error = load(&[flag("data-dir", "/x")], &alone).unwrap_err();
    assert!(error.to_string().starts_with("advertise_addr: "), "{error}");
}

#[test]
fn short_leaf_certificates_are_for_development_only() {
    let text = "connect { ca_config { leaf_cert_ttl = \"10s\" } }";
    let dev = loaded(&[Source::file("own.hcl", text, None)], true).config;
    assert_eq!(dev.connect.min_leaf_cert_ttl, Duration::from_secs(10));
    assert!(refused(text).contains("it must be at least 1h0m0s"));
    let error = load(
        &[Source::file("own.hcl", text.replace("10s", "9s"), None)],
        &machine(true),
    );
    assert!(error.is_err());
}

#[test]
fn the_default_for_intentions_is_to_allow() {
    assert!(config("default_intention_policy = \"allow\"").allows_by_default());
    let deny = config("default_intention_policy = \"deny\"");
    assert_eq!(deny.default_intention_policy, Some(DefaultPolicy::Deny));
    assert!(!deny.allows_by_default());
}

#[test]
fn secrets_are_not_printed() {
    let text = "acl { tokens { agent = \"s3cret\" } } service { name = \"web\" token = \"s3cret\" }
        connect { ca_config { private_key = \"s3cret\" } }";
    let source = Source::file("own.hcl", text, None);
    assert!(!format!("{source:?}").contains("s3cret"));
    let loaded = loaded(&[source], true);
    assert_eq!(loaded.config.tokens.agent.secret(), "s3cret");
    assert!(!format!("{loaded:?}").contains("s3cret"));
}

fn notices(text: &str) -> Vec<String> {
    let needed = Source::file("needed.hcl", "data_dir = \"/tmp/x\"", None);
    loaded(&[needed, Source::file("own.hcl", text, None)], false).notices
}

#[test]
fn a_server_says_how_it_comes_to_a_cluster() {
    for (text, expected, notice) in [
        ("server = true", Bootstrap::Join, ""),
        ("", Bootstrap::Join, ""),
        ("server = true bootstrap = true", Bootstrap::Alone, ""),
        ("server = true bootstrap_expect = 1", Bootstrap::Alone, ""),
        (
            "server = true bootstrap_expect = 3",
            Bootstrap::Expect(3),
            "",
        ),
        (
            "server = true bootstrap_expect = 2",
            Bootstrap::Expect(2),
            "bootstrap_expect: a cluster of 2 servers stops when either fails; use 1 or 3",
        ),
        (
            "server = true bootstrap_expect = 4",
            Bootstrap::Expect(4),
            "bootstrap_expect: 4 servers survive no more failures than 3 do",
        ),
    ] {
        assert_eq!(config(text).bootstrap, expected, "{text}");
        let expected: Vec<&str> = Some(notice).filter(|n| !n.is_empty()).into_iter().collect();
        assert_eq!(notices(text), expected, "{text}");
    }
    let dev = load(&[flag("bootstrap-expect", "1")], &machine(true)).unwrap_err();
    assert!(dev.to_string().starts_with("bootstrap_expect: "), "{dev}");
}

#[test]
fn servers_and_clients_leave_differently_unless_told() {
    for (text, on_terminate, on_interrupt) in [
        ("", true, true),
        ("server = true", false, false),
        ("leave_on_terminate = false", false, true),
        ("skip_leave_on_interrupt = true", true, false),
        ("server = true leave_on_terminate = true", true, false),
        ("server = true skip_leave_on_interrupt = false", false, true),
    ] {
        let join = config(text).join;
        assert_eq!(
            (join.leave_on_terminate, join.leave_on_interrupt),
            (on_terminate, on_interrupt),
            "{text}"
        );
    }
}

#[test]
fn what_makes_a_cluster_is_read() {
    let key = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
    let text = format!(
        "server = true bootstrap_expect = 3 encrypt = \"{key}\" retry_join = [\"10.0.0.1\", \"a:8301\"]
         retry_interval = \"1s\" retry_max = 7 serf_lan = \"10.0.0.9\" ports {{ serf_lan = 9301 }}
         serf_lan_allowed_cidrs = [\"10.0.0.0/8\", \"fd00::/8\"] gossip_lan {{ probe_interval = \"2s\" }}
         performance {{ raft_multiplier = 1 leave_drain_time = \"1s\" rpc_hold_timeout = \"3s\" }}
         raft_trailing_logs = 100 raft_snapshot_threshold = 200 raft_snapshot_interval = \"5s\"
         autopilot {{ cleanup_dead_servers = false min_quorum = 3 }} limits {{ rpc_rate = 2.5 }}"
    );
    let config = config(&text);
    assert_eq!(config.join.addresses, ["10.0.0.1", "a:8301"]);
    assert_eq!(
        (config.join.interval, config.join.max_attempts),
        (Duration::from_secs(1), 7)
    );
    let gossip = &config.gossip;
    assert_eq!(gossip.bind, "10.0.0.9:9301".parse().unwrap());
    assert_eq!(gossip.advertise, "10.0.0.7:9301".parse().unwrap());
    assert_eq!(gossip.key.as_ref().map(crate::GossipKey::reveal), Some(key));
    assert_eq!(gossip.allowed_networks.len(), 2);
    assert_eq!(gossip.probe_interval, Duration::from_secs(2));
    assert_eq!(config.raft.multiplier, 1);
    assert_eq!(
        (config.raft.trailing_logs, config.raft.snapshot_threshold),
        (100, 200)
    );
    assert!(!config.autopilot.cleanup_dead_servers && config.autopilot.min_quorum == 3);
    assert_eq!(config.patience.rpc_hold, Duration::from_secs(3));
    assert_eq!(config.limits.rpc_rate, Some(2.5));
    assert!(!format!("{gossip:?}").contains(key));
}

#[test]
fn what_a_tls_section_leaves_open_the_defaults_say() {
    let config = config(
        "tls { defaults { ca_file = \"ca\" cert_file = \"c\" key_file = \"k\" verify_incoming = true verify_outgoing = true }
               internal_rpc { verify_server_hostname = true cert_file = \"rpc\" }
               https { verify_incoming = false tls_min_version = \"TLSv1_3\" } }",
    );
    let tls = &config.tls;
    assert_eq!(tls.internal_rpc.cert_file.as_deref(), Some("rpc"));
    assert_eq!(tls.internal_rpc.ca_file.as_deref(), Some("ca"));
    assert!(tls.internal_rpc.verify_server_hostname && tls.internal_rpc.verify_outgoing);
    assert!(tls.internal_rpc.verify_incoming && !tls.https.verify_incoming);
    assert_eq!(tls.https.min_version, crate::TlsVersion::V1_3);
    assert!(tls.grpc.verify_incoming && !tls.grpc.verify_outgoing);
}

#[test]
fn keys_of_former_versions_are_taken_and_said_so() {
    let text = "start_join = [\"a\"] retry_join = [\"b\"] ca_file = \"ca\" cert_file = \"c\" key_file = \"k\"
        verify_incoming_rpc = true verify_server_hostname = true acl_enforce_version_8 = true
        acl { tokens { agent_master = \"old\" agent_recovery = \"new\" master = \"m\" } }";
    let config = config(text);
    assert_eq!(config.join.addresses, ["a", "b"]);
    assert!(config.tls.internal_rpc.verify_incoming && !config.tls.https.verify_incoming);
    assert!(config.tls.internal_rpc.verify_server_hostname);
    assert_eq!(
        config.tokens.agent_recovery.secret(),
        "new",
        "the key of now wins"
    );
    assert_eq!(config.tokens.initial_management.secret(), "m");
    let notices = notices(text);
    for notice in [
        "own.hcl: start_join is deprecated; write `retry_join`",
        "own.hcl: acl.tokens.agent_master is deprecated; write `acl.tokens.agent_recovery`",
        "own.hcl: acl_enforce_version_8 is deprecated and does nothing; remove it",
    ] {
        assert!(notices.iter().any(|n| n == notice), "{notice}: {notices:?}");
    }
    assert!(refused("acl_datacenter = \"dc1\"").starts_with("acl.enabled: "));
}

#[test]
fn log_files_rotate_as_told() {
    assert_eq!(config("").log_file, None);
    let file = config("log_file = \"/var/log/x/\"").log_file.unwrap();
    assert_eq!(
        (file.rotate_every, file.rotate_bytes, file.keep),
        (Duration::from_secs(86_400), None, None)
    );
    let text = "log_file = \"x\" log_rotate_duration = \"1h\" log_rotate_bytes = 10 log_rotate_max_files = ";
    let keep = |files: &str| config(&format!("{text}{files}")).log_file.unwrap().keep;
    assert_eq!((keep("3"), keep("-1"), keep("0")), (Some(3), Some(0), None));
    assert_eq!(
        notices("log_rotate_bytes = 10"),
        ["log_rotate_bytes does nothing without `log_file`"]
    );
}
