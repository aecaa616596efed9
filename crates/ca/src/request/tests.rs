use proptest::prelude::*;
use ring::rand::SystemRandom;
use tribune_types::spiffe::{Identity, TrustDomain};

use super::*;

fn rng() -> SystemRandom {
    SystemRandom::new()
}

fn web() -> SpiffeId {
    let domain = TrustDomain::of_cluster("11111111-2222-3333-4444-555555555555").unwrap();
    Identity::service("dc1", "web").within(&domain)
}

fn der_of(pem: &str) -> Vec<u8> {
    der::pem::decode_vec(pem.as_bytes()).unwrap().1
}

/// A signed request with these extensions, each already encoded.
fn request_with(key: &KeyPair, extensions: &[u8]) -> Vec<u8> {
    let attribute = tlv(
        SEQUENCE,
        &[
            &tlv(OBJECT_IDENTIFIER, &[ID_EXTENSION_REQ.as_bytes()]),
            &tlv(SET, &[&tlv(SEQUENCE, &[extensions])]),
        ],
    );
    let info = tlv(
        SEQUENCE,
        &[
            &tlv(INTEGER, &[&[0]]),
            &tlv(SEQUENCE, &[]),
            key.public_key().spki(),
            &tlv(ATTRIBUTES, &[&attribute]),
        ],
    );
    let signature = key
        .signing_key(&rng())
        .unwrap()
        .sign(&rng(), &info)
        .unwrap();
    encoding::signed(&info, signature.as_ref())
}

/// The outcome for a request with these `GeneralName`s, by tag and content.
fn outcome(names: &[(u8, &[u8])]) -> Result<Request, RequestError> {
    let key = KeyPair::generate(&rng()).unwrap();
    let names: Vec<u8> = names
        .iter()
        .flat_map(|(tag, name)| tlv(*tag, &[name]))
        .collect();
    let extension = encoding::extension(SubjectAltName::OID, true, &tlv(SEQUENCE, &[&names]));
    Request::from_der(&request_with(&key, &extension))
}

const URI: u8 = 0x86;
const DNS: u8 = 0x82;
const IP: u8 = 0x87;
const EMAIL: u8 = 0x81;
const REGISTERED_ID: u8 = 0x88;
const WEB: &[u8] = b"spiffe://a.consul/ns/default/dc/dc1/svc/web";

#[test]
fn a_request_survives_its_csr() {
    let key = KeyPair::generate(&rng()).unwrap();
    let request = Request::of_key(&key, web())
        .unwrap()
        .with_dns_names(["web.example:8443", " ", "web.example", "*.shop.example"])
        .unwrap()
        .with_ip_addresses(["127.0.0.1".parse().unwrap(), "::1".parse().unwrap()]);
    let read = Request::from_pem(&request.to_csr(&key, &rng()).unwrap()).unwrap();
    assert_eq!(read.id(), &web());
    assert_eq!(read.dns_names(), ["web.example", "*.shop.example"]);
    assert_eq!(read.ip_addresses(), request.ip_addresses());
    assert_eq!(read.public_key(), &key.public_key());
}

#[test]
fn a_csr_is_only_made_with_the_key_it_is_for() {
    let key = KeyPair::generate(&rng()).unwrap();
    let other = KeyPair::generate(&rng()).unwrap();
    let request = Request::of_key(&key, web()).unwrap();
    assert!(matches!(
        request.to_csr(&other, &rng()),
        Err(RequestError::Key(KeyError::Mismatch))
    ));
}

#[test]
fn names_that_make_no_identity_are_refused() {
    let key = KeyPair::generate(&rng()).unwrap();
    for service in ["", "with/slash", "line\nbreak", &"x".repeat(3000)] {
        let mut id = web();
        id.identity = Identity::service("dc1", service);
        assert!(matches!(
            Request::of_key(&key, id),
            Err(RequestError::Unspeakable { .. })
        ));
    }
}

#[test]
fn exactly_one_uri_is_asked_for() {
    assert!(outcome(&[(URI, WEB)]).is_ok());
    let error = outcome(&[(DNS, b"web")]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "CSR SAN contains an invalid number of URIs: 0"
    );
    let error = outcome(&[(URI, WEB), (URI, WEB)]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "CSR SAN contains an invalid number of URIs: 2"
    );
    assert!(matches!(
        outcome(&[(URI, b"https://example/")]),
        Err(RequestError::Spiffe(SpiffeError::Scheme))
    ));
}

#[test]
fn other_kinds_of_names_are_refused() {
    let error = outcome(&[(URI, WEB), (EMAIL, b"a@b")]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "CSR SAN does not allow specifying email addresses"
    );
    assert!(matches!(
        outcome(&[(URI, WEB), (REGISTERED_ID, &[0x2a, 0x03])]),
        Err(RequestError::NameKind)
    ));
    assert!(matches!(
        outcome(&[(URI, WEB), (IP, &[1, 2, 3])]),
        Err(RequestError::IpAddress)
    ));
    for name in [&b"a b"[..], b"", b"a\0b", b"x/y", &[b'x'; 254]] {
        assert!(matches!(
            outcome(&[(URI, WEB), (DNS, name)]),
            Err(RequestError::DnsName { .. })
        ));
    }
}

#[test]
fn a_request_to_become_an_authority_is_refused() {
    let key = KeyPair::generate(&rng()).unwrap();
    let names = tlv(SEQUENCE, &[&tlv(URI, &[WEB])]);
    let names = encoding::extension(SubjectAltName::OID, true, &names);
    let authority = [0x30, 0x03, 0x01, 0x01, 0xff];
    let authority = encoding::extension(BasicConstraints::OID, true, &authority);
    assert!(matches!(
        Request::from_der(&request_with(&key, &[&names[..], &authority].concat())),
        Err(RequestError::Authority)
    ));
    assert!(matches!(
        Request::from_der(&request_with(&key, &[&names[..], &names].concat())),
        Err(RequestError::DuplicateExtension)
    ));
}

#[test]
fn somebody_elses_key_is_refused() {
    let key = KeyPair::generate(&rng()).unwrap();
    let other = KeyPair::generate(&rng()).unwrap();
    let request = Request::of_key(&key, web()).unwrap();
    let mut der = der_of(&request.to_csr(&key, &rng()).unwrap());
    let at = der
        .windows(65)
        .position(|part| part == &key.public_key().spki()[26..])
        .unwrap();
    der[at..at + 65].copy_from_slice(&other.public_key().spki()[26..]);
    assert!(matches!(
        Request::from_der(&der),
        Err(RequestError::Signature)
    ));
}

#[test]
fn weak_keys_are_refused() {
    let rsa = |bits: usize| {
        let mut modulus = vec![0xff; bits / 8];
        modulus.insert(0, 0);
        let key = tlv(
            SEQUENCE,
            &[&tlv(INTEGER, &[&modulus]), &tlv(INTEGER, &[&[1, 0, 1]])],
        );
        let algorithm = [
            0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05,
            0x00,
        ];
        let spki = tlv(SEQUENCE, &[&algorithm, &encoding::bit_string(&key)]);
        PublicKey::from_spki(&Decode::from_der(&spki).unwrap())
    };
    assert!(matches!(rsa(1024), Err(KeyError::Unsupported)));
    let strong = rsa(2048).unwrap();
    assert_eq!((strong.kind(), strong.bits()), ("rsa", 2048));
}

#[test]
fn what_is_no_request_is_refused_with_the_reason() {
    assert!(matches!(Request::from_pem("x"), Err(RequestError::Pem)));
    assert!(matches!(
        Request::from_pem(&encoding::pem("CERTIFICATE", b"x")),
        Err(RequestError::Label)
    ));
    assert!(matches!(
        Request::from_der(b"noise"),
        Err(RequestError::Format(_))
    ));
    assert!(matches!(
        Request::from_der(&vec![0; MAX_LENGTH + 1]),
        Err(RequestError::TooLong)
    ));
    assert!(matches!(
        Request::from_pem(&"x".repeat(2 * MAX_LENGTH + 1)),
        Err(RequestError::TooLong)
    ));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is changed in a request, it is refused: nearly every byte is under the signature, and
    /// the few that are not still need to read as what they were.
    #[test]
    fn a_changed_request_is_never_accepted_as_another(
        at in any::<prop::sample::Index>(),
        replacement in prop::collection::vec(any::<u8>(), 1..5),
    ) {
        let key = KeyPair::generate(&rng()).unwrap();
        let request = Request::of_key(&key, web()).unwrap();
        let mut der = der_of(&request.to_csr(&key, &rng()).unwrap());
        let at = at.index(der.len());
        let end = der.len().min(at + replacement.len());
        der.splice(at..end, replacement);
        if let Ok(read) = Request::from_der(&der) {
            prop_assert_eq!(read.id(), request.id());
            prop_assert_eq!(read.public_key(), request.public_key());
        }
    }

    #[test]
    fn noise_is_refused_without_panic(noise in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Request::from_der(&noise).is_err());
        let wrapped = tlv(SEQUENCE, &[&tlv(SEQUENCE, &[&noise]), &encoding::ECDSA_WITH_SHA256]);
        prop_assert!(Request::from_der(&wrapped).is_err());
        prop_assert!(Request::from_pem(&encoding::pem(CSR_LABEL, &noise)).is_err());
        prop_assert!(Request::from_pem(&String::from_utf8_lossy(&noise)).is_err());
    }

    #[test]
    fn noise_as_names_is_refused_or_read_without_panic(
        noise in prop::collection::vec(any::<u8>(), 0..60),
        tag in 0x80_u8..0xb0,
    ) {
        let _ = outcome(&[(URI, WEB), (tag, &noise)]);
        let _ = outcome(&[(URI, &noise)]);
    }
}
