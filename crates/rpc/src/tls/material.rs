//! Certificates and keys, read.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use super::identify;
use super::{Pem, Settings, TlsError};

/// Most that is read of a file of certificates.
const MAX_FILE: u64 = 16 << 20;

/// What this process shows and whom it trusts.
#[derive(Clone, Debug)]
pub(super) struct Material {
    /// What it shows; an agent may have nothing yet.
    pub(super) own: Option<Arc<CertifiedKey>>,
    /// Under which the operator's certificates are signed.
    pub(super) configured: Arc<Roots>,
    /// Under which servers' certificates are signed, as servers said.
    pub(super) given: Option<Arc<Roots>>,
    /// The mesh's own, under which servers certify agents.
    pub(super) connect: Option<Arc<Roots>>,
    /// Whether what it shows was given by servers.
    own_is_given: bool,
}

/// Trusted certificates.
#[derive(Debug)]
pub(super) struct Roots {
    pub(super) store: Arc<RootCertStore>,
    pem: String,
}

// === impl Material ===

impl Material {
    pub(super) fn load(settings: &Settings) -> Result<Self, TlsError> {
        settings.check()?;
        let mut pem = String::new();
        if let Some(ca) = &settings.ca {
            pem.push_str(&ca.read("CA certificates")?);
        }
        if let Some(folder) = &settings.ca_path {
            read_folder(folder, &mut pem)?;
        }
        let origin = settings.ca.as_ref().map_or_else(
            || display(settings.ca_path.as_deref()),
            |ca| ca.origin("ca_file"),
        );
        let own = match (&settings.certificate, &settings.key) {
            (Some(certificate), Some(key)) => {
                let origins = [certificate.origin("cert_file"), key.origin("key_file")];
                let certificate = certificate.read("certificate")?;
                Some(pair(&certificate, &key.read("private key")?, &origins)?)
            }
            _ => None,
        };
        Ok(Self {
            own,
            configured: Arc::new(Roots::new(pem, &origin)?),
            given: None,
            connect: None,
            own_is_given: false,
        })
    }

    /// Keeps what servers gave, as files do not say it.
    pub(super) fn keep_given(&mut self, older: &Self) {
        self.given.clone_from(&older.given);
        self.connect.clone_from(&older.connect);
        if self.own.is_none() && older.own_is_given {
            self.own.clone_from(&older.own);
            self.own_is_given = true;
        }
    }

    /// Takes what servers gave.
    pub(super) fn give(&mut self, chain: &str, key: &str, roots: &str) -> Result<(), TlsError> {
        let origins = ["the servers' answer", "this agent"].map(str::to_owned);
        self.own = Some(pair(chain, key, &origins)?);
        self.own_is_given = true;
        if !roots.is_empty() {
            self.given = Some(Arc::new(Roots::new(roots.to_owned(), &origins[0])?));
        }
        Ok(())
    }

    pub(super) fn set_connect_roots(&mut self, pem: &str) -> Result<(), TlsError> {
        let roots = Roots::new(pem.to_owned(), "the mesh's roots")?;
        self.connect = Some(Arc::new(roots));
        Ok(())
    }

    pub(super) fn server_roots(&self) -> String {
        self.configured.pem.clone()
    }
}

// === impl Roots ===

impl Roots {
    fn new(pem: String, origin: &str) -> Result<Self, TlsError> {
        let invalid = |reason: String| TlsError::Content {
            what: "CA certificate",
            path: origin.to_owned(),
            reason,
        };
        let mut store = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            let certificate = certificate.map_err(|error| invalid(error.to_string()))?;
            store
                .add(certificate)
                .map_err(|error| invalid(error.to_string()))?;
        }
        if store.is_empty() {
            return Err(invalid("there is no CERTIFICATE block in it".to_owned()));
        }
        Ok(Self {
            store: Arc::new(store),
            pem,
        })
    }
}

// === impl Pem ===

impl Pem {
    fn read(&self, what: &'static str) -> Result<String, TlsError> {
        match self {
            Self::File(path) => read_file(path, what),
            Self::Text(text) => Ok(text.clone()),
        }
    }

    /// Where it came from, for people.
    fn origin(&self, setting: &str) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Text(_) => setting.to_owned(),
        }
    }
}

fn display(path: Option<&Path>) -> String {
    path.unwrap_or_else(|| Path::new("")).display().to_string()
}

fn read_file(path: &Path, what: &'static str) -> Result<String, TlsError> {
    let failed = |source| TlsError::Read {
        what,
        path: path.display().to_string(),
        source,
    };
    if fs::metadata(path).map_err(failed)?.len() > MAX_FILE {
        return Err(failed(std::io::Error::other("it is larger than 16 MiB")));
    }
    let bytes = fs::read(path).map_err(failed)?;
    // text around the blocks may be in any encoding
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Every file in a folder and in those in it, in the order of their names.
fn read_folder(folder: &Path, pem: &mut String) -> Result<(), TlsError> {
    let failed = |source| TlsError::Read {
        what: "CA certificates",
        path: folder.display().to_string(),
        source,
    };
    let entries = fs::read_dir(folder).map_err(failed)?;
    let mut paths = entries
        .map(|entry| Ok((entry.as_ref().map_err(clone_error)?.path(), entry?)))
        .collect::<std::io::Result<Vec<_>>>()
        .map_err(failed)?;
    paths.sort_by(|one, other| one.0.cmp(&other.0));
    for (path, entry) in paths {
        // a link to a folder is not followed, so there is no way round in circles
        if entry.file_type().map_err(failed)?.is_dir() {
            read_folder(&path, pem)?;
        } else if path.is_file() {
            pem.push_str(&read_file(&path, "CA certificates")?);
            pem.push('\n');
        }
    }
    Ok(())
}

fn clone_error(error: &std::io::Error) -> std::io::Error {
    std::io::Error::new(error.kind(), error.to_string())
}

/// A certificate and its key. `origins` are where the two came from.
fn pair(chain: &str, key: &str, origins: &[String; 2]) -> Result<Arc<CertifiedKey>, TlsError> {
    let invalid = |what, at: usize, reason: String| TlsError::Content {
        what,
        path: origins[at].clone(),
        reason,
    };
    let chain = CertificateDer::pem_slice_iter(chain.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| invalid("certificate", 0, error.to_string()))?;
    let Some(leaf) = chain.first() else {
        let reason = "there is no CERTIFICATE block in it".to_owned();
        return Err(invalid("certificate", 0, reason));
    };
    identify::may_be_agent(leaf).map_err(|reason| TlsError::NotAnAgent {
        path: origins[0].clone(),
        reason: reason.to_string(),
    })?;
    // what is wrong with a key is not told in its own words
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes())
        .map_err(|_| invalid("private key", 1, "no PEM of a private key".to_owned()))?;
    let key = any_supported_type(&key).map_err(|_| {
        let reason = "it is of no supported type: use EC P-256, EC P-384, Ed25519 or RSA";
        invalid("private key", 1, reason.to_owned())
    })?;
    let pair = CertifiedKey::new(chain, key);
    pair.keys_match().map_err(|_| TlsError::Mismatch {
        certificate: origins[0].clone(),
        key: origins[1].clone(),
    })?;
    Ok(Arc::new(pair))
}
