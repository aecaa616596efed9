//! A root certificate.

use std::time::SystemTime;

use der::{Decode, Encode};
use ring::digest;
use tribune_types::connect::CaRoot;
use x509_cert::ext::pkix::{BasicConstraints, SubjectKeyIdentifier};

use crate::encoding;
use crate::key::{KeyError, PublicKey};

/// A certificate that the mesh trusts. Which root is active, the rows of the state say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    pem: String,
    der: Vec<u8>,
    subject: Vec<u8>,
    public_key: PublicKey,
    key_id: Vec<u8>,
    serial_number: Vec<u8>,
    not_before: SystemTime,
    not_after: SystemTime,
}

/// Why a certificate cannot be a root.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RootError {
    /// The text is no PEM.
    #[error("no PEM-encoded data found")]
    Pem,
    /// The PEM block is something else.
    #[error("first PEM-block should be CERTIFICATE type")]
    Label,
    /// The bytes are no certificate.
    #[error("error parsing CA cert: {0}")]
    Format(#[from] der::Error),
    /// The certificate may not sign others.
    #[error("the certificate is not a CA certificate")]
    NotAuthority,
    /// Its key is not accepted.
    #[error("error parsing CA cert: {0}")]
    Key(#[from] KeyError),
}

impl Root {
    /// Reads a root.
    ///
    /// # Errors
    /// What keeps it from being one.
    pub fn from_pem(text: &str) -> Result<Self, RootError> {
        let (label, der) =
            der::pem::decode_vec(text.as_bytes()).map_err(|_not_pem| RootError::Pem)?;
        if label != encoding::CERTIFICATE_LABEL {
            return Err(RootError::Label);
        }
        Self::from_der(der)
    }

    /// Reads a root from its DER form.
    ///
    /// # Errors
    /// What keeps it from being one.
    pub fn from_der(der: Vec<u8>) -> Result<Self, RootError> {
        let certificate = x509_cert::Certificate::from_der(&der)?;
        let body = certificate.tbs_certificate();
        match body.get_extension::<BasicConstraints>()? {
            Some((_critical, constraints)) if constraints.ca => {}
            _ => return Err(RootError::NotAuthority),
        }
        let public_key = PublicKey::from_spki(body.subject_public_key_info())?;
        let key_id = match body.get_extension::<SubjectKeyIdentifier>()? {
            Some((_critical, id)) => id.0.as_bytes().to_vec(),
            None => public_key.id(),
        };
        Ok(Self {
            pem: encoding::pem(encoding::CERTIFICATE_LABEL, &der),
            subject: body.subject().to_der()?,
            public_key,
            key_id,
            serial_number: body.serial_number().as_bytes().to_vec(),
            not_before: body.validity().not_before.to_system_time(),
            not_after: body.validity().not_after.to_system_time(),
            der,
        })
    }

    /// Consul's ID of the root: SHA-1 of the certificate as hexadecimal pairs joined by colons.
    ///
    /// A name, not a proof: nothing is trusted for having it.
    pub fn id(&self) -> String {
        let fingerprint = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &self.der);
        encoding::colon_hex(fingerprint.as_ref())
    }

    /// The certificate, PEM, with a newline at its end.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// The certificate, DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The subject, DER.
    pub(crate) fn subject(&self) -> &[u8] {
        &self.subject
    }

    /// Its public key.
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// Its subject key ID.
    pub(crate) fn key_id(&self) -> &[u8] {
        &self.key_id
    }

    /// Its subject key ID as hexadecimal pairs joined by colons, as in `SigningKeyID`.
    pub fn signing_key_id(&self) -> String {
        encoding::colon_hex(&self.key_id)
    }

    /// The low 64 bits of its serial number, as in `SerialNumber`.
    pub fn serial_number(&self) -> u64 {
        let low = self.serial_number.iter().rev().take(8).rev();
        low.fold(0, |number, byte| number << 8 | u64::from(*byte))
    }

    /// Start of its validity.
    pub fn not_before(&self) -> SystemTime {
        self.not_before
    }

    /// End of its validity.
    pub fn not_after(&self) -> SystemTime {
        self.not_after
    }

    /// The row that the state keeps and the API answers with; indexes are left for the state to set.
    pub fn row(&self, cluster_id: &str, active: bool) -> CaRoot {
        CaRoot {
            id: self.id(),
            name: "Consul CA Primary Cert".to_owned(),
            serial_number: self.serial_number(),
            signing_key_id: self.signing_key_id(),
            external_trust_domain: cluster_id.to_owned(),
            not_before: encoding::rfc3339(self.not_before),
            not_after: encoding::rfc3339(self.not_after),
            root_cert: self.pem.clone(),
            active,
            private_key_type: self.public_key.kind().to_owned(),
            private_key_bits: self.public_key.bits(),
            ..CaRoot::default()
        }
    }
}
