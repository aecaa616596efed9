//! API gateways, their routes and their certificates.

use super::*;

fn gateway(fields: Value) -> Value {
    let mut listener = json!({"Name": "web", "Port": 8443, "Protocol": "http"});
    merge(&mut listener, fields);
    json!({"Name": "front", "Listeners": [listener]})
}

#[test]
fn an_api_gateway_prints_every_field_and_no_status_of_its_writers() {
    let mut entry =
        gateway(json!({"Protocol": "HTTP", "TLS": {"Certificates": [{"Name": "shop"}]}}));
    entry["Status"] = json!({"Conditions": [{"Type": "Mine"}]});
    assert_eq!(
        printed(Kind::ApiGateway, entry),
        json!({"Name": "front", "Status": {"Conditions": null}, "Listeners": [{
            "Name": "web", "Port": 8443, "Protocol": "http", "Hostname": "",
            "TLS": {
                "Certificates": [{"Kind": "inline-certificate", "Name": "shop", "SectionName": ""}],
                "CipherSuites": null, "MaxVersion": "", "MinVersion": "",
            },
        }]})
    );
}

#[test]
fn every_rule_of_api_gateways_is_told() {
    let two = |a: Value, b: Value| {
        let mut entry = gateway(a);
        let second = gateway(b)["Listeners"][0].clone();
        entry["Listeners"].as_array_mut().unwrap().push(second);
        entry
    };
    refused(
        Kind::ApiGateway,
        &[
            (json!({"Name": "g"}), "Listeners: is required"),
            (json!({"Listeners": []}), "Name: is required"),
            (
                gateway(json!({"Name": ""})),
                "Listeners[0].Name: \"\" is not a name",
            ),
            (
                gateway(json!({"Name": "Web"})),
                "Listeners[0].Name: \"Web\" is not a name",
            ),
            (gateway(json!({"Name": "a-"})), "Listeners[0].Name"),
            (
                gateway(json!({"Port": 0})),
                "Listeners[0].Port: 0 is not between 1 and 65535",
            ),
            (
                gateway(json!({"Protocol": "http2"})),
                "Listeners[0].Protocol: \"http2\" is none of",
            ),
            (
                gateway(json!({"Protocol": "tcp", "Hostname": "x.test"})),
                "Listeners[0].Hostname: must be omitted where the protocol is tcp",
            ),
            (
                gateway(json!({"Hostname": "x.*.test"})),
                "Listeners[0].Hostname: \"x.*.test\" is not a host name",
            ),
            (gateway(json!({"Hostname": "*"})), "Listeners[0].Hostname"),
            (
                gateway(json!({"TLS": {"Certificates": [{"Kind": "secret", "Name": "x"}]}})),
                "Listeners[0].TLS.Certificates[0].Kind: \"secret\" is none of",
            ),
            (
                gateway(json!({"TLS": {"Certificates": [{}]}})),
                "Listeners[0].TLS.Certificates[0].Name: is required",
            ),
            (
                gateway(json!({"TLS": {"CipherSuites": ["X"]}})),
                "Listeners[0].TLS.CipherSuites[0]: \"X\" is none of",
            ),
            (
                gateway(json!({"TLS": {"MinVersion": "TLSv1_3", "MaxVersion": "TLSv1_2"}})),
                "Listeners[0].TLS.MaxVersion",
            ),
            (
                two(json!({}), json!({})),
                "Listeners[1].Name: \"web\" is there more than once",
            ),
            (
                two(json!({}), json!({"Name": "b", "Protocol": "tcp"})),
                "Listeners[1].Port: \"8443\" is not a port of its own",
            ),
            (
                two(
                    json!({"Hostname": "a.test"}),
                    json!({"Name": "b", "Hostname": "b.test"}),
                ),
                "Listeners[1].Port",
            ),
        ],
    );
    assert!(parse(Kind::ApiGateway, two(json!({}), json!({"Name": "b.c-d"}))).is_ok());
}

#[test]
fn an_http_route_prints_every_field_and_fills_in_paths_weights_and_parents() {
    let route = json!({"Name": "r", "Parents": [{"Name": "front"}], "Rules": [{
        "Matches": [{"Method": "get", "Path": {"Value": "/ignored"}}],
        "Services": [{"Name": "a", "Weight": -3}],
        "Filters": {"TimeoutFilter": {"RequestTimeout": "5s"}, "JWT": {}},
    }]});
    let none = json!({"Headers": null, "JWT": null, "RetryFilter": null, "TimeoutFilter": null, "URLRewrite": null});
    let mut filters = none.clone();
    filters["TimeoutFilter"] = json!({"RequestTimeout": 5_000_000_000_i64, "IdleTimeout": 0});
    filters["JWT"] = json!({});
    assert_eq!(
        printed(Kind::HttpRoute, route),
        json!({"Name": "r", "Hostnames": null, "Status": {"Conditions": null},
        "Parents": [{"Kind": "api-gateway", "Name": "front", "SectionName": ""}],
        "Rules": [{
            "Filters": filters, "ResponseFilters": {"Headers": null},
            "Matches": [{"Headers": null, "Method": "GET", "Query": null, "Path": {"Match": "prefix", "Value": "/"}}],
            "Services": [{"Name": "a", "Weight": 1, "Filters": none, "ResponseFilters": {"Headers": null}}],
        }]})
    );
}

#[test]
fn every_rule_of_routes_is_told() {
    let matches = |matched: Value| json!({"Name": "r", "Rules": [{"Matches": [matched]}]});
    let parents = |parents: Value| json!({"Name": "r", "Parents": parents});
    let both = [
        (json!({}), "Name: is required"),
        (
            parents(json!([{"Kind": "ingress-gateway", "Name": "g"}])),
            "Parents[0].Kind: \"ingress-gateway\" is none of \"api-gateway\"",
        ),
        (
            parents(json!([{"Name": "g"}, {"Kind": "api-gateway", "Name": "g"}])),
            "Parents[1]: \"g\" is there more than once",
        ),
    ];
    refused(Kind::HttpRoute, &both);
    refused(Kind::TcpRoute, &both);
    refused(
        Kind::TcpRoute,
        &[(
            json!({"Name": "t", "Services": [{"Name": "a"}, {"Name": "b"}]}),
            "Services: exceeds maximum element count 1",
        )],
    );
    refused(
        Kind::HttpRoute,
        &[
            (
                json!({"Name": "r", "Hostnames": ["*.x.test"]}),
                "Hostnames[0]: must be one name",
            ),
            (
                json!({"Name": "r", "Hostnames": ["a..b"]}),
                "Hostnames[0]: \"a..b\" is not a DNS",
            ),
            (
                matches(json!({"Path": {"Match": "prefix", "Value": "x"}})),
                "Rules[0].Matches[0].Path.Value: \"x\" is not a path that starts with '/'",
            ),
            (
                matches(json!({"Path": {"Match": "glob", "Value": "/x"}})),
                "Rules[0].Matches[0].Path.Match: \"glob\" is none of",
            ),
            (
                matches(json!({"Method": "FETCH"})),
                "Rules[0].Matches[0].Method: \"FETCH\" is none of",
            ),
            (
                matches(json!({"Headers": [{"Match": "exact"}]})),
                "Matches[0].Headers[0].Name: is required",
            ),
            (
                matches(json!({"Headers": [{"Match": "like", "Name": "x"}]})),
                "Headers[0].Match: \"like\"",
            ),
            (
                matches(json!({"Query": [{"Match": "prefix", "Name": "x"}]})),
                "Query[0].Match: \"prefix\"",
            ),
            (
                matches(json!({"Query": [{"Match": "exact"}]})),
                "Query[0].Name: is required",
            ),
        ],
    );
}

#[test]
fn a_route_is_for_the_hosts_that_it_shares_with_a_listener() {
    let route = |hostnames: Value| {
        let entry = parse(
            Kind::HttpRoute,
            json!({"Name": "r", "Hostnames": hostnames}),
        )
        .unwrap();
        let Entry::HttpRoute(route) = entry else {
            panic!("it is one");
        };
        route
    };
    for (hostnames, listener, expected) in [
        (json!([]), "", vec!["*"]),
        (json!([]), "a.test", vec!["a.test"]),
        (json!(["a.test", "b.test"]), "", vec!["a.test", "b.test"]),
        (json!(["a.test", "b.other"]), "*.test", vec!["a.test"]),
        (json!(["a.test", "b.test"]), "b.test", vec!["b.test"]),
        (json!(["a.test"]), "b.test", vec![]),
    ] {
        assert_eq!(
            route(hostnames.clone()).hostnames_on(listener),
            expected,
            "{hostnames} on {listener}"
        );
    }
}

#[test]
fn certificates_are_pem_and_their_keys_are_not_told() {
    let pem = |what: &str| format!("-----BEGIN {what}-----\nYQ==\n-----END {what}-----\n");
    let inline = |certificate: &str, key: &str| json!({"Name": "c", "Certificate": certificate, "PrivateKey": key});
    let (certificate, key) = (pem("CERTIFICATE"), pem("PRIVATE KEY"));
    let entry = parse(Kind::InlineCertificate, inline(&certificate, &key)).unwrap();
    assert!(!format!("{entry:?}").contains("YQ=="));
    refused(
        Kind::InlineCertificate,
        &[
            (inline(&certificate, ""), "PrivateKey: is required"),
            (inline("", &key), "Certificate: is required"),
            (inline("hello", &key), "Certificate: is not PEM"),
            (inline(&certificate, "s3cret"), "PrivateKey: is not PEM"),
        ],
    );
    let error = parse(Kind::InlineCertificate, inline(&certificate, "s3cret")).unwrap_err();
    assert!(!error.contains("s3cret"));
    assert_eq!(
        printed(Kind::FileSystemCertificate, json!({"Name": "disk"})),
        json!({"Name": "disk", "Certificate": "", "PrivateKey": ""})
    );
    refused(
        Kind::FileSystemCertificate,
        &[(json!({}), "Name: is required")],
    );
}

#[test]
fn what_the_control_plane_keeps_for_itself_is_not_written() {
    refused(
        Kind::BoundApiGateway,
        &[(
            json!({"Name": "front"}),
            "Kind: is written by the control plane alone",
        )],
    );
}
