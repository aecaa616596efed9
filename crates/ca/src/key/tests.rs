use ring::rand::SystemRandom;
use rustls::crypto::ring::sign::any_ecdsa_type;
use rustls::pki_types::{PrivateKeyDer, pem::PemObject};

use super::*;

fn rng() -> SystemRandom {
    SystemRandom::new()
}

#[test]
fn a_key_survives_its_pem_form() {
    let key = KeyPair::generate(&rng()).unwrap();
    let pem = key.to_pem();
    assert!(pem.starts_with("-----BEGIN EC PRIVATE KEY-----\n"));
    assert!(pem.ends_with("-----END EC PRIVATE KEY-----\n"));
    let again = KeyPair::from_pem(&pem, &rng()).unwrap();
    assert_eq!(again.public_key(), key.public_key());
    assert_eq!(again.to_pem(), pem);
}

#[test]
fn another_library_reads_the_pem_form() {
    let key = KeyPair::generate(&rng()).unwrap();
    let der = PrivateKeyDer::from_pem_slice(key.to_pem().as_bytes()).unwrap();
    let read = any_ecdsa_type(&der).unwrap();
    assert_eq!(read.public_key().unwrap().as_ref(), key.public_key().spki());
}

#[test]
fn pkcs8_is_read_too() {
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &rng()).unwrap();
    let pem = encoding::pem("PRIVATE KEY", document.as_ref());
    let key = KeyPair::from_pem(&pem, &rng()).unwrap();
    assert_eq!(&document.as_ref()[PKCS8_PUBLIC], &key.public_key().raw[..]);
}

#[test]
fn halves_that_do_not_match_are_refused() {
    let (mut one, other) = (
        KeyPair::generate(&rng()).unwrap(),
        KeyPair::generate(&rng()).unwrap(),
    );
    one.public = other.public;
    assert!(matches!(
        KeyPair::from_pem(&one.to_pem(), &rng()),
        Err(KeyError::Mismatch)
    ));
}

#[test]
fn what_is_no_key_is_refused_with_the_reason() {
    let refusal = |text: &str| KeyPair::from_pem(text, &rng()).unwrap_err();
    assert!(matches!(refusal(""), KeyError::Pem));
    assert!(matches!(
        refusal(&encoding::pem("CERTIFICATE", b"x")),
        KeyError::Label { label } if label == "CERTIFICATE"
    ));
    assert!(matches!(
        refusal(&encoding::pem("EC PRIVATE KEY", b"noise")),
        KeyError::Format(_)
    ));
    let p384 = EcdsaKeyPair::generate_pkcs8(&signature::ECDSA_P384_SHA384_ASN1_SIGNING, &rng());
    assert!(matches!(
        refusal(&encoding::pem("PRIVATE KEY", p384.unwrap().as_ref())),
        KeyError::Unsupported
    ));
}

#[test]
fn a_private_key_is_never_printed() {
    let key = KeyPair::generate(&rng()).unwrap();
    let printed = format!("{key:?}");
    let private = encoding::colon_hex(&key.private);
    assert!(!printed.contains(&private[..11]));
    assert!(!printed.contains(&format!("{:?}", &key.private[..4])[1..]));
    assert!(printed.contains("P256"));
}
