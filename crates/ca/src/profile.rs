//! What Consul's certificates are made of, as DER.

use const_oid::db::{rfc4519, rfc5280};
use der::Encode;
use ring::error::Unspecified;
use ring::rand::SecureRandom;
use tribune_types::spiffe::{Identity, TrustDomain};
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages};

use crate::encoding::{self, AlternativeNames, INTEGER, OBJECT_IDENTIFIER, SEQUENCE, SET, tlv};

/// The name of nobody: leaves are known by their alternative names alone.
pub(crate) const EMPTY_NAME: [u8; 2] = [SEQUENCE, 0x00];

const SERIAL_LENGTH: usize = 16;

const UTF8_STRING: u8 = 0x0c;
const PRINTABLE_STRING: u8 = 0x13;
const EXTENSIONS: u8 = 0xa3;
const KEY_IDENTIFIER: u8 = 0x80;

/// `[0] EXPLICIT INTEGER 2`: X.509 version 3 (RFC 5280, section 4.1.2.1).
const VERSION_3: [u8; 5] = [0xa0, 0x03, 0x02, 0x01, 0x02];

/// The parts of a certificate that differ, each as DER.
pub(crate) struct Fields<'a> {
    /// Content of the serial number.
    pub(crate) serial: &'a [u8],
    pub(crate) issuer: &'a [u8],
    pub(crate) subject: &'a [u8],
    pub(crate) validity: &'a [u8],
    pub(crate) spki: &'a [u8],
    /// The extensions, one after another.
    pub(crate) extensions: &'a [u8],
}

/// The part of a certificate that is signed (RFC 5280, section 4.1).
pub(crate) fn body(fields: Fields<'_>) -> Vec<u8> {
    tlv(
        SEQUENCE,
        &[
            &VERSION_3,
            &tlv(INTEGER, &[fields.serial]),
            &encoding::ECDSA_WITH_SHA256,
            fields.issuer,
            fields.validity,
            fields.subject,
            fields.spki,
            &tlv(EXTENSIONS, &[&tlv(SEQUENCE, &[fields.extensions])]),
        ],
    )
}

/// A random serial number of 126 bits: positive, and without leading zeros to be left out in print.
pub(crate) fn serial(rng: &dyn SecureRandom) -> Result<[u8; SERIAL_LENGTH], Unspecified> {
    let mut serial = [0; SERIAL_LENGTH];
    rng.fill(&mut serial)?;
    serial[0] = (serial[0] & 0x3f) | 0x40;
    Ok(serial)
}

/// The subject of a root: `CN=pri-RANDOM.consul.ca.CLUSTER.consul`, with eight characters of the cluster ID.
pub(crate) fn common_name(
    trust_domain: &TrustDomain,
    rng: &dyn SecureRandom,
) -> Result<Vec<u8>, Unspecified> {
    let mut random = [0; 8];
    rng.fill(&mut random)?;
    let letters: String = random.iter().map(|byte| base36(*byte)).collect();
    let cluster: String = trust_domain.cluster_id().chars().take(8).collect();
    let text = format!("pri-{letters}.consul.ca.{cluster}.consul");
    let attribute = tlv(
        SEQUENCE,
        &[
            &tlv(OBJECT_IDENTIFIER, &[rfc4519::CN.as_bytes()]),
            &tlv(PRINTABLE_STRING, &[text.as_bytes()]),
        ],
    );
    Ok(tlv(SEQUENCE, &[&tlv(SET, &[&attribute])]))
}

/// A name that is a common name alone, as `UTF8String`.
pub(crate) fn name(common_name: &str) -> Vec<u8> {
    let attribute = tlv(
        SEQUENCE,
        &[
            &tlv(OBJECT_IDENTIFIER, &[rfc4519::CN.as_bytes()]),
            &tlv(UTF8_STRING, &[common_name.as_bytes()]),
        ],
    );
    tlv(SEQUENCE, &[&tlv(SET, &[&attribute])])
}

fn base36(byte: u8) -> char {
    char::from_digit(u32::from(byte) % 36, 36).expect("a number below 36 is a digit to base 36")
}

pub(crate) fn root_extensions(trust_domain: &TrustDomain, key_id: &[u8]) -> der::Result<Vec<u8>> {
    let usage = KeyUsages::KeyCertSign | KeyUsages::CRLSign | KeyUsages::DigitalSignature;
    let constraints = BasicConstraints {
        ca: true,
        path_len_constraint: None,
    };
    let names = AlternativeNames {
        uri: &Identity::Signing.within(trust_domain).to_string(),
        dns_names: &[],
        ip_addresses: &[],
    };
    Ok([
        extension(rfc5280::ID_CE_KEY_USAGE, true, &KeyUsage(usage))?,
        extension(rfc5280::ID_CE_BASIC_CONSTRAINTS, true, &constraints)?,
        subject_key_id(key_id),
        authority_key_id(key_id),
        encoding::alternative_names(names, false),
    ]
    .concat())
}

pub(crate) fn leaf_extensions(issuer_key_id: &[u8]) -> der::Result<Vec<u8>> {
    let usage = KeyUsages::DigitalSignature
        | KeyUsages::KeyEncipherment
        | KeyUsages::DataEncipherment
        | KeyUsages::KeyAgreement;
    let extended_usage =
        ExtendedKeyUsage(vec![rfc5280::ID_KP_CLIENT_AUTH, rfc5280::ID_KP_SERVER_AUTH]);
    let constraints = BasicConstraints {
        ca: false,
        path_len_constraint: None,
    };
    Ok([
        extension(rfc5280::ID_CE_KEY_USAGE, true, &KeyUsage(usage))?,
        extension(rfc5280::ID_CE_EXT_KEY_USAGE, false, &extended_usage)?,
        extension(rfc5280::ID_CE_BASIC_CONSTRAINTS, true, &constraints)?,
        authority_key_id(issuer_key_id),
    ]
    .concat())
}

pub(crate) fn extension(
    oid: const_oid::ObjectIdentifier,
    critical: bool,
    value: &impl Encode,
) -> der::Result<Vec<u8>> {
    Ok(encoding::extension(oid, critical, &value.to_der()?))
}

pub(crate) fn subject_key_id(key_id: &[u8]) -> Vec<u8> {
    let value = tlv(encoding::OCTET_STRING, &[key_id]);
    encoding::extension(rfc5280::ID_CE_SUBJECT_KEY_IDENTIFIER, false, &value)
}

pub(crate) fn authority_key_id(key_id: &[u8]) -> Vec<u8> {
    let value = tlv(SEQUENCE, &[&tlv(KEY_IDENTIFIER, &[key_id])]);
    encoding::extension(rfc5280::ID_CE_AUTHORITY_KEY_IDENTIFIER, false, &value)
}
