//! TLS of each interface: what a section leaves open, `tls.defaults` says.

use super::{Checks, shown};
use crate::raw::{self, TlsSection};
use crate::tls::{Tls, TlsSettings, TlsVersion};

// === impl Checks ===

impl Checks<'_> {
    pub(super) fn tls(&mut self, raw: raw::Tls, server_name: Option<String>) -> Tls {
        let defaults = &raw.defaults;
        self.misplaced(defaults, "tls.defaults", Place::Defaults);
        let tls = Tls {
            internal_rpc: self.section(
                defaults,
                raw.internal_rpc,
                "tls.internal_rpc",
                Place::InternalRpc,
            ),
            https: self.section(defaults, raw.https, "tls.https", Place::Https),
            grpc: self.section(defaults, raw.grpc, "tls.grpc", Place::Grpc),
            server_name: server_name.filter(|name| !name.is_empty()),
        };
        for (key, section) in [
            ("tls.internal_rpc", &tls.internal_rpc),
            ("tls.https", &tls.https),
            ("tls.grpc", &tls.grpc),
        ] {
            self.complete(key, section);
        }
        tls
    }

    fn section(
        &mut self,
        defaults: &TlsSection,
        own: TlsSection,
        key: &str,
        place: Place,
    ) -> TlsSettings {
        self.misplaced(&own, key, place);
        let file = |own: Option<String>, default: &Option<String>| {
            let file = own.or_else(|| default.clone());
            file.filter(|file| !file.is_empty())
        };
        let hostname = own.verify_server_hostname;
        let hostname = hostname.or(defaults.verify_server_hostname);
        let hostname = place == Place::InternalRpc && hostname.unwrap_or(false);
        let outgoing = own.verify_outgoing.or(defaults.verify_outgoing);
        let version = own
            .tls_min_version
            .or_else(|| defaults.tls_min_version.clone());
        let min_version = self.version(key, version.as_deref());
        let ciphers = own
            .tls_cipher_suites
            .or_else(|| defaults.tls_cipher_suites.clone());
        if ciphers.is_some_and(|ciphers| !ciphers.is_empty()) {
            self.refuse(
                &format!("{key}.tls_cipher_suites"),
                "cipher suites can't be chosen: every one that is spoken is sound",
            );
        }
        TlsSettings {
            ca_file: file(own.ca_file, &defaults.ca_file),
            ca_path: file(own.ca_path, &defaults.ca_path),
            cert_file: file(own.cert_file, &defaults.cert_file),
            key_file: file(own.key_file, &defaults.key_file),
            min_version,
            verify_incoming: own
                .verify_incoming
                .or(defaults.verify_incoming)
                .unwrap_or(false),
            verify_outgoing: place != Place::Grpc && (outgoing.unwrap_or(false) || hostname),
            verify_server_hostname: hostname,
        }
    }

    /// Keys that mean nothing in a section.
    fn misplaced(&mut self, section: &TlsSection, key: &str, place: Place) {
        if place == Place::Grpc && section.verify_outgoing == Some(true) {
            self.refuse(
                &format!("{key}.verify_outgoing"),
                "nothing goes out there; it belongs to `tls.defaults` and `tls.internal_rpc`",
            );
        }
        let named = matches!(place, Place::Defaults | Place::InternalRpc);
        if !named && section.verify_server_hostname == Some(true) {
            self.refuse(
                &format!("{key}.verify_server_hostname"),
                "it belongs to `tls.defaults` and `tls.internal_rpc`",
            );
        }
        if section.use_auto_cert == Some(true) {
            let reason = if place == Place::Grpc {
                "servers do not sign agents' certificates yet; name files"
            } else {
                "it belongs to `tls.grpc`"
            };
            self.refuse(&format!("{key}.use_auto_cert"), reason);
        }
    }

    /// Whether a section has what it asks for.
    fn complete(&mut self, key: &str, section: &TlsSettings) {
        match (&section.cert_file, &section.key_file) {
            (Some(_), None) => self.refuse(
                &format!("{key}.key_file"),
                "it must be set where `cert_file` is",
            ),
            (None, Some(_)) => self.refuse(
                &format!("{key}.cert_file"),
                "it must be set where `key_file` is",
            ),
            (Some(_), Some(_)) | (None, None) => {}
        }
        let roots = "`ca_file` or `ca_path` must say whose certificates are taken";
        if section.verify_incoming && !section.has_roots() {
            self.refuse(&format!("{key}.verify_incoming"), roots);
        }
        if section.verify_incoming && !section.has_identity() {
            self.refuse(
                &format!("{key}.verify_incoming"),
                "`cert_file` and `key_file` must be set: who asks for certificates shows one",
            );
        }
        if section.verify_outgoing && !section.has_roots() {
            self.refuse(&format!("{key}.verify_outgoing"), roots);
        }
    }

    fn version(&mut self, key: &str, text: Option<&str>) -> TlsVersion {
        match text.unwrap_or_default() {
            "" | "TLS_AUTO" | "TLSv1_2" | "tls12" => TlsVersion::V1_2,
            "TLSv1_3" | "tls13" => TlsVersion::V1_3,
            "TLSv1_0" | "TLSv1_1" | "tls10" | "tls11" => {
                // versions with known holes are not spoken, so the floor is above what was asked for
                let notice = format!("{key}.tls_min_version: the oldest that is spoken is TLSv1_2");
                self.notices.push(notice);
                TlsVersion::V1_2
            }
            other => {
                let reason = format!("{} is neither TLSv1_2 nor TLSv1_3", shown(other));
                self.refuse(&format!("{key}.tls_min_version"), reason);
                TlsVersion::V1_2
            }
        }
    }
}

/// Which section it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Defaults,
    InternalRpc,
    Https,
    Grpc,
}
