//! A service's leaf certificate in the hands of a test, to do by itself what a sidecar would do.

use std::sync::Arc;

use anyhow::{Context, Result};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A leaf certificate with its key, and the roots, PEM.
#[derive(Debug)]
pub struct Secrets {
    /// The leaf with what lies between it and its root.
    pub chain: String,
    /// Its key.
    pub key: String,
    /// The roots.
    pub roots: String,
}

/// A leaf certificate with its key, and the roots it trusts.
#[derive(Debug, Clone)]
pub struct Identity {
    config: Arc<ClientConfig>,
}

// === impl Identity ===

impl Identity {
    /// From PEM text.
    pub fn new(secrets: &Secrets) -> Result<Self> {
        let Secrets { chain, key, roots } = secrets;
        let mut store = RootCertStore::empty();
        for root in CertificateDer::pem_slice_iter(roots.as_bytes()) {
            store.add(root.context("reading the roots")?)?;
        }
        let chain =
            CertificateDer::pem_slice_iter(chain.as_bytes()).collect::<Result<Vec<_>, _>>()?;
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes())?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let inner =
            WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(&provider))
                .build()?;
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyName(inner)))
            .with_client_auth_cert(chain, key)?;
        Ok(Self {
            config: Arc::new(config),
        })
    }

    pub(crate) async fn handshake(&self, stream: TcpStream) -> Result<TlsStream<TcpStream>> {
        // Leaves name a SPIFFE ID and no host, so this is said to nobody's benefit.
        let name = ServerName::try_from("tribune.invalid")?;
        Ok(TlsConnector::from(Arc::clone(&self.config))
            .connect(name, stream)
            .await?)
    }
}

/// Requires a chain to the mesh's roots and leaves the name alone: leaves have a SPIFFE ID where this
/// kind of check expects a host.
#[derive(Debug)]
struct AnyName(Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self
            .0
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
        {
            // The name is compared last, when the chain was found to be good.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
