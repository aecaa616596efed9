//! The few pieces of DER that every certificate repeats, written straight into their bytes.
//!
//! Parsing is left to `x509-cert`; writing is done here because the constant parts of a leaf are then
//! encoded once per authority instead of once per leaf.

use std::net::IpAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use const_oid::ObjectIdentifier;
use der::pem::LineEnding;
use der::{DateTime, Encode};
use ring::digest;
use x509_cert::time::Time;

pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;

const BOOLEAN_TRUE: [u8; 3] = [0x01, 0x01, 0xff];

/// `GeneralName` choices (RFC 5280, section 4.2.1.6).
const DNS_NAME: u8 = 0x82;
const URI: u8 = 0x86;
const IP_ADDRESS: u8 = 0x87;

/// `permittedSubtrees` of name constraints.
const PERMITTED: u8 = 0xa0;

/// `AlgorithmIdentifier` of ecdsa-with-SHA256 (RFC 5758, section 3.2).
pub(crate) const ECDSA_WITH_SHA256: [u8; 12] = [
    0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02,
];

/// PEM label of a certificate.
pub(crate) const CERTIFICATE_LABEL: &str = "CERTIFICATE";

/// What a certificate or request is issued for, as its subject alternative names.
#[derive(Clone, Copy)]
pub(crate) struct AlternativeNames<'a> {
    pub(crate) uri: &'a str,
    pub(crate) dns_names: &'a [String],
    pub(crate) ip_addresses: &'a [IpAddr],
}

/// One value with its tag and length; the value is the concatenation of `parts`.
pub(crate) fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut out = Vec::with_capacity(length + 6);
    out.push(tag);
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => out.push(short),
        _ => {
            let bytes = length.to_be_bytes();
            let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
            let significant = &bytes[zeros..];
            // At most eight bytes, so the count fits beside the long-form bit.
            out.push(0x80 | significant.len() as u8);
            out.extend_from_slice(significant);
        }
    }
    for part in parts {
        out.extend_from_slice(part);
    }
    out
}

/// A bit string of whole bytes.
pub(crate) fn bit_string(bytes: &[u8]) -> Vec<u8> {
    tlv(BIT_STRING, &[&[0], bytes])
}

/// One certificate extension (RFC 5280, section 4.1).
pub(crate) fn extension(oid: ObjectIdentifier, critical: bool, value: &[u8]) -> Vec<u8> {
    let critical: &[u8] = if critical { &BOOLEAN_TRUE } else { &[] };
    tlv(
        SEQUENCE,
        &[
            &tlv(OBJECT_IDENTIFIER, &[oid.as_bytes()]),
            critical,
            &tlv(OCTET_STRING, &[value]),
        ],
    )
}

/// The subject alternative name extension: DNS names, IP addresses, then the URI, if there is one.
///
/// Critical, since the subject of these certificates is empty (RFC 5280, section 4.2.1.6).
pub(crate) fn alternative_names(names: AlternativeNames<'_>, critical: bool) -> Vec<u8> {
    let mut general_names = Vec::new();
    for dns_name in names.dns_names {
        general_names.extend(tlv(DNS_NAME, &[dns_name.as_bytes()]));
    }
    for address in names.ip_addresses {
        general_names.extend(match address {
            IpAddr::V4(v4) => tlv(IP_ADDRESS, &[&v4.octets()]),
            IpAddr::V6(v6) => tlv(IP_ADDRESS, &[&v6.octets()]),
        });
    }
    if !names.uri.is_empty() {
        general_names.extend(tlv(URI, &[names.uri.as_bytes()]));
    }
    extension(
        const_oid::db::rfc5280::ID_CE_SUBJECT_ALT_NAME,
        critical,
        &tlv(SEQUENCE, &[&general_names]),
    )
}

/// The extension that an authority certifies DNS names within these domains alone (RFC 5280, section 4.2.1.10).
pub(crate) fn permitted_domains(domains: &[String]) -> Vec<u8> {
    let subtrees: Vec<u8> = domains
        .iter()
        .flat_map(|domain| tlv(SEQUENCE, &[&tlv(DNS_NAME, &[domain.as_bytes()])]))
        .collect();
    extension(
        const_oid::db::rfc5280::ID_CE_NAME_CONSTRAINTS,
        true,
        &tlv(SEQUENCE, &[&tlv(PERMITTED, &[&subtrees])]),
    )
}

/// The validity of a certificate: UTC time to 2049, generalised time after (RFC 5280, section 4.1.2.5).
pub(crate) fn validity(not_before: SystemTime, not_after: SystemTime) -> der::Result<Vec<u8>> {
    let not_before = Time::try_from(not_before)?.to_der()?;
    let not_after = Time::try_from(not_after)?.to_der()?;
    Ok(tlv(SEQUENCE, &[&not_before, &not_after]))
}

/// What is signed, its algorithm and its signature, as one structure: certificates and requests alike.
pub(crate) fn signed(body: &[u8], signature: &[u8]) -> Vec<u8> {
    tlv(
        SEQUENCE,
        &[body, &ECDSA_WITH_SHA256, &bit_string(signature)],
    )
}

/// Certificates know whole seconds only; what is left over is cut off.
pub(crate) fn whole_seconds(time: SystemTime) -> SystemTime {
    let since_epoch = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    UNIX_EPOCH + Duration::from_secs(since_epoch.as_secs())
}

/// A time as Consul's JSON has it: RFC 3339, UTC. Times outside of the years
/// 1970 to 9999, which no certificate has, print as the last of them.
pub(crate) fn rfc3339(time: SystemTime) -> String {
    DateTime::from_system_time(time)
        .unwrap_or(DateTime::INFINITY)
        .to_string()
}

/// PEM with a newline at its end.
pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    der::pem::encode_string(label, LineEnding::LF, der)
        .expect("a constant label is valid and memory holds the text of what it holds the bytes of")
}

/// Bytes as lower-case hexadecimal pairs joined by colons, Consul's spelling of IDs and serial numbers.
pub(crate) fn colon_hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 3);
    for byte in bytes {
        if !text.is_empty() {
            text.push(':');
        }
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 0xf)]));
    }
    text
}

/// SHA-256 of `bytes`.
pub(crate) fn sha256(bytes: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA256, bytes).as_ref().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_minimal() {
        for (length, header) in [
            (0, vec![0x04, 0x00]),
            (0x7f, vec![0x04, 0x7f]),
            (0x80, vec![0x04, 0x81, 0x80]),
            (0x100, vec![0x04, 0x82, 0x01, 0x00]),
            (0x1_0000, vec![0x04, 0x83, 0x01, 0x00, 0x00]),
        ] {
            let encoded = tlv(OCTET_STRING, &[&vec![0; length]]);
            assert_eq!(encoded.len(), header.len() + length);
            assert!(encoded.starts_with(&header));
        }
    }

    #[test]
    fn identifiers_are_colon_separated_pairs() {
        assert_eq!(colon_hex(&[0x00, 0xab, 0x10]), "00:ab:10");
        assert_eq!(colon_hex(&[]), "");
    }

    #[test]
    fn times_print_as_rfc_3339() {
        let time = UNIX_EPOCH + Duration::from_millis(1_700_000_000_900);
        assert_eq!(rfc3339(whole_seconds(time)), "2023-11-14T22:13:20Z");
    }
}
