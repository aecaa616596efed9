//! Ingress and terminating gateways.

use super::*;

fn listener(fields: Value) -> Value {
    let mut listener = json!({"Port": 8080, "Protocol": "http", "Services": [{"Name": "till"}]});
    merge(&mut listener, fields);
    json!({"Name": "gate", "Listeners": [listener]})
}

#[test]
fn an_ingress_gateway_is_normalised_and_prints_absent_lists_as_null() {
    assert_eq!(
        printed(Kind::IngressGateway, json!({"Name": "gate"})),
        json!({"Name": "gate", "TLS": {"Enabled": false}, "Listeners": null})
    );
    let entry = json!({"Name": "gate", "Listeners": [
        {"Port": -1, "Services": [{"Name": "raw"}]},
        {"Port": 1, "Protocol": "GRPC", "Services": [{"Name": "*"}]},
    ]});
    assert_eq!(
        printed(Kind::IngressGateway, entry)["Listeners"],
        json!([
            {"Port": -1, "Protocol": "tcp", "Services": [{"Name": "raw", "Hosts": null}]},
            {"Port": 1, "Protocol": "grpc", "Services": [{"Name": "*", "Hosts": null}]},
        ])
    );
}

#[test]
fn every_rule_of_listeners_is_told() {
    let tcp = |services: Value| listener(json!({"Protocol": "tcp", "Services": services}));
    let with_tls = |mut entry: Value, tls: Value| {
        entry["TLS"] = tls;
        entry
    };
    refused(
        Kind::IngressGateway,
        &[
            (json!({}), "Name: is required"),
            (
                json!({"Name": "g", "TLS": {"TLSMinVersion": "1.2"}}),
                "TLS.TLSMinVersion: \"1.2\" is none of",
            ),
            (
                json!({"Name": "g", "TLS": {"TLSMinVersion": "TLSv1_3", "TLSMaxVersion": "TLSv1_2"}}),
                "TLS.TLSMaxVersion: \"TLSv1_2\" is not at least the minimum version",
            ),
            (
                json!({"Name": "g", "TLS": {"SDS": {"CertResource": "r"}}}),
                "TLS.SDS.ClusterName: is required with CertResource",
            ),
            (
                with_tls(listener(json!({})), json!({"SDS": {"ClusterName": "c"}})),
                "Listeners[0].TLS.SDS.CertResource: is required with a ClusterName",
            ),
            (
                listener(json!({"TLS": {"SDS": {"CertResource": "r"}}})),
                "Listeners[0].TLS.SDS.ClusterName: is required with CertResource",
            ),
            (
                listener(json!({"Protocol": "udp"})),
                "Listeners[0].Protocol: \"udp\" is none of",
            ),
            (
                listener(json!({"Services": []})),
                "Listeners[0].Services: is required",
            ),
            (
                tcp(json!([{"Name": "a"}, {"Name": "b"}])),
                "Listeners[0].Services[1]: must be omitted beyond the first",
            ),
            (
                tcp(json!([{"Name": "*"}])),
                "Listeners[0].Services[0].Name: must be omitted unless",
            ),
            (
                tcp(json!([{"Name": "a", "Hosts": ["h"]}])),
                "Listeners[0].Services[0].Hosts: must be omitted unless",
            ),
            (
                tcp(json!([{"Name": "a", "RequestHeaders": {"Remove": ["x"]}}])),
                "Services[0].RequestHeaders: must be omitted unless",
            ),
            (
                tcp(json!([{"Name": "a", "ResponseHeaders": {"Set": {"x": "y"}}}])),
                "Services[0].ResponseHeaders: must be omitted unless",
            ),
        ],
    );
}

#[test]
fn every_rule_of_services_behind_a_listener_is_told() {
    let services = |services: Value| listener(json!({"Services": services}));
    let with_tls = |mut entry: Value, tls: Value| {
        entry["TLS"] = tls;
        entry
    };
    let hosts = |hosts: Value| services(json!([{"Name": "till", "Hosts": hosts}]));
    refused(
        Kind::IngressGateway,
        &[
            (
                services(json!([{"Hosts": ["a"]}])),
                "Listeners[0].Services[0].Name: is required",
            ),
            (
                services(json!([{"Name": "*", "Hosts": ["a"]}])),
                "Services[0].Hosts: must be omitted where the service is the wildcard",
            ),
            (
                services(json!([{"Name": "a"}, {"Name": "a"}])),
                "Services[1].Name: \"a\" is there more than once",
            ),
            (
                services(json!([{"Name": "a", "Hosts": ["x"]}, {"Name": "b", "Hosts": ["x"]}])),
                "Services[1].Hosts[0]: \"x\" is there more than once",
            ),
            (
                hosts(json!(["a.*.b"])),
                "Hosts[0]: \"a.*.b\" is not a host name: the wildcard",
            ),
            (
                hosts(json!(["a..b"])),
                "Hosts[0]: \"a..b\" is not a DNS host name",
            ),
            (
                with_tls(hosts(json!(["*"])), json!({"Enabled": true})),
                "Hosts[0]: must be omitted with TLS",
            ),
            (
                services(
                    json!([{"Name": "a", "TLS": {"SDS": {"ClusterName": "c", "CertResource": "r"}}}]),
                ),
                "Services[0].Hosts: is required with TLS.SDS.CertResource",
            ),
            (
                services(
                    json!([{"Name": "a", "Hosts": ["h"], "TLS": {"SDS": {"CertResource": "r"}}}]),
                ),
                "Services[0].TLS.SDS.ClusterName: is required with CertResource",
            ),
            (
                json!({"Name": "g", "Listeners": [
                    {"Port": 1, "Services": [{"Name": "a"}]}, {"Port": 1, "Services": [{"Name": "a"}]}]}),
                "Listeners[1].Port: \"1\" is there more than once",
            ),
        ],
    );
    for host in ["*", "*.a.example", "a.example:8080"] {
        assert!(
            parse(Kind::IngressGateway, hosts(json!([host]))).is_ok(),
            "{host}"
        );
    }
}

#[test]
fn every_rule_of_terminating_gateways_is_told() {
    assert_eq!(
        printed(
            Kind::TerminatingGateway,
            json!({"Name": "tg", "Services": [{"Name": "*", "CAFile": "a"}]})
        ),
        json!({"Name": "tg", "Services": [{"Name": "*", "CAFile": "a"}]})
    );
    let services = |services: Value| json!({"Name": "tg", "Services": services});
    refused(
        Kind::TerminatingGateway,
        &[
            (json!({"Services": []}), "Name: is required"),
            (services(json!([{}])), "Services[0].Name: is required"),
            (
                services(json!([{"Name": "a"}, {"Name": "a"}])),
                "Services[1].Name: \"a\" is there more than once",
            ),
            (
                services(json!([{"Name": "a", "KeyFile": "k", "CAFile": "c"}])),
                "Services[0].CertFile: is required with a CertFile or KeyFile",
            ),
            (
                services(json!([{"Name": "a", "CertFile": "c", "KeyFile": "k"}])),
                "Services[0].CAFile: is required with a CertFile or KeyFile",
            ),
        ],
    );
}
