//! Certificates as another library sees them, and the rules of who is certified.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use der::Decode;
use ring::rand::SystemRandom;
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use tribune_types::spiffe::{Identity, SpiffeId, TrustDomain};
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, SubjectAltName, SubjectKeyIdentifier,
};

use crate::*;

const CLUSTER: &str = "11111111-2222-3333-4444-555555555555";
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_760_000_000)
}

fn params(ttls: Ttls) -> Params {
    Params {
        cluster_id: CLUSTER.to_owned(),
        datacenter: "dc1".to_owned(),
        ttls,
    }
}

fn authority() -> Authority {
    Authority::generate(&params(Ttls::default()), now(), &SystemRandom::new()).unwrap()
}

fn id(identity: Identity) -> SpiffeId {
    identity.within(&TrustDomain::of_cluster(CLUSTER).unwrap())
}

fn request(id: SpiffeId) -> Request {
    let key = KeyPair::generate(&SystemRandom::new()).unwrap();
    Request::of_key(&key, id).unwrap()
}

fn sign(authority: &Authority, request: &Request) -> Result<Certificate, SignError> {
    authority.sign(request, now(), &SystemRandom::new())
}

fn certificate_der(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
}

fn parsed(certificate: &Certificate) -> x509_cert::Certificate {
    x509_cert::Certificate::from_der(&certificate_der(&certificate.chain_pem)).unwrap()
}

fn store(root: &Root) -> Arc<RootCertStore> {
    let mut store = RootCertStore::empty();
    store.add(certificate_der(root.pem())).unwrap();
    Arc::new(store)
}

/// Whether `rustls` lets the certificate's holder in as a client at `time`.
fn accepted_as_client(root: &Root, certificate: &Certificate, time: SystemTime) -> bool {
    let verifier =
        WebPkiClientVerifier::builder_with_provider(store(root), default_provider().into())
            .build()
            .unwrap();
    let time = UnixTime::since_unix_epoch(time.duration_since(UNIX_EPOCH).unwrap());
    let leaf = certificate_der(&certificate.chain_pem);
    verifier.verify_client_cert(&leaf, &[], time).is_ok()
}

#[test]
fn a_leaf_verifies_under_its_root_while_it_is_valid() {
    let authority = authority();
    let leaf = sign(&authority, &request(id(Identity::service("dc1", "web")))).unwrap();
    let root = authority.root();
    assert!(accepted_as_client(root, &leaf, now()));
    assert!(accepted_as_client(root, &leaf, leaf.not_before));
    assert!(accepted_as_client(root, &leaf, leaf.not_after));
    assert!(!accepted_as_client(root, &leaf, leaf.not_before - MINUTE));
    assert!(!accepted_as_client(root, &leaf, leaf.not_after + MINUTE));
    let other = Authority::generate(&params(Ttls::default()), now(), &SystemRandom::new());
    assert!(!accepted_as_client(other.unwrap().root(), &leaf, now()));
}

#[test]
fn a_leaf_says_what_consul_says_in_it() {
    let authority = authority();
    let request = request(id(Identity::service("dc1", "web")));
    let leaf = sign(&authority, &request).unwrap();
    let certificate = parsed(&leaf);
    let body = certificate.tbs_certificate();
    assert!(body.subject().is_empty());
    assert_eq!(leaf.valid_after(), body.validity().not_before.to_string());
    assert_eq!(leaf.valid_before(), body.validity().not_after.to_string());

    let (critical, names) = body.get_extension::<SubjectAltName>().unwrap().unwrap();
    assert!(critical);
    let [name] = &names.0[..] else {
        panic!("{names:?}")
    };
    let uri = format!("spiffe://{CLUSTER}.consul/ns/default/dc/dc1/svc/web");
    assert!(format!("{name:?}").contains(&uri));

    let (_, constraints) = body.get_extension::<BasicConstraints>().unwrap().unwrap();
    assert!(!constraints.ca);
    let (_, own) = body
        .get_extension::<SubjectKeyIdentifier>()
        .unwrap()
        .unwrap();
    assert_eq!(own.0.as_bytes(), request.public_key().id());
    let (_, issuer) = body
        .get_extension::<AuthorityKeyIdentifier>()
        .unwrap()
        .unwrap();
    assert_eq!(
        issuer.key_identifier.unwrap().as_bytes(),
        authority.root().public_key().id()
    );
    assert_eq!(&*leaf.signing_key_id, authority.root().signing_key_id());
}

#[test]
fn a_root_row_reads_like_consuls() {
    let authority = authority();
    let row = authority.root().row(CLUSTER, true);
    let hex_pairs = |text: &str, bytes: usize| {
        let pairs: Vec<&str> = text.split(':').collect();
        pairs.len() == bytes
            && pairs
                .iter()
                .all(|pair| pair.len() == 2 && u8::from_str_radix(pair, 16).is_ok())
    };
    assert!(hex_pairs(&row.id, 20));
    assert!(hex_pairs(&row.signing_key_id, 32));
    assert_eq!(row.name, "Consul CA Primary Cert");
    assert_eq!(row.external_trust_domain, CLUSTER);
    assert_eq!(row.not_before, "2025-10-09T08:52:20Z");
    assert_eq!(row.not_after, "2035-10-07T08:53:20Z");
    assert_eq!(
        (row.private_key_type.as_str(), row.private_key_bits),
        ("ec", 256)
    );
    assert!(row.active && row.serial_number != 0);
    assert!(row.intermediate_certs.is_none());
    assert!(row.root_cert.ends_with("-----END CERTIFICATE-----\n"));

    let certificate = x509_cert::Certificate::from_der(authority.root().der()).unwrap();
    let subject = certificate.tbs_certificate().subject().to_string();
    assert!(subject.starts_with("CN=pri-") && subject.ends_with(".consul.ca.11111111.consul"));
}

#[test]
fn an_authority_is_taken_up_again_from_what_was_kept() {
    let rng = SystemRandom::new();
    let first = authority();
    let params = params(Ttls::default());
    let again =
        Authority::from_parts(&params, first.root().pem(), &first.key().to_pem(), &rng).unwrap();
    assert_eq!(again.root(), first.root());
    let leaf = sign(&again, &request(id(Identity::service("dc1", "web")))).unwrap();
    assert!(accepted_as_client(first.root(), &leaf, now()));

    let other = authority();
    let mixed = Authority::from_parts(&params, first.root().pem(), &other.key().to_pem(), &rng);
    assert!(matches!(mixed, Err(AuthorityError::Mismatch)));
    let leaf_as_root = Authority::from_parts(&params, &leaf.chain_pem, &first.key().to_pem(), &rng);
    assert!(matches!(
        leaf_as_root,
        Err(AuthorityError::Root(RootError::NotAuthority))
    ));
}

#[test]
fn every_kind_of_member_is_certified() {
    let authority = authority();
    for identity in [
        Identity::service("dc1", "blå"),
        Identity::agent("dc7", "node-1"),
        Identity::server("dc1"),
        Identity::mesh_gateway("dc1"),
    ] {
        let leaf = sign(&authority, &request(id(identity.clone()))).unwrap();
        assert_eq!(leaf.id, id(identity));
        assert!(accepted_as_client(authority.root(), &leaf, now()));
    }
}

#[test]
fn an_agents_host_part_becomes_the_trust_domain() {
    let agent: SpiffeId = "spiffe://dummy.trustdomain/agent/client/dc/dc1/id/n1"
        .parse()
        .unwrap();
    let leaf = sign(&authority(), &request(agent)).unwrap();
    assert_eq!(leaf.id, id(Identity::agent("dc1", "n1")));
}

#[test]
fn strangers_are_refused_in_consuls_words() {
    let authority = authority();
    let refusal = |id: SpiffeId| sign(&authority, &request(id)).unwrap_err().to_string();
    assert_eq!(
        refusal(
            "spiffe://x.consul/ns/default/dc/dc1/svc/web"
                .parse()
                .unwrap()
        ),
        format!(
            "SPIFFE ID in CSR from a different trust domain: x.consul, we are {CLUSTER}.consul"
        )
    );
    for identity in [
        Identity::service("dc2", "web"),
        Identity::server("dc2"),
        Identity::mesh_gateway("dc2"),
    ] {
        assert_eq!(
            refusal(id(identity)),
            "SPIFFE ID in CSR from a different datacenter: dc2, we are dc1"
        );
    }
    assert_eq!(
        refusal(id(Identity::Signing)),
        "SPIFFE ID in CSR must be a service, agent, server, or mesh gateway ID"
    );
}

#[test]
fn only_servers_get_names_within_the_trust_domain() {
    let authority = authority();
    let named = |identity, name: &str| {
        let request = request(id(identity)).with_dns_names([name]).unwrap();
        sign(&authority, &request)
    };
    let server = format!("server.dc1.peering.{CLUSTER}.consul");
    let leaf = named(Identity::server("dc1"), &server).unwrap();
    let verifier = WebPkiServerVerifier::builder_with_provider(
        store(authority.root()),
        default_provider().into(),
    )
    .build()
    .unwrap();
    let time = UnixTime::since_unix_epoch(now().duration_since(UNIX_EPOCH).unwrap());
    let certificate = certificate_der(&leaf.chain_pem);
    let verified = |name: &str| {
        let name = ServerName::try_from(name.to_owned()).unwrap();
        verifier.verify_server_cert(&certificate, &[], &name, &[], time)
    };
    assert!(verified(&server).is_ok());
    assert!(verified("server.dc2.peering.example").is_err());

    let web = || Identity::service("dc1", "web");
    for reserved in [
        server.as_str(),
        &server.to_uppercase(),
        &format!("{CLUSTER}.consul"),
        &format!("{CLUSTER}.consul."),
        &format!("*.dc1.peering.{CLUSTER}.consul"),
        "*.consul",
        "1*.consul",
        "*",
    ] {
        assert!(
            matches!(named(web(), reserved), Err(SignError::ReservedName { .. })),
            "{reserved}"
        );
    }
    for free in [
        "web.example",
        "*.ingress.consul",
        &format!("x{CLUSTER}.consul"),
    ] {
        assert!(named(web(), free).is_ok(), "{free}");
    }
}

#[test]
fn a_leaf_lives_as_long_as_configured_from_a_minute_ago() {
    let leaf = sign(&authority(), &request(id(Identity::service("dc1", "web")))).unwrap();
    assert_eq!(leaf.not_before, now() - MINUTE);
    assert_eq!(leaf.not_after, leaf.not_before + 72 * HOUR);
}

#[test]
fn a_short_lived_leaf_is_hardly_dated_back() {
    let ttls = Ttls {
        leaf: Duration::from_secs(10),
        ..Ttls::default()
    };
    let authority = Authority::generate(&params(ttls), now(), &SystemRandom::new()).unwrap();
    let leaf = sign(&authority, &request(id(Identity::service("dc1", "web")))).unwrap();
    assert_eq!(leaf.not_before, now() - Duration::from_secs(1));
    assert_eq!(leaf.not_after, now() + Duration::from_secs(9));
}

#[test]
fn a_leaf_never_outlives_its_root_nor_is_it_older() {
    let ttls = Ttls {
        root: 72 * HOUR,
        ..Ttls::default()
    };
    let rng = SystemRandom::new();
    let authority = Authority::generate(&params(ttls), now(), &rng).unwrap();
    let root = authority.root();
    let request = request(id(Identity::service("dc1", "web")));
    for time in [now() - MINUTE, now(), now() + 71 * HOUR] {
        let leaf = authority.sign(&request, time, &rng).unwrap();
        assert!(leaf.not_before >= root.not_before());
        assert!(leaf.not_after <= root.not_after());
        assert!(accepted_as_client(root, &leaf, time));
    }
    for time in [now() - 2 * MINUTE, now() + 72 * HOUR] {
        let error = authority.sign(&request, time, &rng).unwrap_err();
        assert_eq!(
            error.to_string(),
            "root expired: certificate expired, expiration date: 2025-10-12T08:53:20Z"
        );
    }
}

#[test]
fn serial_numbers_differ_and_are_positive() {
    let authority = authority();
    let request = request(id(Identity::service("dc1", "web")));
    let serials: std::collections::BTreeSet<String> = (0..100)
        .map(|_| sign(&authority, &request).unwrap().serial_number)
        .collect();
    assert_eq!(serials.len(), 100);
    for serial in serials {
        let first = u8::from_str_radix(&serial[..2], 16).unwrap();
        assert!((0x40..0x80).contains(&first));
        assert_eq!(serial.len(), 16 * 3 - 1);
    }
}

#[test]
fn times_out_of_range_are_errors() {
    let rng = SystemRandom::new();
    for time in [UNIX_EPOCH - HOUR, UNIX_EPOCH + Duration::from_secs(1 << 40)] {
        assert!(Authority::generate(&params(Ttls::default()), time, &rng).is_err());
    }
}
