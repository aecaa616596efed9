//! Versions and cipher suites of TLS, as several kinds write them.

use super::invalid::{Problems, Reason};

const VERSIONS: &[&str] = &["", "TLS_AUTO", "TLSv1_0", "TLSv1_1", "TLSv1_2", "TLSv1_3"];

const CIPHER_SUITES: &[&str] = &[
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_RSA_WITH_AES_256_CBC_SHA",
];

/// The parameters of one side, and the names that their fields have in its kind.
pub(super) struct Parameters<'a> {
    /// Path of the object that they are in.
    pub(super) at: &'a str,
    /// Field and value of the least version.
    pub(super) least: (&'a str, &'a str),
    /// Field and value of the greatest version.
    pub(super) most: (&'a str, &'a str),
    /// The suites.
    pub(super) suites: &'a [String],
}

impl Parameters<'_> {
    pub(super) fn check(&self, problems: &mut Problems) {
        let at = self.at;
        for (field, version) in [self.least, self.most] {
            problems.one_of(&format!("{at}.{field}"), version, VERSIONS);
        }
        // the concrete versions are in order from place 2 on; the others can't be compared
        let place = |version: &str| {
            VERSIONS
                .iter()
                .position(|known| *known == version)
                .filter(|place| *place >= 2)
        };
        let (least, most) = (place(self.least.1), place(self.most.1));
        if least.zip(most).is_some_and(|(least, most)| most < least) {
            problems.add(
                format!("{at}.{}", self.most.0),
                Reason::Malformed {
                    value: self.most.1.to_owned(),
                    expected: "at least the minimum version",
                },
            );
        }
        if self.least.1 == "TLSv1_3" && !self.suites.is_empty() {
            let unused = Reason::Forbidden("from TLS 1.3 on, which has suites of its own");
            problems.add(format!("{at}.CipherSuites"), unused);
        }
        for (i, suite) in self.suites.iter().enumerate() {
            problems.one_of(&format!("{at}.CipherSuites[{i}]"), suite, CIPHER_SUITES);
        }
    }
}
