//! The rules of a `jwt-provider` entry.

use super::bytes::is_base64;
use super::{
    JsonWebKeySet, JwksCluster, JwksTlsCertificates, JwksTrustedCa, JwtLocation, JwtProviderEntry,
    LocalJwks, RawJwtProvider, RemoteJwks,
};
use crate::GoDuration;
use crate::config_entry::checks;
use crate::config_entry::invalid::{Invalid, Problems, Reason};

/// What clocks may differ by where nothing else is said, in seconds.
const CLOCK_SKEW: i64 = 30;

const DISCOVERY: &[&str] = &[
    "",
    "STRICT_DNS",
    "STATIC",
    "LOGICAL_DNS",
    "EDS",
    "ORIGINAL_DST",
];

impl TryFrom<RawJwtProvider> for JwtProviderEntry {
    type Error = Invalid;

    fn try_from(mut raw: RawJwtProvider) -> Result<Self, Invalid> {
        if raw.clock_skew_seconds == 0 {
            raw.clock_skew_seconds = CLOCK_SKEW;
        }
        let mut problems = Problems::default();
        checks::name(&mut problems, "Name", &raw.name);
        checks::meta(&mut problems, "Meta", &raw.meta);
        match &raw.json_web_key_set {
            None => problems.add("JSONWebKeySet", Reason::Required),
            Some(keys) => keys.check(&mut problems),
        }
        for (i, location) in raw.locations.iter().enumerate() {
            location.check(&mut problems, &format!("Locations[{i}]"));
        }
        let unnamed = raw
            .forwarding
            .as_ref()
            .is_some_and(|forwarding| forwarding.header_name.is_empty());
        problems.add_if(unnamed, "Forwarding.HeaderName", Reason::Required);
        problems.finish()?;
        Ok(Self(raw))
    }
}

/// Adds a problem unless exactly one of the fields is set.
fn exactly_one(problems: &mut Problems, at: &str, set: &[bool], fields: &'static str) {
    if set.iter().filter(|set| **set).count() != 1 {
        problems.add(at, Reason::ExactlyOne(fields));
    }
}

impl JsonWebKeySet {
    fn check(&self, problems: &mut Problems) {
        let set = [self.local.is_some(), self.remote.is_some()];
        exactly_one(problems, "JSONWebKeySet", &set, "Local and Remote");
        if let Some(local) = &self.local {
            local.check(problems);
        }
        if let Some(remote) = &self.remote {
            remote.check(problems);
        }
    }
}

impl LocalJwks {
    fn check(&self, problems: &mut Problems) {
        let at = "JSONWebKeySet.Local";
        let set = [!self.jwks.is_empty(), !self.filename.is_empty()];
        exactly_one(problems, at, &set, "JWKS and Filename");
        if !is_base64(&self.jwks) {
            problems.add(
                format!("{at}.JWKS"),
                Reason::Malformed {
                    value: self.jwks.clone(),
                    expected: "base64 with its padding",
                },
            );
        }
    }
}

impl RemoteJwks {
    fn check(&self, problems: &mut Problems) {
        let at = "JSONWebKeySet.Remote";
        if self.uri.is_empty() {
            problems.add(format!("{at}.URI"), Reason::Required);
        } else if !is_request_uri(&self.uri) {
            problems.add(
                format!("{at}.URI"),
                Reason::Malformed {
                    value: self.uri.clone(),
                    expected: "an absolute URI or a path, such as \"https://keys.example/jwks\"",
                },
            );
        }
        let back_off = self
            .retry_policy
            .as_ref()
            .and_then(|policy| policy.retry_policy_back_off.as_ref());
        if let Some(back_off) = back_off {
            let (base, most) = (back_off.base_interval, back_off.max_interval);
            if most != GoDuration::ZERO && base > most {
                problems.add(
                    format!("{at}.RetryPolicy.RetryPolicyBackOff.MaxInterval"),
                    Reason::Malformed {
                        value: most.to_string(),
                        expected: "at least the BaseInterval",
                    },
                );
            }
        }
        if let Some(cluster) = &self.jwks_cluster {
            cluster.check(problems, &format!("{at}.JWKSCluster"));
        }
    }
}

/// A scheme and what follows, or an absolute path.
fn is_request_uri(uri: &str) -> bool {
    let scheme = |text: &str| {
        text.starts_with(|first: char| first.is_ascii_alphabetic())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    };
    let whole = !uri
        .chars()
        .any(|letter| letter.is_control() || letter == ' ');
    whole
        && (uri.starts_with('/')
            || uri
                .split_once(':')
                .is_some_and(|(before, after)| scheme(before) && !after.is_empty()))
}

impl JwksCluster {
    fn check(&self, problems: &mut Problems, at: &str) {
        problems.one_of(
            &format!("{at}.DiscoveryType"),
            &self.discovery_type,
            DISCOVERY,
        );
        if let Some(certificates) = &self.tls_certificates {
            certificates.check(problems, &format!("{at}.TLSCertificates"));
        }
    }
}

impl JwksTlsCertificates {
    fn check(&self, problems: &mut Problems, at: &str) {
        let set = [
            self.ca_certificate_provider_instance.is_some(),
            self.trusted_ca.is_some(),
        ];
        exactly_one(
            problems,
            at,
            &set,
            "CaCertificateProviderInstance and TrustedCA",
        );
        if let Some(JwksTrustedCa {
            filename,
            environment_variable,
            inline_string,
            inline_bytes,
        }) = &self.trusted_ca
        {
            let set = [
                !filename.is_empty(),
                !environment_variable.is_empty(),
                !inline_string.is_empty(),
                !inline_bytes.is_empty(),
            ];
            let fields = "Filename, EnvironmentVariable, InlineString and InlineBytes";
            exactly_one(problems, &format!("{at}.TrustedCA"), &set, fields);
        }
    }
}

impl JwtLocation {
    fn check(&self, problems: &mut Problems, at: &str) {
        let set = [
            self.header.is_some(),
            self.query_param.is_some(),
            self.cookie.is_some(),
        ];
        exactly_one(problems, at, &set, "Header, QueryParam and Cookie");
        let names = [
            ("Header", self.header.as_ref().map(|header| &header.name)),
            ("QueryParam", self.query_param.as_ref().map(|at| &at.name)),
            ("Cookie", self.cookie.as_ref().map(|cookie| &cookie.name)),
        ];
        for (field, name) in names {
            let unnamed = name.is_some_and(String::is_empty);
            problems.add_if(unnamed, &format!("{at}.{field}.Name"), Reason::Required);
        }
    }
}
