//! `jwt-provider`: who issues the tokens that intentions ask for, and how they are verified.

use serde::{Deserialize, Serialize, Serializer};

use super::Ignored;
use crate::{GoDuration, Meta, is_default};

mod bytes;
mod check;

pub use bytes::Bytes;

/// A `jwt-provider` entry as a client wrote it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct RawJwtProvider {
    /// Ignored: the kind is known before the fields are read.
    #[serde(skip_serializing)]
    pub kind: Ignored,
    /// Ignored: writes assign it.
    #[serde(skip_serializing)]
    pub create_index: Ignored,
    /// Ignored: writes assign it.
    #[serde(skip_serializing)]
    pub modify_index: Ignored,
    /// Ignored: computed from the rest.
    #[serde(skip_serializing)]
    pub hash: Ignored,
    /// Its name, by which intentions ask for it.
    pub name: String,
    /// The keys that tokens are signed with.
    #[serde(rename = "JSONWebKeySet", skip_serializing_if = "Option::is_none")]
    pub json_web_key_set: Option<JsonWebKeySet>,
    /// The issuer that tokens name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub issuer: String,
    /// Audiences, one of which tokens name; any where none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub audiences: Vec<String>,
    /// Where in a request the token is; a bearer token, then the parameter `access_token`, where none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub locations: Vec<JwtLocation>,
    /// How the application learns what the token says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forwarding: Option<JwtForwarding>,
    /// By how much clocks may differ; 30 where 0.
    #[serde(skip_serializing_if = "is_default")]
    pub clock_skew_seconds: i64,
    /// How many tokens a proxy remembers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_config: Option<JwtCache>,
    /// Free-form pairs.
    #[serde(skip_serializing_if = "Meta::is_empty")]
    pub meta: Meta,
}

/// Where keys come from: one of the two.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct JsonWebKeySet {
    /// From the entry itself or from a file of the proxy's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local: Option<LocalJwks>,
    /// From a server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote: Option<RemoteJwks>,
}

/// Keys at hand: one of the two.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct LocalJwks {
    /// The key set, in base64.
    #[serde(rename = "JWKS", skip_serializing_if = "String::is_empty")]
    pub jwks: String,
    /// File of the proxy's with the key set.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub filename: String,
}

/// Keys that a proxy asks a server for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct RemoteJwks {
    /// Where the key set is.
    #[serde(rename = "URI", skip_serializing_if = "String::is_empty")]
    pub uri: String,
    /// How long a request may take, in milliseconds.
    #[serde(skip_serializing_if = "is_default")]
    pub request_timeout_ms: i64,
    /// How long the key set is kept; printed in nanoseconds.
    #[serde(
        skip_serializing_if = "GoDuration::is_zero",
        serialize_with = "nanoseconds"
    )]
    pub cache_duration: GoDuration,
    /// Whether the proxy asks before the first request comes.
    #[serde(skip_serializing_if = "is_default")]
    pub fetch_asynchronously: bool,
    /// When it asks again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_policy: Option<JwksRetryPolicy>,
    /// How it connects.
    #[serde(rename = "JWKSCluster", skip_serializing_if = "Option::is_none")]
    pub jwks_cluster: Option<JwksCluster>,
}

/// How a proxy connects to a server with keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct JwksCluster {
    /// Envoy's word for how the server is found; `STRICT_DNS` where empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub discovery_type: String,
    /// Whose certificate the server shows.
    #[serde(rename = "TLSCertificates", skip_serializing_if = "Option::is_none")]
    pub tls_certificates: Option<JwksTlsCertificates>,
    /// How long a connection may take to come about; five seconds where 0. Printed in nanoseconds.
    #[serde(
        skip_serializing_if = "GoDuration::is_zero",
        serialize_with = "nanoseconds"
    )]
    pub connect_timeout: GoDuration,
}

/// Whose certificate a server with keys shows: one of the two.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct JwksTlsCertificates {
    /// One that a provider of Envoy's bootstrap has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_certificate_provider_instance: Option<JwksCertificateProvider>,
    /// Authorities.
    #[serde(rename = "TrustedCA", skip_serializing_if = "Option::is_none")]
    pub trusted_ca: Option<JwksTrustedCa>,
}

/// A provider of certificates in Envoy's bootstrap.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct JwksCertificateProvider {
    /// Its name; `default` where empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub instance_name: String,
    /// Name of the certificate there.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub certificate_name: String,
}

/// Where authorities are read from: one of the four.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct JwksTrustedCa {
    /// A file of the proxy's.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub filename: String,
    /// A variable of the proxy's environment.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub environment_variable: String,
    /// This text.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub inline_string: String,
    /// These bytes, printed in base64.
    #[serde(skip_serializing_if = "Bytes::is_empty")]
    pub inline_bytes: Bytes,
}

/// When a proxy asks for keys again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct JwksRetryPolicy {
    /// How often.
    #[serde(skip_serializing_if = "is_default")]
    pub num_retries: i64,
    /// How long it waits before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_policy_back_off: Option<RetryPolicyBackOff>,
}

/// How long a proxy waits before it asks again; printed in nanoseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct RetryPolicyBackOff {
    /// The first time.
    #[serde(
        skip_serializing_if = "GoDuration::is_zero",
        serialize_with = "nanoseconds"
    )]
    pub base_interval: GoDuration,
    /// At most; ten times the first where 0.
    #[serde(
        skip_serializing_if = "GoDuration::is_zero",
        serialize_with = "nanoseconds"
    )]
    pub max_interval: GoDuration,
}

/// Where in a request a token is: one of the three.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct JwtLocation {
    /// In a header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<JwtLocationHeader>,
    /// In a parameter of the query.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query_param: Option<JwtLocationName>,
    /// In a cookie.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cookie: Option<JwtLocationName>,
}

/// A header with a token.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct JwtLocationHeader {
    /// Its name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// What stands before the token.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub value_prefix: String,
    /// Whether the application gets the header, too.
    #[serde(skip_serializing_if = "is_default")]
    pub forward: bool,
}

/// A parameter or a cookie with a token.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct JwtLocationName {
    /// Its name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
}

/// How the application learns what a token says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct JwtForwarding {
    /// Header that the payload goes into.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub header_name: String,
    /// Whether its base64 is padded.
    pub pad_forward_payload_header: bool,
}

/// How many tokens a proxy remembers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct JwtCache {
    /// How many; none where 0.
    #[serde(skip_serializing_if = "is_default")]
    pub size: i64,
}

fn nanoseconds<S: Serializer>(duration: &GoDuration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_i64(duration.as_nanos())
}

/// A checked `jwt-provider` entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JwtProviderEntry(RawJwtProvider);

impl JwtProviderEntry {
    /// Its fields, normalised.
    #[must_use]
    pub const fn raw(&self) -> &RawJwtProvider {
        &self.0
    }
}
