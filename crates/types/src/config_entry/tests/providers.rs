//! JWT providers, exported services, sameness groups.

use super::*;

fn provider(keys: Value) -> Value {
    json!({"Name": "okta", "JSONWebKeySet": keys})
}

fn remote(fields: Value) -> Value {
    let mut remote = json!({"URI": "https://k.example"});
    merge(&mut remote, fields);
    provider(json!({"Remote": remote}))
}

#[test]
fn a_jwt_provider_is_normalised_and_prints_durations_in_nanoseconds() {
    let entry = remote(json!({"CacheDuration": "5m", "JWKSCluster": {
        "ConnectTimeout": "7s", "TLSCertificates": {"TrustedCA": {"InlineBytes": "-abc"}}}}));
    assert_eq!(
        printed(Kind::JwtProvider, entry),
        json!({"Name": "okta", "ClockSkewSeconds": 30, "JSONWebKeySet": {"Remote": {
            "URI": "https://k.example", "CacheDuration": 300_000_000_000_i64, "JWKSCluster": {
                "ConnectTimeout": 7_000_000_000_i64,
                "TLSCertificates": {"TrustedCA": {"InlineBytes": "LWFiYw=="}}}}}})
    );
    let negative = json!({"Name": "okta", "ClockSkewSeconds": -5, "JSONWebKeySet": {"Local": {"Filename": "/k"}}, "CacheConfig": {}});
    assert_eq!(printed(Kind::JwtProvider, negative.clone()), negative);
}

#[test]
fn every_rule_of_jwt_providers_is_told() {
    let local = |local: Value| provider(json!({"Local": local}));
    let tls = |tls: Value| remote(json!({"JWKSCluster": {"TLSCertificates": tls}}));
    let with = |field: &str, value: Value| {
        let mut entry = local(json!({"JWKS": "YQ=="}));
        entry[field] = value;
        entry
    };
    refused(
        Kind::JwtProvider,
        &[
            (with("Name", json!("")), "Name: is required"),
            (json!({"Name": "okta"}), "JSONWebKeySet: is required"),
            (
                provider(json!({})),
                "JSONWebKeySet: needs exactly one of Local and Remote",
            ),
            (
                local(json!({})),
                "JSONWebKeySet.Local: needs exactly one of JWKS and Filename",
            ),
            (
                local(json!({"JWKS": "YQ==", "Filename": "/x"})),
                "JSONWebKeySet.Local: needs",
            ),
            (
                local(json!({"JWKS": "YQ"})),
                "JSONWebKeySet.Local.JWKS: \"YQ\" is not base64",
            ),
            (
                remote(json!({"URI": ""})),
                "JSONWebKeySet.Remote.URI: is required",
            ),
            (
                remote(json!({"URI": "keys"})),
                "JSONWebKeySet.Remote.URI: \"keys\" is not an absolute URI",
            ),
            (remote(json!({"URI": "::bad"})), "JSONWebKeySet.Remote.URI"),
            (
                remote(
                    json!({"RetryPolicy": {"RetryPolicyBackOff": {"BaseInterval": "9s", "MaxInterval": "1s"}}}),
                ),
                "RetryPolicyBackOff.MaxInterval: \"1s\" is not at least the BaseInterval",
            ),
            (
                remote(json!({"JWKSCluster": {"DiscoveryType": "static"}})),
                "DiscoveryType: \"static\" is none of",
            ),
            (
                tls(json!({})),
                "TLSCertificates: needs exactly one of CaCertificateProviderInstance",
            ),
            (
                tls(json!({"CaCertificateProviderInstance": {}, "TrustedCA": {"Filename": "/x"}})),
                "TLSCertificates: needs exactly one",
            ),
            (
                tls(json!({"TrustedCA": {}})),
                "TrustedCA: needs exactly one of Filename",
            ),
            (
                tls(json!({"TrustedCA": {"Filename": "/x", "InlineString": "y"}})),
                "TrustedCA: needs exactly one of",
            ),
            (
                with("Locations", json!([{}])),
                "Locations[0]: needs exactly one of Header",
            ),
            (
                with(
                    "Locations",
                    json!([{"Header": {"Name": "a"}, "Cookie": {"Name": "b"}}]),
                ),
                "Locations[0]: needs exactly one of",
            ),
            (
                with("Locations", json!([{"Header": {}}])),
                "Locations[0].Header.Name: is required",
            ),
            (
                with("Locations", json!([{"QueryParam": {}}])),
                "Locations[0].QueryParam.Name: is required",
            ),
            (
                with("Locations", json!([{"Cookie": {}}, {}])),
                "Locations[0].Cookie.Name: is required; Locations[1]",
            ),
            (
                with("Forwarding", json!({})),
                "Forwarding.HeaderName: is required",
            ),
        ],
    );
    for entry in [
        remote(json!({"URI": "/keys"})),
        remote(json!({"RetryPolicy": {"RetryPolicyBackOff": {"BaseInterval": "9s"}}})),
        tls(json!({"CaCertificateProviderInstance": {}})),
        with("CacheConfig", json!({"Size": -1})),
    ] {
        assert!(parse(Kind::JwtProvider, entry.clone()).is_ok(), "{entry}");
    }
}

#[test]
fn every_rule_of_exported_services_is_told() {
    let services = |services: Value| json!({"Name": "default", "Services": services});
    let consumer = |consumer: Value| services(json!([{"Name": "till", "Consumers": [consumer]}]));
    refused(
        Kind::ExportedServices,
        &[
            (
                json!({"Name": "team"}),
                "Name: \"team\" is none of \"default\"",
            ),
            (
                services(json!([{"Consumers": [{}]}])),
                "Services[0].Name: is required",
            ),
            (
                services(json!([{"Name": "till"}])),
                "Services[0].Consumers: is required",
            ),
            (
                consumer(json!({"Peer": "*"})),
                "Services[0].Consumers[0].Peer: must be one name",
            ),
            (
                consumer(json!({"Partition": "*"})),
                "Services[0].Consumers[0].Partition: must be one name",
            ),
            (
                consumer(json!({"Partition": "a", "Peer": "b"})),
                "Services[0].Consumers[0]: cannot be set together with another of Peer",
            ),
            (
                consumer(json!({"SamenessGroup": "g"})),
                "Services[0].Consumers[0].SamenessGroup: is a Consul Enterprise feature",
            ),
        ],
    );
    let entry = services(
        json!([{"Name": "ti*", "Namespace": "n", "Consumers": [{}, {"PeerName": "a"}, {"Peer": "b", "PeerName": "c"}]}]),
    );
    assert_eq!(
        printed(Kind::ExportedServices, entry)["Services"],
        json!([{"Name": "ti*", "Consumers": [{}, {"Peer": "a"}, {"Peer": "b"}]}])
    );
}

#[test]
fn sameness_groups_are_an_enterprise_feature() {
    refused(
        Kind::SamenessGroup,
        &[(
            json!({"Name": "g", "Members": [{"Peer": "p"}]}),
            "is a Consul Enterprise feature",
        )],
    );
}
