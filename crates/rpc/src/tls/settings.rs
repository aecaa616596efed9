//! What an operator sets (`tls.internal_rpc`, and `tls.defaults` beneath it).

use std::path::PathBuf;

use super::TlsError;

/// What an operator sets about TLS between agents and servers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// What this process is.
    pub role: Role,
    /// The datacenter of this process.
    pub datacenter: String,
    /// The domain that names of servers end in.
    pub domain: String,
    /// `ca_file`: certificates that others' are signed under.
    pub ca: Option<Pem>,
    /// `ca_path`: a folder of such files.
    pub ca_path: Option<PathBuf>,
    /// `cert_file`: the certificate of this process.
    pub certificate: Option<Pem>,
    /// `key_file`: its key.
    pub key: Option<Pem>,
    /// Whether callers must have a certificate.
    pub verify_incoming: bool,
    /// Whether TLS is insisted on for connections from here. With a CA it is used in any case.
    pub verify_outgoing: bool,
    /// Whether servers are known by name. Insists on TLS too.
    pub verify_server_hostname: bool,
    /// Whether servers give this agent its certificate (`auto_encrypt.tls`).
    pub auto_encrypt: bool,
    /// `tls_min_version`.
    pub min_version: MinVersion,
    /// `tls_cipher_suites`: names in Go's spelling, joined by commas; the usual ones where empty.
    pub cipher_suites: String,
}

/// What a process is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// A client agent.
    #[default]
    Agent,
    /// A server.
    Server,
}

/// PEM blocks, or where they are.
#[derive(Clone, PartialEq, Eq)]
pub enum Pem {
    /// In a file.
    File(PathBuf),
    /// Here.
    Text(String),
}

/// The oldest version of TLS that is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MinVersion {
    /// TLS 1.2; nothing older is spoken, also where an operator would allow it.
    #[default]
    Tls12,
    /// TLS 1.3.
    Tls13,
}

// === impl Settings ===

impl Settings {
    /// Whether nothing about TLS is set, so that there is none.
    #[must_use]
    pub fn is_unset(&self) -> bool {
        self.ca.is_none()
            && self.ca_path.is_none()
            && self.certificate.is_none()
            && self.key.is_none()
            && !self.verify_incoming
            && !self.verify_outgoing
            && !self.verify_server_hostname
            && !self.auto_encrypt
    }

    /// Name that the certificate of every server of a datacenter carries.
    #[must_use]
    pub fn server_name(&self, datacenter: &str) -> String {
        let domain = self.domain.trim_end_matches('.');
        format!("server.{datacenter}.{domain}")
    }

    /// Refuses settings that would leave a connection unverified.
    pub(super) fn check(&self) -> Result<(), TlsError> {
        if self.ca.is_none() && self.ca_path.is_none() {
            let asked_by = self.asked_by();
            return Err(TlsError::NoAuthority { asked_by });
        }
        if self.auto_encrypt && self.role == Role::Server {
            return Err(TlsError::AutoEncryptOnServer);
        }
        match (&self.certificate, &self.key) {
            (Some(_), Some(_)) => Ok(()),
            (Some(_), None) => Err(TlsError::NoKey),
            (None, Some(_)) => Err(TlsError::NoCertificateForKey),
            (None, None) if self.role == Role::Server => Err(TlsError::NoCertificate),
            (None, None) if self.verify_incoming && !self.auto_encrypt => {
                Err(TlsError::NoCertificate)
            }
            (None, None) => Ok(()),
        }
    }

    /// The setting that asks for TLS, where there is no CA.
    const fn asked_by(&self) -> &'static str {
        if self.verify_incoming {
            "verify_incoming"
        } else if self.verify_server_hostname {
            "verify_server_hostname"
        } else if self.verify_outgoing {
            "verify_outgoing"
        } else if self.auto_encrypt {
            "auto_encrypt.tls"
        } else if self.certificate.is_some() {
            "cert_file"
        } else {
            "key_file"
        }
    }
}

// === impl MinVersion ===

impl MinVersion {
    /// The version that an operator's word names.
    ///
    /// # Errors
    /// Where it names none.
    pub fn parse(text: &str) -> Result<Self, TlsError> {
        match text {
            "" | "TLS_AUTO" | "TLSv1_0" | "TLSv1_1" | "TLSv1_2" => Ok(Self::Tls12),
            "TLSv1_3" => Ok(Self::Tls13),
            other => Err(TlsError::Version {
                text: other.to_owned(),
            }),
        }
    }
}

// === impl Pem ===

impl std::fmt::Debug for Pem {
    /// Without the text, which may be a key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Text(_) => f.write_str("Text(hidden)"),
        }
    }
}
