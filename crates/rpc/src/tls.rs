//! TLS between agents and servers.
//!
//! Either nothing of it is configured, and everything is plaintext, or every connection is verified from
//! both ends as far as its ends have certificates. There is nothing between.
//!
//! Invariant: a certificate of a service of the mesh is never accepted, whoever signed it.

mod error;
mod identify;
mod material;
mod settings;
mod suites;
mod verifiers;

use std::io;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, OtherError, ServerConfig};

pub use error::TlsError;
pub use settings::{MinVersion, Pem, Role, Settings};

use crate::{AgentIdentity, Identity};
use identify::Refused;
use material::Material;

/// The certificates and rules of this process. Clones share them, and what is replaced is used from the next
/// connection on; connections that are open go on.
#[derive(Clone, Debug)]
pub struct Tls {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// What there is now; nothing where everything is plaintext.
    current: ArcSwapOption<Current>,
}

#[derive(Debug)]
struct Current {
    settings: Settings,
    material: Arc<Material>,
    server: Option<Arc<ServerConfig>>,
    client: Arc<ClientConfig>,
}

// === impl Tls ===

impl Tls {
    /// Checks the settings and reads what they name. Says in the log once where there is no TLS.
    ///
    /// # Errors
    /// Where the settings would not give verified TLS, or a file is not what it should be.
    pub fn new(settings: Settings) -> Result<Self, TlsError> {
        let current = if settings.is_unset() {
            tracing::warn!(
                "no certificates are configured for agents and servers (tls.internal_rpc): \
                 what they say to each other can be read and changed on its way"
            );
            None
        } else {
            let material = Material::load(&settings)?;
            Some(Arc::new(Current::new(settings, material)?))
        };
        Ok(Self {
            shared: Arc::new(Shared {
                current: ArcSwapOption::new(current),
            }),
        })
    }

    /// No TLS, as for tests and embedded clusters that nobody else can reach.
    #[must_use]
    pub fn plaintext() -> Self {
        Self {
            shared: Arc::new(Shared {
                current: ArcSwapOption::empty(),
            }),
        }
    }

    /// Whether there is no TLS.
    #[must_use]
    pub fn is_plaintext(&self) -> bool {
        self.shared.current.load().is_none()
    }

    /// Whether callers must have certificates.
    #[must_use]
    pub fn verify_incoming(&self) -> bool {
        let current = self.shared.current.load();
        current
            .as_ref()
            .is_some_and(|current| current.settings.verify_incoming)
    }

    /// Reads the files again, and takes the settings for new ones. What an agent got from servers is kept.
    ///
    /// # Errors
    /// As [`Tls::new`], and where TLS would be switched on or off, for which a restart is needed. What there
    /// was stays in use then.
    pub fn reload(&self, settings: Settings) -> Result<(), TlsError> {
        let Some(current) = self.shared.current.load_full() else {
            return if settings.is_unset() {
                Ok(())
            } else {
                Err(TlsError::Switched { on: true })
            };
        };
        if settings.is_unset() {
            return Err(TlsError::Switched { on: false });
        }
        let mut material = Material::load(&settings)?;
        material.keep_given(&current.material);
        self.put(settings, material)
    }

    /// Takes what servers gave this agent: its certificate, for the key that it made, and the certificates
    /// that those of servers are signed under.
    ///
    /// # Errors
    /// Where they are no certificates, do not fit the key, or TLS is off.
    pub fn set_agent_identity(&self, given: &AgentIdentity, key: &str) -> Result<(), TlsError> {
        let current = self.current()?;
        let mut settings = current.settings.clone();
        settings.verify_server_hostname |= given.verify_server_hostname;
        let mut material = (*current.material).clone();
        material.give(&given.certificate.chain_pem, key, &given.server_roots)?;
        self.put(settings, material)
    }

    /// Takes the mesh's own certificates, under which servers certify agents (`auto_encrypt.allow_tls`).
    ///
    /// # Errors
    /// Where they are no certificates, or TLS is off.
    pub fn set_connect_roots(&self, pem: &str) -> Result<(), TlsError> {
        let current = self.current()?;
        let mut material = (*current.material).clone();
        material.set_connect_roots(pem)?;
        self.put(current.settings.clone(), material)
    }

    /// Certificates that those of servers are signed under, PEM: what an agent is given that asks for its
    /// first certificate. Empty where there is no TLS.
    #[must_use]
    pub fn server_roots(&self) -> String {
        let current = self.shared.current.load();
        current
            .as_ref()
            .map_or_else(String::new, |current| current.material.server_roots())
    }

    /// Name that servers of a datacenter are known by.
    #[must_use]
    pub fn server_name(&self, datacenter: &str) -> Option<ServerName<'static>> {
        let current = self.shared.current.load_full()?;
        ServerName::try_from(current.settings.server_name(datacenter)).ok()
    }

    /// Whether this process has a certificate to show.
    pub(crate) fn shows_certificate(&self) -> bool {
        self.server_config().is_some()
    }

    /// For connections to this process; nothing where there is no TLS or no certificate to show.
    #[must_use]
    pub fn server_config(&self) -> Option<Arc<ServerConfig>> {
        self.shared.current.load().as_ref()?.server.clone()
    }

    /// For connections from this process; nothing where there is no TLS.
    #[must_use]
    pub fn client_config(&self) -> Option<Arc<ClientConfig>> {
        let current = self.shared.current.load_full()?;
        Some(current.client.clone())
    }

    /// Who holds the certificates that a client showed, by what is trusted now.
    pub(crate) fn identify(
        &self,
        chain: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<Identity, Refused> {
        match self.shared.current.load_full() {
            None => Ok(Identity::Plaintext),
            Some(current) => current.material.identify(&current.settings, chain, now),
        }
    }

    fn current(&self) -> Result<Arc<Current>, TlsError> {
        self.shared
            .current
            .load_full()
            .ok_or(TlsError::Switched { on: true })
    }

    fn put(&self, settings: Settings, material: Material) -> Result<(), TlsError> {
        let current = Current::new(settings, material)?;
        self.shared.current.store(Some(Arc::new(current)));
        Ok(())
    }
}

/// Why a handshake failed, in our own words where it is for our own reasons.
pub(crate) fn reason(error: &io::Error) -> String {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    match inner {
        Some(rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(refused)))) => {
            refused.to_string()
        }
        _ => error.to_string(),
    }
}

// === impl Current ===

impl Current {
    fn new(settings: Settings, material: Material) -> Result<Self, TlsError> {
        let material = Arc::new(material);
        let provider = suites::provider(&settings)?;
        Ok(Self {
            server: verifiers::server_config(&settings, &material, &provider)?,
            client: verifiers::client_config(&settings, &material, &provider)?,
            settings,
            material,
        })
    }
}
