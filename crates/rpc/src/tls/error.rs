//! Why there is no TLS as it was asked for.

use std::io;

/// Why settings of TLS are refused. Every one of them keeps the process from starting.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// Nothing says whose certificates are trusted.
    #[error(
        "{asked_by} is set but no CA certificates are: set ca_file or ca_path in tls.internal_rpc or tls.defaults"
    )]
    NoAuthority {
        /// The setting that asks for TLS.
        asked_by: &'static str,
    },
    /// There is no certificate where there must be one.
    #[error(
        "TLS is configured between agents and servers, and this process has no certificate: set cert_file and key_file"
    )]
    NoCertificate,
    /// There is a certificate without its key.
    #[error("cert_file is set and key_file is not: set both or neither")]
    NoKey,
    /// There is a key without its certificate.
    #[error("key_file is set and cert_file is not: set both or neither")]
    NoCertificateForKey,
    /// Servers give certificates, and have their own.
    #[error("auto_encrypt.tls can only be used on a client")]
    AutoEncryptOnServer,
    /// A file can't be read.
    #[error("cannot read {what} from {path}")]
    Read {
        /// What it should hold.
        what: &'static str,
        /// Where it should be.
        path: String,
        /// Why not.
        source: io::Error,
    },
    /// A file or text is not what it should be.
    #[error("{path} holds no {what}: {reason}")]
    Content {
        /// What it should hold.
        what: &'static str,
        /// Where it came from.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The key is that of another certificate.
    #[error("the key in {key} does not belong to the certificate in {certificate}")]
    Mismatch {
        /// Where the certificate came from.
        certificate: String,
        /// Where the key came from.
        key: String,
    },
    /// The certificate is one of a service.
    #[error("the certificate in {path} cannot be an agent's or a server's: {reason}")]
    NotAnAgent {
        /// Where the certificate came from.
        path: String,
        /// Why not.
        reason: String,
    },
    /// A word names no version.
    #[error("tls_min_version {text:?} is none of TLS_AUTO, TLSv1_0, TLSv1_1, TLSv1_2 and TLSv1_3")]
    Version {
        /// The word.
        text: String,
    },
    /// A word names no cipher suite that there is here.
    #[error("tls_cipher_suites: {name:?} is not offered; what is: {offered}")]
    Suite {
        /// The word.
        name: String,
        /// Those that there are.
        offered: String,
    },
    /// Nothing can be chosen there.
    #[error("TLS 1.3 cipher suites are not configurable: leave tls_cipher_suites out")]
    SuitesOf13,
    /// A reload can't do that.
    #[error(
        "TLS between agents and servers is switched {} by a restart only",
        if *on { "on" } else { "off" }
    )]
    Switched {
        /// Whether it would be switched on.
        on: bool,
    },
    /// The library refused.
    #[error("TLS cannot be set up")]
    Library(#[from] rustls::Error),
}
