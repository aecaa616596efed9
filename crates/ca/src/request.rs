//! What somebody wants certified, and the certificate signing request that carries it.

use std::collections::BTreeSet;
use std::net::IpAddr;

use const_oid::AssociatedOid;
use const_oid::db::rfc5912::ID_EXTENSION_REQ;
use der::{Decode, Reader, SliceReader};
use ring::rand::SecureRandom;
use tribune_types::spiffe::{SpiffeError, SpiffeId};
use x509_cert::attr::Attributes;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{BasicConstraints, SubjectAltName};
use x509_cert::request::{CertReq, ExtensionReq};

use crate::encoding::{self, AlternativeNames, INTEGER, OBJECT_IDENTIFIER, SEQUENCE, SET, tlv};
use crate::key::{KeyError, KeyPair, PublicKey};

const CSR_LABEL: &str = "CERTIFICATE REQUEST";

/// Longest request that is read, in bytes of DER; one with a few names has some 400.
const MAX_LENGTH: usize = 16 * 1024;

/// Longest DNS name (RFC 1035, section 2.3.4).
const MAX_DNS_NAME_LENGTH: usize = 253;

/// Tag of the attributes in a request (RFC 2986, section 4.1).
const ATTRIBUTES: u8 = 0xa0;

/// An identity to certify for a key.
///
/// Invariant: the key's possession is proven, by a signature with it or by having it at hand, and the
/// identity reads back from its own spelling.
#[derive(Clone, Debug)]
pub struct Request {
    id: SpiffeId,
    uri: String,
    dns_names: Vec<String>,
    ip_addresses: Vec<IpAddr>,
    key: PublicKey,
}

/// Why a request is refused before it is asked who may have it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The text is no PEM.
    #[error("no PEM-encoded data found")]
    Pem,
    /// The PEM block is something else.
    #[error("first PEM-block should be CERTIFICATE REQUEST type")]
    Label,
    /// The request is too long to be one.
    #[error("CSR is longer than {MAX_LENGTH} bytes")]
    TooLong,
    /// The bytes are no request.
    #[error("CSR is not a valid format: {0}")]
    Format(#[from] der::Error),
    /// Not exactly one URI.
    #[error("CSR SAN contains an invalid number of URIs: {count}")]
    UriCount {
        /// How many there are.
        count: usize,
    },
    /// An e-mail address.
    #[error("CSR SAN does not allow specifying email addresses")]
    Email,
    /// A name of another kind.
    #[error("CSR SAN allows specifying URIs, DNS names and IP addresses only")]
    NameKind,
    /// A DNS name that none can be.
    #[error("CSR SAN contains an invalid DNS name: {name:?}")]
    DnsName {
        /// The name.
        name: String,
    },
    /// An IP address that is neither 4 nor 16 bytes.
    #[error("CSR SAN contains an invalid IP address")]
    IpAddress,
    /// The same extension twice.
    #[error("CSR asks for an extension twice")]
    DuplicateExtension,
    /// A request to become an authority.
    #[error("CSR asks for a CA certificate")]
    Authority,
    /// The URI is no identity of a mesh.
    #[error(transparent)]
    Spiffe(#[from] SpiffeError),
    /// The identity does not read back from its own spelling.
    #[error("no SPIFFE ID can be made of these names: {uri}")]
    Unspeakable {
        /// The spelling.
        uri: String,
    },
    /// The key is not accepted.
    #[error("CSR key: {0}")]
    Key(#[from] KeyError),
    /// The signature was not made with the key, or with an unknown algorithm.
    #[error("CSR signature does not match its key")]
    Signature,
}

#[derive(Default)]
struct Names {
    uris: Vec<String>,
    dns: Vec<String>,
    ips: Vec<IpAddr>,
}

// === impl Request ===

impl Request {
    /// A request for a key that is at hand, so that nothing needs to be signed to prove it.
    ///
    /// # Errors
    /// When the identity's names are empty, too long or hold `/` or control characters.
    pub fn of_key(key: &KeyPair, id: SpiffeId) -> Result<Self, RequestError> {
        let uri = id.to_string();
        if uri.parse().as_ref() != Ok(&id) {
            return Err(RequestError::Unspeakable { uri });
        }
        Ok(Self {
            id,
            uri,
            dns_names: Vec::new(),
            ip_addresses: Vec::new(),
            key: key.public_key(),
        })
    }

    /// The same request with these DNS names; ports are cut off, blanks and duplicates left out, as Consul does.
    ///
    /// # Errors
    /// [`RequestError::DnsName`] when one can be none.
    pub fn with_dns_names<'a>(
        mut self,
        names: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, RequestError> {
        let mut seen = BTreeSet::new();
        self.dns_names = names
            .into_iter()
            .map(|name| name.split(':').next().unwrap_or_default().trim())
            .filter(|name| !name.is_empty() && seen.insert(*name))
            .map(dns_name)
            .collect::<Result<_, _>>()?;
        Ok(self)
    }

    /// The same request with these IP addresses.
    #[must_use]
    pub fn with_ip_addresses(mut self, addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        self.ip_addresses = addresses.into_iter().collect();
        self
    }

    /// Reads a certificate signing request and checks that it was signed with its own key.
    ///
    /// # Errors
    /// What is wrong with it; a hostile request costs no more than reading and one signature check.
    pub fn from_pem(text: &str) -> Result<Self, RequestError> {
        if text.len() > 2 * MAX_LENGTH {
            return Err(RequestError::TooLong);
        }
        let (label, der) =
            der::pem::decode_vec(text.as_bytes()).map_err(|_not_pem| RequestError::Pem)?;
        if label != CSR_LABEL {
            return Err(RequestError::Label);
        }
        Self::from_der(&der)
    }

    /// Reads a certificate signing request from its DER form, as [`Request::from_pem`].
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn from_der(der: &[u8]) -> Result<Self, RequestError> {
        if der.len() > MAX_LENGTH {
            return Err(RequestError::TooLong);
        }
        let csr = CertReq::from_der(der)?;
        let names = requested_names(&csr.info.attributes)?;
        let [uri] = &names.uris[..] else {
            return Err(RequestError::UriCount {
                count: names.uris.len(),
            });
        };
        let id: SpiffeId = uri.parse()?;
        let key = PublicKey::from_spki(&csr.info.public_key)?;
        let signature = csr.signature.as_bytes().ok_or(RequestError::Signature)?;
        if !key.verifies(csr.algorithm.oid, signed_part(der)?, signature) {
            return Err(RequestError::Signature);
        }
        Ok(Self {
            uri: id.to_string(),
            id,
            dns_names: names.dns,
            ip_addresses: names.ips,
            key,
        })
    }

    /// The certificate signing request for a signer elsewhere, PEM; `key` is the one the request was made of.
    ///
    /// # Errors
    /// [`RequestError::Key`] for another key, or when `rng` fails.
    pub fn to_csr(&self, key: &KeyPair, rng: &dyn SecureRandom) -> Result<String, RequestError> {
        if key.public_key() != self.key {
            return Err(KeyError::Mismatch.into());
        }
        let extensions = encoding::alternative_names(self.alternative_names(), true);
        let attribute = tlv(
            SEQUENCE,
            &[
                &tlv(OBJECT_IDENTIFIER, &[ID_EXTENSION_REQ.as_bytes()]),
                &tlv(SET, &[&tlv(SEQUENCE, &[&extensions])]),
            ],
        );
        let info = tlv(
            SEQUENCE,
            &[
                &tlv(INTEGER, &[&[0]]),
                &tlv(SEQUENCE, &[]),
                self.key.spki(),
                &tlv(ATTRIBUTES, &[&attribute]),
            ],
        );
        let signature = key
            .signing_key(rng)?
            .sign(rng, &info)
            .map_err(KeyError::from)?;
        let der = encoding::signed(&info, signature.as_ref());
        Ok(encoding::pem(CSR_LABEL, &der))
    }

    /// Whom the certificate shall stand for.
    pub fn id(&self) -> &SpiffeId {
        &self.id
    }

    /// DNS names that it shall carry besides.
    pub fn dns_names(&self) -> &[String] {
        &self.dns_names
    }

    /// IP addresses that it shall carry besides.
    pub fn ip_addresses(&self) -> &[IpAddr] {
        &self.ip_addresses
    }

    /// The key to certify.
    pub fn public_key(&self) -> &PublicKey {
        &self.key
    }

    fn alternative_names(&self) -> AlternativeNames<'_> {
        AlternativeNames {
            uri: &self.uri,
            dns_names: &self.dns_names,
            ip_addresses: &self.ip_addresses,
        }
    }
}

/// The bytes that the signature is over, as they came in.
fn signed_part(der: &[u8]) -> Result<&[u8], der::Error> {
    let mut reader = SliceReader::new(der)?;
    reader.sequence(|inner: &mut SliceReader<'_>| {
        // The slices borrow from `der`, not from the reader.
        let info = inner.tlv_bytes()?;
        inner.tlv_bytes()?;
        inner.tlv_bytes()?;
        Ok(info)
    })
}

/// The names that a request asks for.
fn requested_names(attributes: &Attributes) -> Result<Names, RequestError> {
    let mut extensions: Vec<Extension> = Vec::new();
    for attribute in attributes.iter().filter(|a| a.oid == ID_EXTENSION_REQ) {
        for value in attribute.values.iter() {
            extensions.extend(value.decode_as::<ExtensionReq>()?.0);
        }
    }
    let mut seen = BTreeSet::new();
    let mut names = Names::default();
    for extension in &extensions {
        if !seen.insert(extension.extn_id) {
            return Err(RequestError::DuplicateExtension);
        }
        let value = extension.extn_value.as_bytes();
        if extension.extn_id == BasicConstraints::OID && BasicConstraints::from_der(value)?.ca {
            return Err(RequestError::Authority);
        }
        if extension.extn_id == SubjectAltName::OID {
            for name in SubjectAltName::from_der(value)?.0 {
                names.add(name)?;
            }
        }
    }
    Ok(names)
}

impl Names {
    fn add(&mut self, name: GeneralName) -> Result<(), RequestError> {
        match name {
            GeneralName::UniformResourceIdentifier(uri) => self.uris.push(uri.to_string()),
            GeneralName::DnsName(name) => self.dns.push(dns_name(name.as_ref())?),
            GeneralName::IpAddress(bytes) => self.ips.push(ip_address(bytes.as_bytes())?),
            GeneralName::Rfc822Name(_) => return Err(RequestError::Email),
            GeneralName::OtherName(_)
            | GeneralName::DirectoryName(_)
            | GeneralName::EdiPartyName(_)
            | GeneralName::RegisteredId(_) => return Err(RequestError::NameKind),
        }
        Ok(())
    }
}

fn dns_name(name: &str) -> Result<String, RequestError> {
    let allowed =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'*');
    let fits = (1..=MAX_DNS_NAME_LENGTH).contains(&name.len());
    if !fits || !name.bytes().all(allowed) {
        return Err(RequestError::DnsName {
            name: name.chars().take(MAX_DNS_NAME_LENGTH).collect(),
        });
    }
    Ok(name.to_owned())
}

fn ip_address(bytes: &[u8]) -> Result<IpAddr, RequestError> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from))
        .map_err(|_| RequestError::IpAddress)
}

#[cfg(test)]
mod tests;
