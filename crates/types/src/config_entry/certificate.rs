//! `inline-certificate` and `file-system-certificate`: what API gateways show to their clients.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::invalid::{Invalid, Problems, Reason};
use super::{Ignored, checks};
use crate::Meta;

/// An `inline-certificate` entry as a client wrote it.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct RawInlineCertificate {
    /// Ignored: the kind is known before the fields are read.
    #[serde(skip_serializing)]
    pub kind: Ignored,
    /// Ignored: writes assign it.
    #[serde(skip_serializing)]
    pub create_index: Ignored,
    /// Ignored: writes assign it.
    #[serde(skip_serializing)]
    pub modify_index: Ignored,
    /// Ignored: computed from the rest.
    #[serde(skip_serializing)]
    pub hash: Ignored,
    /// Its name.
    pub name: String,
    /// The certificate and those above it, PEM.
    pub certificate: String,
    /// Its key, PEM. Never in a log.
    pub private_key: String,
    /// Free-form pairs.
    #[serde(skip_serializing_if = "Meta::is_empty")]
    pub meta: Meta,
}

/// A `file-system-certificate` entry as a client wrote it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct RawFileSystemCertificate {
    /// Ignored: the kind is known before the fields are read.
    #[serde(skip_serializing)]
    pub kind: Ignored,
    /// Ignored: writes assign it.
    #[serde(skip_serializing)]
    pub create_index: Ignored,
    /// Ignored: writes assign it.
    #[serde(skip_serializing)]
    pub modify_index: Ignored,
    /// Ignored: computed from the rest.
    #[serde(skip_serializing)]
    pub hash: Ignored,
    /// Its name.
    pub name: String,
    /// File on the gateway with the certificate.
    pub certificate: String,
    /// File on the gateway with its key.
    pub private_key: String,
    /// Free-form pairs.
    #[serde(skip_serializing_if = "Meta::is_empty")]
    pub meta: Meta,
}

/// A checked `inline-certificate` entry: both parts are PEM. Whether they belong together is known to whoever
/// can compute with keys, before the entry is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InlineCertificate(RawInlineCertificate);

/// A checked `file-system-certificate` entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSystemCertificate(RawFileSystemCertificate);

impl InlineCertificate {
    /// Its fields.
    #[must_use]
    pub const fn raw(&self) -> &RawInlineCertificate {
        &self.0
    }
}

impl FileSystemCertificate {
    /// Its fields.
    #[must_use]
    pub const fn raw(&self) -> &RawFileSystemCertificate {
        &self.0
    }
}

impl fmt::Debug for RawInlineCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawInlineCertificate")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl TryFrom<RawInlineCertificate> for InlineCertificate {
    type Error = Invalid;

    fn try_from(raw: RawInlineCertificate) -> Result<Self, Invalid> {
        let mut problems = Problems::default();
        checks::name(&mut problems, "Name", &raw.name);
        checks::meta(&mut problems, "Meta", &raw.meta);
        pem(&mut problems, "PrivateKey", &raw.private_key);
        pem(&mut problems, "Certificate", &raw.certificate);
        problems.finish()?;
        Ok(Self(raw))
    }
}

impl TryFrom<RawFileSystemCertificate> for FileSystemCertificate {
    type Error = Invalid;

    fn try_from(raw: RawFileSystemCertificate) -> Result<Self, Invalid> {
        let mut problems = Problems::default();
        checks::name(&mut problems, "Name", &raw.name);
        checks::meta(&mut problems, "Meta", &raw.meta);
        problems.finish()?;
        Ok(Self(raw))
    }
}

/// There must be a block of PEM. What is there instead is not told: it may be a secret.
fn pem(problems: &mut Problems, field: &str, text: &str) {
    if text.is_empty() {
        problems.add(field, Reason::Required);
    } else if !(text.contains("-----BEGIN ") && text.contains("-----END ")) {
        problems.add(field, Reason::NoPem);
    }
}
