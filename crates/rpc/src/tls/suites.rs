//! Versions and cipher suites.

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::{CipherSuite, SupportedCipherSuite, SupportedProtocolVersion, version};

use super::{MinVersion, Settings, TlsError};

/// Suites of TLS 1.2 that there are, by the name that an operator writes.
const SUITES: [(&str, CipherSuite); 6] = [
    (
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    ),
    (
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    ),
    (
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
    (
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    ),
    (
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    ),
    (
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
];

const NEWEST: &[&SupportedProtocolVersion] = &[&version::TLS13];
const BOTH: &[&SupportedProtocolVersion] = &[&version::TLS13, &version::TLS12];

/// The crypto library with the suites that an operator chose; those of TLS 1.3 are always among them.
pub(super) fn provider(settings: &Settings) -> Result<Arc<CryptoProvider>, TlsError> {
    let mut provider = ring::default_provider();
    let chosen = chosen(&settings.cipher_suites)?;
    if !chosen.is_empty() {
        if settings.min_version == MinVersion::Tls13 {
            return Err(TlsError::SuitesOf13);
        }
        let keep = |suite: &SupportedCipherSuite| {
            suite.tls13().is_some() || chosen.contains(&suite.suite())
        };
        provider.cipher_suites.retain(keep);
    }
    Ok(Arc::new(provider))
}

fn chosen(names: &str) -> Result<Vec<CipherSuite>, TlsError> {
    let names = names
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty());
    names
        .map(|name| {
            // the older of the two names that Go has for it
            let long = format!("{name}_SHA256");
            let found = SUITES
                .iter()
                .find(|(known, _)| *known == name || *known == long);
            found
                .map(|(_, suite)| *suite)
                .ok_or_else(|| TlsError::Suite {
                    name: name.to_owned(),
                    offered: SUITES.map(|(known, _)| known).join(", "),
                })
        })
        .collect()
}

/// The versions that are spoken.
pub(super) const fn versions(settings: &Settings) -> &'static [&'static SupportedProtocolVersion] {
    match settings.min_version {
        MinVersion::Tls12 => BOTH,
        MinVersion::Tls13 => NEWEST,
    }
}
