//! TLS towards the agent.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_rustls::TlsConnector;

use crate::{ConfigError, TlsConfig};

/// Where Linux distributions keep the certificates of the authorities that the system trusts.
const SYSTEM_BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// What makes TLS connections according to `config`.
pub(crate) fn connector(config: &TlsConfig) -> Result<TlsConnector, ConfigError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()?;
    let builder = if config.insecure_skip_verify {
        builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
    } else {
        builder.with_root_certificates(roots(config)?)
    };
    let client = match (&config.client_cert, &config.client_key) {
        (None, None) => builder.with_no_client_auth(),
        (Some(cert), Some(key)) => {
            let key = PrivateKeyDer::from_pem_slice(&read(key)?).map_err(|_| ConfigError::Pem {
                path: key.clone(),
                expected: "private key",
            })?;
            builder.with_client_auth_cert(certificates(cert)?, key)?
        }
        _ => return Err(ConfigError::HalfIdentity),
    };
    Ok(TlsConnector::from(Arc::new(client)))
}

fn roots(config: &TlsConfig) -> Result<RootCertStore, ConfigError> {
    let mut files: Vec<PathBuf> = config.ca_file.iter().cloned().collect();
    if let Some(directory) = &config.ca_path {
        let failed = |source| ConfigError::File {
            path: directory.clone(),
            source,
        };
        for entry in fs::read_dir(directory).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path.is_file() {
                files.push(path);
            }
        }
    }
    let mut roots = RootCertStore::empty();
    if config.ca_file.is_none() && config.ca_path.is_none() {
        let bundle = SYSTEM_BUNDLES
            .iter()
            .map(Path::new)
            .find(|path| path.is_file());
        // An odd certificate of the system is no reason to trust none of them.
        roots
            .add_parsable_certificates(bundle.map(certificates).transpose()?.into_iter().flatten());
    }
    for file in files {
        for certificate in certificates(&file)? {
            roots.add(certificate)?;
        }
    }
    Ok(roots)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, ConfigError> {
    let malformed = || ConfigError::Pem {
        path: path.to_owned(),
        expected: "certificate",
    };
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(&read(path)?)
        .collect::<Result<_, _>>()
        .map_err(|_| malformed())?;
    if certificates.is_empty() {
        Err(malformed())
    } else {
        Ok(certificates)
    }
}

fn read(path: &Path) -> Result<Vec<u8>, ConfigError> {
    fs::read(path).map_err(|source| ConfigError::File {
        path: path.to_owned(),
        source,
    })
}

/// Accepts whatever certificate the agent shows (`CONSUL_HTTP_SSL_VERIFY=false`), as long as it holds its key.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            cert,
            dss,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            cert,
            dss,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rustls::ServerConfig;
    use rustls::server::WebPkiClientVerifier;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    use super::*;
    use crate::{Address, Client, Config, Error};

    fn testdata(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("src/tls/testdata")
            .join(name)
    }

    /// Asks an agent that shows the certificate of `agent.example`, and wants one from its clients if told so.
    async fn ask(tls: TlsConfig, mutual: bool) -> Result<String, Error> {
        let trusted = TlsConfig {
            ca_file: Some(testdata("ca.pem")),
            ..TlsConfig::default()
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = if mutual {
            let roots = Arc::new(roots(&trusted).unwrap());
            builder.with_client_cert_verifier(
                WebPkiClientVerifier::builder_with_provider(roots, provider)
                    .build()
                    .unwrap(),
            )
        } else {
            builder.with_no_client_auth()
        };
        let key = PrivateKeyDer::from_pem_file(testdata("agent.key")).unwrap();
        let server = builder
            .with_single_cert(certificates(&testdata("agent.pem")).unwrap(), key)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = Address::parse(
            &format!("https://{}", listener.local_addr().unwrap()),
            false,
        )
        .unwrap();
        let agent = async {
            let (stream, _) = listener.accept().await.unwrap();
            if let Ok(mut stream) = TlsAcceptor::from(Arc::new(server)).accept(stream).await {
                let mut request = [0; 1024];
                let _read = stream.read(&mut request).await.unwrap();
                stream
                    .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n\"ok\"")
                    .await
                    .unwrap();
                stream.flush().await.unwrap();
            }
        };
        let client = Client::new(Config {
            address,
            tls,
            ..Config::default()
        })
        .unwrap();
        tokio::join!(async { client.status().leader().await }, agent).0
    }

    fn trusting() -> TlsConfig {
        TlsConfig {
            ca_file: Some(testdata("ca.pem")),
            server_name: Some("agent.example".to_owned()),
            ..TlsConfig::default()
        }
    }

    #[tokio::test]
    async fn only_an_agent_with_a_trusted_certificate_of_the_right_name_is_spoken_to() {
        assert_eq!(ask(trusting(), false).await.unwrap(), "ok");
        let other_name = TlsConfig {
            server_name: None,
            ..trusting()
        };
        assert!(matches!(
            ask(other_name, false).await,
            Err(Error::Connect { .. })
        ));
        let system_only = TlsConfig {
            ca_file: None,
            ..trusting()
        };
        assert!(matches!(
            ask(system_only, false).await,
            Err(Error::Connect { .. })
        ));
        let anyone = TlsConfig {
            insecure_skip_verify: true,
            ..TlsConfig::default()
        };
        assert_eq!(ask(anyone, false).await.unwrap(), "ok");
    }

    #[tokio::test]
    async fn a_client_certificate_is_shown_to_an_agent_that_wants_one() {
        let identity = TlsConfig {
            client_cert: Some(testdata("agent.pem")),
            client_key: Some(testdata("agent.key")),
            ..trusting()
        };
        assert_eq!(ask(identity, true).await.unwrap(), "ok");
        assert!(ask(trusting(), true).await.is_err());
    }

    #[test]
    fn files_that_are_missing_or_hold_something_else_are_named() {
        let connector = |tls| connector(&tls).map(drop).unwrap_err().to_string();
        let missing = TlsConfig {
            ca_file: Some("/no/such.pem".into()),
            ..TlsConfig::default()
        };
        assert!(connector(missing).starts_with("cannot read /no/such.pem"));
        let key = TlsConfig {
            ca_file: Some(testdata("agent.key")),
            ..TlsConfig::default()
        };
        assert!(connector(key).ends_with("agent.key: no certificate in PEM form"));
        let half = TlsConfig {
            client_cert: Some(testdata("agent.pem")),
            ..trusting()
        };
        assert_eq!(
            connector(half),
            "a client certificate and its key must be given together"
        );
        let directory = TlsConfig {
            ca_path: Some("/no/such".into()),
            ..TlsConfig::default()
        };
        assert!(connector(directory).starts_with("cannot read /no/such"));
    }
}
