use serde_json::json;

use super::*;

mod api_gateway;
mod chains;
mod gateways;
mod providers;

/// Puts the fields of one object into another.
pub(super) fn merge(into: &mut Value, fields: Value) {
    if let (Value::Object(into), Value::Object(fields)) = (into, fields) {
        into.extend(fields);
    }
}

fn parse(kind: Kind, json: Value) -> Result<Entry, String> {
    Entry::try_from(Raw::deserialize(kind, json).unwrap()).map_err(|error| error.to_string())
}

/// What an entry prints, without the fields that every entry has.
fn printed(kind: Kind, json: Value) -> Value {
    let mut json = parse(kind, json).unwrap().to_json(1, 2);
    for (field, value) in [
        ("Kind", json!(kind.as_str())),
        ("CreateIndex", json!(1)),
        ("ModifyIndex", json!(2)),
    ] {
        assert_eq!(json.as_object_mut().unwrap().remove(field), Some(value));
    }
    assert_ne!(json.as_object_mut().unwrap().remove("Hash"), Some(json!(0)));
    json
}

/// Each row is refused with a text that has the second part in it.
fn refused(kind: Kind, rows: &[(Value, &str)]) {
    for (json, part) in rows {
        let error = parse(kind, json.clone()).unwrap_err();
        assert!(error.contains(part), "{json}: {error}");
    }
}

#[test]
fn kinds_are_named_to_the_letter() {
    for kind in Kind::ALL {
        assert_eq!(Kind::parse(kind.as_str()), Ok(kind));
    }
    assert_eq!(
        Kind::parse("control-plane-request-limit"),
        Err(UnknownKind::Enterprise(
            "control-plane-request-limit".to_owned()
        ))
    );
    assert_eq!(
        Kind::parse("Mesh"),
        Err(UnknownKind::Unknown("Mesh".to_owned()))
    );
}

#[test]
fn service_defaults_print_their_zeros_as_consul_does() {
    assert_eq!(
        printed(
            Kind::ServiceDefaults,
            json!({"Kind": "x", "Name": "till", "Hash": 7, "UpstreamConfig": {}})
        ),
        json!({"Name": "till", "Protocol": "", "Expose": {}, "MeshGateway": {}, "TransparentProxy": {}, "UpstreamConfig": {}})
    );
}

#[test]
fn service_defaults_are_normalised_and_print_durations_in_nanoseconds() {
    let upstreams = json!({
        "Defaults": {"Protocol": "GRPC", "ConnectTimeoutMs": -4, "Limits": {"MaxConnections": 0},
            "PassiveHealthCheck": {"Interval": "7s", "MaxFailures": -1, "MaxEjectionPercent": 100, "BaseEjectionTime": "1m30s"}},
        "Overrides": [{"Name": "bank", "Peer": "island", "EnvoyClusterJSON": "{}"}],
    });
    let entry = printed(
        Kind::ServiceDefaults,
        json!({"Name": "till", "Protocol": "HTTP2", "UpstreamConfig": upstreams}),
    );
    assert_eq!(entry["Protocol"], "http2");
    assert_eq!(
        entry["UpstreamConfig"],
        json!({
            "Defaults": {"Peer": "", "Protocol": "grpc", "Limits": {"MaxConnections": 0}, "MeshGateway": {},
                "PassiveHealthCheck": {"Interval": 7_000_000_000_i64, "MaxFailures": 4_294_967_295_u32,
                    "MaxEjectionPercent": 100, "BaseEjectionTime": 90_000_000_000_i64}},
            "Overrides": [{"Name": "bank", "Peer": "island", "EnvoyClusterJSON": "{}", "MeshGateway": {}}],
        })
    );
}

#[test]
fn service_defaults_that_break_a_rule_are_refused_with_the_field() {
    let with = |field: &str, value: Value| json!({"Name": "till", field: value});
    let defaults = |value: Value| with("UpstreamConfig", json!({"Defaults": value}));
    let destination = |addresses: Value, port: i64| {
        with("Destination", json!({"Addresses": addresses, "Port": port}))
    };
    refused(
        Kind::ServiceDefaults,
        &[
            (json!({}), "Name: is required"),
            (json!({"Name": "*"}), "Name: must be one name"),
            (json!({"Name": "a\u{7}"}), "control characters"),
            (
                json!({"Name": "n".repeat(10_000)}),
                "Name: exceeds maximum length 512",
            ),
            (
                with("Protocol", json!("kafka")),
                "Protocol: \"kafka\" is none of",
            ),
            (with("MutualTLSMode", json!("x")), "MutualTLSMode"),
            (
                with("RateLimits", json!({})),
                "RateLimits: is a Consul Enterprise feature",
            ),
            (
                with("BalanceInboundConnections", json!("fair")),
                "BalanceInboundConnections",
            ),
            (
                with("EnvoyExtensions", json!([{"Name": "lua"}])),
                "EnvoyExtensions[0].Name: \"lua\" is none of",
            ),
            (
                with("EnvoyExtensions", json!([{}])),
                "EnvoyExtensions[0].Name: is required",
            ),
            (
                with(
                    "EnvoyExtensions",
                    json!([{"Name": "builtin/lua", "EnvoyVersion": "new"}]),
                ),
                "EnvoyVersion",
            ),
            (
                with("UpstreamConfig", json!({"Overrides": [{"Name": "*"}]})),
                "Overrides[0].Name: must be one name",
            ),
            (
                defaults(json!({"Name": "db"})),
                "Defaults.Name: must be omitted",
            ),
            (
                defaults(json!({"BalanceOutboundConnections": "x"})),
                "BalanceOutboundConnections",
            ),
            (
                defaults(json!({"Limits": {"MaxConnections": -1}})),
                "Limits.MaxConnections: -1 is not between 0",
            ),
            (
                defaults(json!({"PassiveHealthCheck": {"Interval": "-1s"}})),
                "Interval",
            ),
            (
                defaults(json!({"PassiveHealthCheck": {"EnforcingConsecutive5xx": 101}})),
                "EnforcingConsecutive5xx",
            ),
            (
                destination(json!([]), 443),
                "Destination.Addresses: is required",
            ),
            (
                destination(json!([""]), 443),
                "Addresses[0]: \"\" is not an IP address or a host name",
            ),
            (destination(json!(["*.example"]), 443), "Addresses[0]"),
            (
                destination(json!(["a", "a"]), 443),
                "Addresses[1]: \"a\" is there more than once",
            ),
            (
                destination(json!(["a"]), 65_536),
                "Destination.Port: 65536 is not between 1 and 65535",
            ),
            (
                json!({"Name": "till", "UpstreamConfig": {}, "Destination": {"Addresses": ["a"], "Port": 1}}),
                "Destination: cannot be set together with UpstreamConfig",
            ),
        ],
    );
    let version = json!({"Name": "builtin/lua", "Arguments": {"Script": "x", "Listener": "inbound"}, "EnvoyVersion": ">= 1.30, < 2.0.0", "ConsulVersion": "~> v1.2-rc1"});
    assert!(
        parse(
            Kind::ServiceDefaults,
            with("EnvoyExtensions", json!([version]))
        )
        .is_ok()
    );
}

#[test]
fn free_form_pairs_have_limits() {
    let meta: serde_json::Map<_, _> = (0..65).map(|i| (format!("k{i}"), json!("v"))).collect();
    let rows = [
        (json!(meta), "Meta: exceeds maximum element count 64"),
        (json!({"k".repeat(129): "v"}), "exceeds maximum length 128"),
        (
            json!({"k": "v".repeat(513)}),
            "Meta[\"k\"]: exceeds maximum length 512",
        ),
    ];
    for (meta, part) in rows {
        refused(
            Kind::ServiceDefaults,
            &[(json!({"Name": "till", "Meta": meta}), part)],
        );
        refused(Kind::Mesh, &[(json!({"Meta": meta}), part)]);
    }
}

#[test]
fn proxy_defaults_are_called_global_and_tell_an_empty_config_from_none() {
    let zeros = json!({"Name": "global", "Expose": {}, "MeshGateway": {}, "TransparentProxy": {}, "AccessLogs": {}});
    for config in [
        json!(null),
        json!({}),
        json!({"protocol": "HTTP", "nested": {"a": [1, null]}}),
    ] {
        let mut expected = zeros.clone();
        expected["Config"] = config.clone();
        assert_eq!(
            printed(Kind::ProxyDefaults, json!({"Config": config})),
            expected
        );
    }
    let protocol =
        |value: Value| match parse(Kind::ProxyDefaults, json!({"Config": {"protocol": value}})) {
            Ok(Entry::ProxyDefaults(entry)) => entry.protocol().to_owned(),
            other => panic!("{other:?}"),
        };
    assert_eq!(
        [
            protocol(json!("Grpc")),
            protocol(json!(7)),
            protocol(json!(null))
        ],
        ["Grpc", "7", ""]
    );
}

#[test]
fn proxy_defaults_that_break_a_rule_are_refused_with_the_field() {
    let logs = |value: Value| json!({"AccessLogs": value});
    refused(
        Kind::ProxyDefaults,
        &[
            (
                json!({"Name": "local"}),
                "Name: \"local\" is none of \"global\"",
            ),
            (json!({"Config": {"protocol": ["x"]}}), "Config.protocol"),
            (
                json!({"Config": {"envoy_hcp_metrics_bind_socket_dir": "d".repeat(71)}}),
                "maximum length 70",
            ),
            (
                json!({"FailoverPolicy": {"Mode": "random"}}),
                "FailoverPolicy.Mode",
            ),
            (
                json!({"PrioritizeByLocality": {"Mode": "failover"}}),
                "Enterprise",
            ),
            (logs(json!({"Type": "syslog"})), "AccessLogs.Type"),
            (
                logs(json!({"Type": "file"})),
                "AccessLogs.Path: is required",
            ),
            (
                logs(json!({"Path": "/x"})),
                "AccessLogs.Path: must be omitted",
            ),
            (
                logs(json!({"JSONFormat": "{"})),
                "AccessLogs.JSONFormat: \"{\" is not valid JSON",
            ),
            (
                logs(json!({"JSONFormat": "{}", "TextFormat": "x"})),
                "cannot be set together with TextFormat",
            ),
        ],
    );
}

#[test]
fn a_mesh_entry_prints_without_a_name_and_is_found_under_its_kind() {
    let entry = json!({"TLS": {"Outgoing": {"CipherSuites": []}}, "HTTP": {"Incoming": {"RequestNormalization": {}}}});
    assert_eq!(
        printed(Kind::Mesh, entry.clone()),
        json!({
            "TransparentProxy": {"MeshDestinationsOnly": false},
            "TLS": {"Outgoing": {}},
            "HTTP": {"SanitizeXForwardedClientCert": false, "Incoming": {"RequestNormalization": {
                "InsecureDisablePathNormalization": false, "MergeSlashes": false,
                "PathWithEscapedSlashesAction": "", "HeadersWithUnderscoresAction": ""}}},
        })
    );
    assert_eq!(parse(Kind::Mesh, entry).unwrap().key(), Key::mesh());
}

#[test]
fn a_mesh_entry_that_breaks_a_rule_is_refused_with_the_field() {
    let incoming = |value: Value| json!({"TLS": {"Incoming": value}});
    let normalization =
        |value: Value| json!({"HTTP": {"Incoming": {"RequestNormalization": value}}});
    refused(
        Kind::Mesh,
        &[
            (
                incoming(json!({"TLSMinVersion": "tlsv1_2"})),
                "TLS.Incoming.TLSMinVersion",
            ),
            (
                incoming(json!({"TLSMinVersion": "TLSv1_3", "TLSMaxVersion": "TLSv1_2"})),
                "at least the minimum version",
            ),
            (
                incoming(
                    json!({"TLSMinVersion": "TLSv1_3", "CipherSuites": ["TLS_RSA_WITH_AES_128_CBC_SHA"]}),
                ),
                "CipherSuites: must be omitted",
            ),
            (
                incoming(json!({"CipherSuites": ["ECDHE-RSA-AES128-GCM-SHA256"]})),
                "CipherSuites[0]",
            ),
            (
                normalization(json!({"PathWithEscapedSlashesAction": "ALLOW"})),
                "PathWithEscapedSlashesAction",
            ),
            (
                normalization(json!({"HeadersWithUnderscoresAction": "KEEP"})),
                "HeadersWithUnderscoresAction",
            ),
        ],
    );
    for accepted in [
        json!({"TLSMinVersion": "TLS_AUTO", "TLSMaxVersion": "TLSv1_0"}),
        json!({"TLSMaxVersion": "TLSv1_2"}),
    ] {
        assert!(parse(Kind::Mesh, incoming(accepted)).is_ok());
    }
}

#[test]
fn sources_are_sorted_by_precedence_alone_and_lose_their_legacy_fields() {
    let entry = json!({"Name": "till", "Sources": [
        {"Name": "*", "Action": "deny"},
        {"Name": "zed", "Action": "allow", "Precedence": 1, "LegacyID": "2", "LegacyCreateTime": "2020-01-01T00:00:00Z"},
        {"Name": "able", "Action": "allow", "Peer": "isle"},
    ]});
    assert_eq!(
        printed(Kind::ServiceIntentions, entry),
        json!({"Name": "till", "Sources": [
            {"Name": "zed", "Action": "allow", "Precedence": 9, "Type": "consul"},
            {"Name": "able", "Action": "allow", "Peer": "isle", "Precedence": 9, "Type": "consul"},
            {"Name": "*", "Action": "deny", "Precedence": 8, "Type": "consul"},
        ]})
    );
    let any = printed(
        Kind::ServiceIntentions,
        json!({"Name": "*", "Sources": [
        {"Name": "*", "Action": "deny"}, {"Name": "boss", "Action": "allow"}]}),
    );
    assert_eq!(
        [
            &any["Sources"][0]["Precedence"],
            &any["Sources"][1]["Precedence"]
        ],
        [&json!(6), &json!(5)]
    );
}

#[test]
fn permissions_print_as_they_were_written_with_methods_in_upper_case() {
    let header = json!([{"Name": "a", "Present": true, "Invert": true}, {"Name": "b", "Exact": "v", "IgnoreCase": true},
        {"Name": "c", "Prefix": "p"}, {"Name": "d", "Suffix": "s"}, {"Name": "e", "Contains": "q"}, {"Name": "f", "Regex": "r"}]);
    let mut permissions = json!([
        {"Action": "deny", "HTTP": {"PathExact": "/x", "Methods": ["put", "get"]}},
        {"Action": "allow", "HTTP": {"PathPrefix": "/", "Header": header}},
        {"Action": "allow", "HTTP": {"PathRegex": "a(b"}, "JWT": {"Providers": [
            {"Name": "okta", "VerifyClaims": [{"Path": ["role"], "Value": "admin"}]}]}},
    ]);
    let entry = json!({"Name": "till", "Sources": [{"Name": "web", "Permissions": permissions}]});
    let printed = printed(Kind::ServiceIntentions, entry);
    permissions[0]["HTTP"]["Methods"] = json!(["PUT", "GET"]);
    assert_eq!(
        printed["Sources"],
        json!([{"Name": "web", "Permissions": permissions, "Precedence": 9, "Type": "consul"}])
    );
}

#[test]
fn intentions_that_break_a_rule_are_refused_with_the_field() {
    let source = |value: Value| json!({"Name": "api", "Sources": [value]});
    let long = "d".repeat(513);
    refused(
        Kind::ServiceIntentions,
        &[
            (
                json!({"Name": "api", "Sources": []}),
                "Sources: is required",
            ),
            (
                json!({"Sources": [{"Name": "a", "Action": "allow"}]}),
                "Name: is required",
            ),
            (
                json!({"Name": "ap*", "Sources": [{"Name": "a", "Action": "allow"}]}),
                "Name: the wildcard",
            ),
            (
                source(json!({"Name": "a"})),
                "Sources[0].Action: \"\" is none of \"allow\", \"deny\"",
            ),
            (
                source(json!({"Name": "a", "Action": "ALLOW"})),
                "Sources[0].Action",
            ),
            (
                source(json!({"Name": "", "Action": "allow"})),
                "Sources[0].Name: is required",
            ),
            (
                source(json!({"Name": "a*", "Action": "allow"})),
                "Sources[0].Name: the wildcard",
            ),
            (
                source(json!({"Name": "a", "Action": "allow", "Type": "vault"})),
                "Sources[0].Type",
            ),
            (
                source(json!({"Name": "a", "Action": "allow", "Peer": "*"})),
                "Sources[0].Peer",
            ),
            (
                source(json!({"Name": "a", "Action": "allow", "SamenessGroup": "g"})),
                "SamenessGroup",
            ),
            (
                source(json!({"Name": "a", "Action": "allow", "LegacyMeta": {"a": "b"}})),
                "LegacyMeta",
            ),
            (
                source(json!({"Name": "a", "Action": "allow", "Description": long})),
                "Description",
            ),
            (
                source(json!({"Name": "a", "Permissions": [{"Action": "allow"}]})),
                "Permissions[0].HTTP: is required",
            ),
            (
                json!({"Name": "api", "Sources": [{"Name": "a", "Action": "allow"}, {"Name": "a", "Action": "deny"}]}),
                "Sources[1].Name: \"a\" is there more than once",
            ),
            (
                json!({"Name": "*", "Sources": [{"Name": "a", "Permissions": [{"Action": "allow", "HTTP": {"PathExact": "/"}}]}]}),
                "Sources[0].Permissions: must be omitted where the destination is a wildcard",
            ),
            (
                json!({"Name": "api", "JWT": {"Providers": [{}]}, "Sources": [{"Name": "a", "Action": "allow"}]}),
                "JWT.Providers[0].Name: is required",
            ),
        ],
    );
}

#[test]
fn permissions_that_break_a_rule_are_refused_with_the_field() {
    let http = |value: Value| json!({"Name": "api", "Sources": [{"Name": "a", "Permissions": [{"Action": "allow", "HTTP": value}]}]});
    let header = |value: Value| http(json!({"Header": [value]}));
    refused(
        Kind::ServiceIntentions,
        &[
            (http(json!({})), "Permissions[0].HTTP: is required"),
            (
                http(json!({"PathExact": "a"})),
                "HTTP.PathExact: \"a\" is not a path that starts with '/'",
            ),
            (
                http(json!({"PathExact": "/a", "PathPrefix": "/b"})),
                "cannot be set together with another of",
            ),
            (
                http(json!({"Methods": ["GET", "get"]})),
                "HTTP.Methods[1]: \"GET\" is there more than once",
            ),
            (http(json!({"Methods": ["FETCH"]})), "HTTP.Methods[0]"),
            (
                header(json!({"Name": "h"})),
                "Header[0]: \"h\" is not exactly one of",
            ),
            (
                header(json!({"Name": "h", "Exact": "a", "Prefix": "b"})),
                "exactly one of",
            ),
            (header(json!({"Exact": "a"})), "Header[0].Name: is required"),
            (
                header(json!({"Name": "h", "Regex": "a", "IgnoreCase": true})),
                "IgnoreCase",
            ),
            (
                header(json!({"Name": "h", "Present": true, "IgnoreCase": true})),
                "IgnoreCase",
            ),
        ],
    );
}

#[test]
fn an_entry_s_hash_depends_on_its_content_alone() {
    let hash = |json: Value, index| {
        parse(Kind::ServiceDefaults, json)
            .unwrap()
            .to_json(index, index)["Hash"]
            .clone()
    };
    assert_eq!(
        hash(json!({"Name": "a", "Protocol": "HTTP"}), 1),
        hash(json!({"Name": "a", "Protocol": "http"}), 9)
    );
    assert_ne!(hash(json!({"Name": "a"}), 1), hash(json!({"Name": "b"}), 1));
}

#[test]
fn entries_that_differ_in_the_case_of_a_name_are_different() {
    let entry = |source: &str| {
        parse(
            Kind::ServiceIntentions,
            json!({"Name": "api", "Sources": [{"Name": source, "Action": "deny"}]}),
        )
    };
    assert_eq!(entry("web"), entry("web"));
    assert_ne!(entry("web"), entry("Web"));
    let entry = |name: &str| parse(Kind::ServiceDefaults, json!({"Name": name}));
    assert_ne!(entry("web"), entry("Web"));
    assert_eq!(entry("web").unwrap().key(), entry("Web").unwrap().key());
}
