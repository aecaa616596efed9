//! TLS between agents and servers, as it is configured.

use std::path::PathBuf;

use anyhow::{Context, Result};
use tribune_config::{Config, TlsVersion};
use tribune_rpc::tls::{MinVersion, Pem, Role, Settings, Tls};

/// The certificates and rules of `tls.internal_rpc`.
///
/// # Errors
/// Where a file cannot be read or is not what it should be.
pub(crate) fn tls(config: &Config) -> Result<Tls> {
    Tls::new(settings(config)).context("tls.internal_rpc")
}

fn settings(config: &Config) -> Settings {
    let tls = &config.tls.internal_rpc;
    let file = |path: &Option<String>| path.as_ref().map(|path| Pem::File(PathBuf::from(path)));
    Settings {
        role: if config.server {
            Role::Server
        } else {
            Role::Agent
        },
        datacenter: config.datacenter.clone(),
        domain: "consul".to_owned(),
        ca: file(&tls.ca_file),
        ca_path: tls.ca_path.as_ref().map(PathBuf::from),
        certificate: file(&tls.cert_file),
        key: file(&tls.key_file),
        verify_incoming: tls.verify_incoming,
        verify_outgoing: tls.verify_outgoing,
        verify_server_hostname: tls.verify_server_hostname,
        auto_encrypt: false,
        min_version: match tls.min_version {
            TlsVersion::V1_2 => MinVersion::Tls12,
            TlsVersion::V1_3 => MinVersion::Tls13,
        },
        cipher_suites: String::new(),
    }
}
