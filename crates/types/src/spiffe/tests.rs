use super::*;

const CLUSTER: &str = "11111111-2222-3333-4444-555555555555";

fn domain() -> TrustDomain {
    TrustDomain::of_cluster(CLUSTER).unwrap()
}

fn parse(path: &str) -> Result<Identity, SpiffeError> {
    format!("spiffe://{CLUSTER}.consul{path}")
        .parse::<SpiffeId>()
        .map(|id| id.identity)
}

#[test]
fn every_form_prints_as_consul_prints_it_and_reads_back() {
    let team = "team".to_owned();
    let cases = [
        (
            Identity::service("dc1", "web"),
            "/ns/default/dc/dc1/svc/web",
        ),
        (
            Identity::Service {
                partition: team.clone(),
                namespace: "blue".to_owned(),
                datacenter: "dc2".to_owned(),
                service: "api".to_owned(),
            },
            "/ap/team/ns/blue/dc/dc2/svc/api",
        ),
        (
            Identity::agent("dc1", "node-7"),
            "/agent/client/dc/dc1/id/node-7",
        ),
        (
            Identity::Agent {
                partition: team.clone(),
                datacenter: "dc1".to_owned(),
                node: "n".to_owned(),
            },
            "/ap/team/agent/client/dc/dc1/id/n",
        ),
        (Identity::server("dc1"), "/agent/server/dc/dc1"),
        (Identity::mesh_gateway("dc1"), "/gateway/mesh/dc/dc1"),
        (
            Identity::MeshGateway {
                partition: team,
                datacenter: "dc1".to_owned(),
            },
            "/ap/team/gateway/mesh/dc/dc1",
        ),
        (Identity::Signing, ""),
    ];
    for (identity, path) in cases {
        let id = identity.within(&domain());
        assert_eq!(id.to_string(), format!("spiffe://{CLUSTER}.consul{path}"));
        assert_eq!(id.to_string().parse(), Ok(id));
    }
}

#[test]
fn names_are_escaped_as_in_a_url_path() {
    let uri = |name: &str| Identity::service("dc1", name).to_string();
    assert_eq!(uri("with space"), "/ns/default/dc/dc1/svc/with%20space");
    assert_eq!(uri("blå"), "/ns/default/dc/dc1/svc/bl%C3%A5");
    assert_eq!(uri("a.b_c~"), "/ns/default/dc/dc1/svc/a.b_c~");
    assert_eq!(uri("100%"), "/ns/default/dc/dc1/svc/100%25");
    assert_eq!(uri("UPPER"), "/ns/default/dc/dc1/svc/UPPER");
    for name in ["with space", "blå", "a:b@c=d", "100%", "q?x#y", "日本"] {
        assert_eq!(parse(&uri(name)), Ok(Identity::service("dc1", name)));
    }
}

#[test]
fn a_name_cannot_add_a_path_segment() {
    let forged = Identity::agent("dc1", "x/../../svc/admin").to_string();
    assert_eq!(forged, "/agent/client/dc/dc1/id/x%2F..%2F..%2Fsvc%2Fadmin");
    assert!(matches!(
        parse(&forged),
        Err(SpiffeError::Part { part: "node", .. })
    ));
}

#[test]
fn the_trust_domain_is_compared_in_lower_case() {
    let id: SpiffeId = "SPIFFE://ABC.Consul/ns/default/dc/dc1/svc/Web"
        .parse()
        .unwrap();
    assert_eq!(id.trust_domain.as_str(), "abc.consul");
    assert_eq!(id.trust_domain.cluster_id(), "abc");
    assert_eq!(id.identity, Identity::service("dc1", "Web"));
    assert_eq!(id.identity.datacenter(), Some("dc1"));
}

#[test]
fn other_uris_are_refused_with_the_reason() {
    assert_eq!(
        "https://abc.consul/ns/a/dc/b/svc/c".parse::<SpiffeId>(),
        Err(SpiffeError::Scheme)
    );
    assert_eq!("web".parse::<SpiffeId>(), Err(SpiffeError::Scheme));
    for uri in [
        "spiffe://nodot",
        "spiffe://abc.consul/",
        "spiffe://abc.consul/ns/default/dc/dc1/svc/web/",
        "spiffe://abc.consul/ns/default/dc/dc1/svc",
        "spiffe://abc.consul/ap/team/agent/server/dc/dc1",
        "spiffe://abc.consul/ns/default/svc/web/dc/dc1",
    ] {
        assert_eq!(
            uri.parse::<SpiffeId>(),
            Err(SpiffeError::Format {
                uri: uri.to_owned()
            })
        );
    }
    for host in [
        "",
        "a:8080",
        "user@abc.consul",
        "ab c",
        "ab%20c",
        "æ.consul",
    ] {
        let uri = format!("spiffe://{host}/agent/server/dc/dc1");
        assert!(matches!(
            uri.parse::<SpiffeId>(),
            Err(SpiffeError::TrustDomain { .. })
        ));
    }
    for service in [
        "", "%", "%4", "%zz", "%ff", "%00", "a%2Fb", "a?b", "a#b", "%0A",
    ] {
        assert!(
            matches!(
                parse(&format!("/ns/default/dc/dc1/svc/{service}")),
                Err(SpiffeError::Part {
                    part: "service",
                    ..
                })
            ),
            "{service:?}"
        );
    }
    assert_eq!(
        parse(&format!("/agent/server/dc/{}", "x".repeat(3000))),
        Err(SpiffeError::TooLong)
    );
}
