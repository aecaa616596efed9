//! Our rules, as rustls asks for them.

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, Error, OtherError,
    ServerConfig, SignatureScheme,
};
use webpki::KeyUsage;

use super::identify::{Refused, check_chain, check_name, may_be_agent};
use super::material::Material;
use super::{Settings, TlsError, suites};

/// HTTP/2 and nothing else.
const PROTOCOL: &[u8] = b"h2";

/// Nothing where there is no certificate to show.
pub(super) fn server_config(
    settings: &Settings,
    material: &Arc<Material>,
    provider: &Arc<CryptoProvider>,
) -> Result<Option<Arc<ServerConfig>>, TlsError> {
    let Some(own) = &material.own else {
        return Ok(None);
    };
    let verifier = Clients(Verifier::new(settings, material, provider));
    let mut config = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(suites::versions(settings))?
        .with_client_cert_verifier(Arc::new(verifier))
        .with_cert_resolver(resolver(own));
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    Ok(Some(Arc::new(config)))
}

pub(super) fn client_config(
    settings: &Settings,
    material: &Arc<Material>,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<ClientConfig>, TlsError> {
    let verifier = Servers(Verifier::new(settings, material, provider));
    let config = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(suites::versions(settings))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = match &material.own {
        Some(own) => config.with_client_cert_resolver(resolver(own)),
        None => config.with_no_client_auth(),
    };
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    Ok(Arc::new(config))
}

fn resolver(own: &Arc<CertifiedKey>) -> Arc<SingleCertAndKey> {
    Arc::new(SingleCertAndKey::from((**own).clone()))
}

struct Verifier {
    settings: Settings,
    material: Arc<Material>,
    provider: Arc<CryptoProvider>,
}

/// Checks who comes.
#[derive(Debug)]
struct Clients(Verifier);

/// Checks where this process goes.
#[derive(Debug)]
struct Servers(Verifier);

// === impl Verifier ===

impl Verifier {
    fn new(settings: &Settings, material: &Arc<Material>, provider: &Arc<CryptoProvider>) -> Self {
        Self {
            settings: settings.clone(),
            material: material.clone(),
            provider: provider.clone(),
        }
    }

    fn tls12(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn tls13(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

fn refused(refused: Refused) -> Error {
    Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(refused))))
}

// === impl Clients ===

impl ClientCertVerifier for Clients {
    /// Who has no certificate is let in, and then into the methods that take anybody.
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let chain: Vec<_> = [end_entity]
            .into_iter()
            .chain(intermediates)
            .cloned()
            .collect();
        self.0
            .material
            .identify(&self.0.settings, &chain, now)
            .map_err(refused)?;
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.tls12(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.tls13(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.schemes()
    }
}

// === impl Servers ===

impl Servers {
    /// The operator's CA signs servers, or the one that servers named. The mesh never does.
    fn check(
        &self,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), Refused> {
        let leaf = chain
            .first()
            .ok_or_else(|| Refused::Unreadable("there is none".to_owned()))?;
        may_be_agent(leaf)?;
        let material = &self.0.material;
        let usage = KeyUsage::server_auth;
        let configured = check_chain(chain, &material.configured.store, now, usage());
        match (configured, &material.given) {
            (Err(untrusted), None) => return Err(untrusted),
            (Err(untrusted), Some(given)) => {
                check_chain(chain, &given.store, now, usage()).map_err(|_| untrusted)?;
            }
            (Ok(()), _) => {}
        }
        if self.0.settings.verify_server_hostname {
            check_name(leaf, name)?;
        }
        Ok(())
    }
}

impl ServerCertVerifier for Servers {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let chain: Vec<_> = [end_entity]
            .into_iter()
            .chain(intermediates)
            .cloned()
            .collect();
        self.check(&chain, server_name, now).map_err(refused)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.tls12(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.tls13(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.schemes()
    }
}
