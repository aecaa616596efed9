//! Certificates with which the agents know each other: an authority that lives in files, and what it issues.
//!
//! They have nothing to do with those of the mesh: their names are host names, not services.

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use const_oid::db::rfc5280;
use der::Encode;
use ring::rand::SecureRandom;
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages};

use crate::encoding::{self, AlternativeNames};
use crate::key::{KeyError, KeyPair};
use crate::profile::{self, Fields};
use crate::root::{Root, RootError};

/// The authority that certifies agents.
#[derive(Debug)]
pub struct AgentAuthority {
    root: Root,
    key: KeyPair,
}

/// What an authority for agents is made of.
#[derive(Clone, Copy, Debug)]
pub struct AgentRoot<'a> {
    /// Its name; made up where empty.
    pub common_name: &'a str,
    /// An identity that it also has, as a URI; none where empty.
    pub uri: &'a str,
    /// Domains within which alone it may certify names; any where empty.
    pub domains: &'a [String],
    /// Start of its validity.
    pub not_before: SystemTime,
    /// How long it is valid.
    pub lifetime: Duration,
}

/// What an agent's certificate says.
#[derive(Clone, Copy, Debug)]
pub struct AgentName<'a> {
    /// Its name.
    pub common_name: &'a str,
    /// All host names that it is reached by.
    pub dns_names: &'a [String],
    /// All addresses that it is reached by.
    pub ip_addresses: &'a [IpAddr],
    /// Whether it is accepted as a server's and a client's of TLS; for any use where not.
    pub tls: bool,
    /// Start of its validity.
    pub not_before: SystemTime,
    /// How long it is valid.
    pub lifetime: Duration,
}

/// An agent's certificate and its key, both PEM.
#[derive(Debug)]
pub struct AgentCertificate {
    /// The certificate.
    pub certificate: String,
    /// Its key.
    pub key: KeyPair,
}

/// Why a certificate for agents cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AgentCertificateError {
    /// The authority's certificate cannot be used.
    #[error("the authority's certificate cannot be used: {0}")]
    Root(#[from] RootError),
    /// A key cannot be made or used.
    #[error("the key cannot be used: {0}")]
    Key(#[from] KeyError),
    /// The authority's key is not that of its certificate.
    #[error("the authority's key does not belong to its certificate")]
    Mismatch,
    /// A name cannot be certified.
    #[error("{0:?} is not a host name")]
    Name(String),
    /// Something cannot be written in DER.
    #[error("cannot be encoded: {0}")]
    Encode(#[from] der::Error),
    /// The system gives no randomness.
    #[error("the system gives no randomness")]
    Random,
}

impl From<ring::error::Unspecified> for AgentCertificateError {
    fn from(_: ring::error::Unspecified) -> Self {
        Self::Random
    }
}

type Result<T> = std::result::Result<T, AgentCertificateError>;

// === impl AgentAuthority ===

impl AgentAuthority {
    /// Makes an authority that signs itself.
    ///
    /// # Errors
    /// Where a name is none, or the system gives no randomness.
    pub fn generate(wanted: &AgentRoot<'_>, rng: &dyn SecureRandom) -> Result<Self> {
        let key = KeyPair::generate(rng)?;
        let serial = profile::serial(rng)?;
        let number: String = serial[..6]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let made_up = format!("Agent CA {number}");
        let common_name = if wanted.common_name.is_empty() {
            &made_up
        } else {
            wanted.common_name
        };
        let subject = profile::name(common_name);
        let body = profile::body(Fields {
            serial: &serial,
            issuer: &subject,
            subject: &subject,
            validity: &validity(wanted.not_before, wanted.lifetime)?,
            spki: key.public_key().spki(),
            extensions: &root_extensions(wanted, &key.public_key().id())?,
        });
        let root = Root::from_der(signed(&body, &key, rng)?)?;
        Ok(Self { root, key })
    }

    /// The authority of two files.
    ///
    /// # Errors
    /// Where they are none, or do not belong together.
    pub fn from_pem(certificate: &str, key: &str, rng: &dyn SecureRandom) -> Result<Self> {
        let root = Root::from_pem(certificate)?;
        let key = KeyPair::from_pem(key, rng)?;
        if *root.public_key() != key.public_key() {
            return Err(AgentCertificateError::Mismatch);
        }
        Ok(Self { root, key })
    }

    /// Its certificate, PEM.
    #[must_use]
    pub fn certificate(&self) -> &str {
        self.root.pem()
    }

    /// Its key.
    #[must_use]
    pub const fn key(&self) -> &KeyPair {
        &self.key
    }

    /// Certifies an agent, with a key that is made for it.
    ///
    /// # Errors
    /// Where a name is none, or the system gives no randomness.
    pub fn issue(&self, name: &AgentName<'_>, rng: &dyn SecureRandom) -> Result<AgentCertificate> {
        let key = KeyPair::generate(rng)?;
        let body = profile::body(Fields {
            serial: &profile::serial(rng)?,
            issuer: self.root.subject(),
            subject: &profile::name(name.common_name),
            validity: &validity(name.not_before, name.lifetime)?,
            spki: key.public_key().spki(),
            extensions: &extensions(name, &key.public_key().id(), self.root.key_id())?,
        });
        let der = signed(&body, &self.key, rng)?;
        Ok(AgentCertificate {
            certificate: encoding::pem(encoding::CERTIFICATE_LABEL, &der),
            key,
        })
    }
}

fn validity(from: SystemTime, lifetime: Duration) -> der::Result<Vec<u8>> {
    let from = encoding::whole_seconds(from);
    encoding::validity(from, from + lifetime)
}

fn signed(body: &[u8], key: &KeyPair, rng: &dyn SecureRandom) -> Result<Vec<u8>> {
    let signature = key.signing_key(rng)?.sign(rng, body)?;
    Ok(encoding::signed(body, signature.as_ref()))
}

fn root_extensions(wanted: &AgentRoot<'_>, key_id: &[u8]) -> Result<Vec<u8>> {
    let usage = KeyUsages::KeyCertSign | KeyUsages::CRLSign | KeyUsages::DigitalSignature;
    let constraints = BasicConstraints {
        ca: true,
        path_len_constraint: None,
    };
    let mut all = vec![
        profile::extension(rfc5280::ID_CE_KEY_USAGE, true, &KeyUsage(usage))?,
        profile::extension(rfc5280::ID_CE_BASIC_CONSTRAINTS, true, &constraints)?,
        profile::subject_key_id(key_id),
        profile::authority_key_id(key_id),
    ];
    if !wanted.uri.is_empty() {
        let names = AlternativeNames {
            uri: wanted.uri,
            dns_names: &[],
            ip_addresses: &[],
        };
        all.push(encoding::alternative_names(names, false));
    }
    if !wanted.domains.is_empty() {
        check_names(wanted.domains)?;
        all.push(encoding::permitted_domains(wanted.domains));
    }
    Ok(all.concat())
}

fn extensions(name: &AgentName<'_>, key_id: &[u8], issuer: &[u8]) -> Result<Vec<u8>> {
    check_names(name.dns_names)?;
    let usage = KeyUsages::DigitalSignature | KeyUsages::KeyEncipherment;
    let constraints = BasicConstraints {
        ca: false,
        path_len_constraint: None,
    };
    let names = AlternativeNames {
        uri: "",
        dns_names: name.dns_names,
        ip_addresses: name.ip_addresses,
    };
    let mut all = vec![profile::extension(
        rfc5280::ID_CE_KEY_USAGE,
        true,
        &KeyUsage(usage),
    )?];
    if name.tls {
        let uses = vec![rfc5280::ID_KP_SERVER_AUTH, rfc5280::ID_KP_CLIENT_AUTH];
        let uses = ExtendedKeyUsage(uses).to_der()?;
        all.push(encoding::extension(
            rfc5280::ID_CE_EXT_KEY_USAGE,
            false,
            &uses,
        ));
    }
    all.extend([
        profile::extension(rfc5280::ID_CE_BASIC_CONSTRAINTS, true, &constraints)?,
        profile::subject_key_id(key_id),
        profile::authority_key_id(issuer),
        encoding::alternative_names(names, false),
    ]);
    Ok(all.concat())
}

/// Host names are what DNS has: letters, digits, hyphens and dots, and a first label that is `*`.
fn check_names(names: &[String]) -> Result<()> {
    let label = |label: &str| {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        !label.is_empty() && label.len() <= 63 && label.bytes().all(known)
    };
    let good = |name: &str| {
        name.strip_prefix("*.")
            .unwrap_or(name)
            .split('.')
            .all(label)
    };
    match names.iter().find(|name| !good(name)) {
        None => Ok(()),
        Some(name) => Err(AgentCertificateError::Name(name.clone())),
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use ring::rand::SystemRandom;

    use super::*;

    fn root(domains: &[String]) -> AgentAuthority {
        let wanted = AgentRoot {
            common_name: "",
            uri: "",
            domains,
            not_before: UNIX_EPOCH + Duration::from_secs(1_700_000_000),
            lifetime: Duration::from_secs(86_400),
        };
        AgentAuthority::generate(&wanted, &SystemRandom::new()).unwrap()
    }

    fn name(dns_names: &[String]) -> AgentName<'_> {
        AgentName {
            common_name: "server.dc1.consul",
            dns_names,
            ip_addresses: &[],
            tls: true,
            not_before: UNIX_EPOCH + Duration::from_secs(1_700_000_000),
            lifetime: Duration::from_secs(86_400),
        }
    }

    #[test]
    fn an_authority_comes_back_from_its_files() {
        let rng = SystemRandom::new();
        let made = root(&["consul".to_owned()]);
        let read =
            AgentAuthority::from_pem(made.certificate(), &made.key().to_pem(), &rng).unwrap();
        assert_eq!(read.certificate(), made.certificate());
        let issued = read.issue(&name(&["server.dc1.consul".to_owned()]), &rng);
        let issued = issued.unwrap();
        let (_, der) = der::pem::decode_vec(issued.certificate.as_bytes()).unwrap();
        let certificate = <x509_cert::Certificate as der::Decode>::from_der(&der).unwrap();
        let body = certificate.tbs_certificate();
        assert_eq!(body.subject().to_string(), "CN=server.dc1.consul");
        let message = body.to_der().unwrap();
        let signature = certificate.signature().raw_bytes();
        let public = made.key().public_key();
        let algorithm = body.signature().oid;
        assert!(public.verifies(algorithm, &message, signature));
    }

    #[test]
    fn files_that_do_not_belong_together_are_refused() {
        let (one, other) = (root(&[]), root(&[]));
        let rng = SystemRandom::new();
        let mixed = AgentAuthority::from_pem(one.certificate(), &other.key().to_pem(), &rng);
        assert!(matches!(mixed, Err(AgentCertificateError::Mismatch)));
        let none = AgentAuthority::from_pem("x", &other.key().to_pem(), &rng);
        assert!(matches!(none, Err(AgentCertificateError::Root(_))));
    }

    #[test]
    fn what_is_no_host_name_is_not_certified() {
        let authority = root(&[]);
        for bad in ["", "a b", "a..b", "a\u{0}", "ä.consul", ".consul"] {
            let issued = authority.issue(&name(&[bad.to_owned()]), &SystemRandom::new());
            assert!(
                matches!(issued, Err(AgentCertificateError::Name(_))),
                "{bad}"
            );
        }
        let wild = authority.issue(&name(&["*.node.consul".to_owned()]), &SystemRandom::new());
        assert!(wild.is_ok());
    }
}
