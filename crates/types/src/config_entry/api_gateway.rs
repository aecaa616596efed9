//! `api-gateway`: a gateway whose listeners are bound to routes.

use serde::{Deserialize, Serialize};

use super::invalid::{Invalid, Problems, Reason};
use super::reference::{ResourceReference, Status};
use super::tls::Parameters;
use super::{Ignored, Kind, checks, host};
use crate::{Meta, ServiceName};

/// The kinds that a listener's certificate can be of.
const CERTIFICATES: &[&str] = &["file-system-certificate", "inline-certificate"];

/// An `api-gateway` entry as a client wrote it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct RawApiGateway {
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
    /// Service name of the gateway.
    pub name: String,
    /// Where it listens, at least one.
    pub listeners: Option<Vec<ApiGatewayListener>>,
    /// What the control plane says about it; what a client writes is ignored.
    pub status: Status,
    /// Free-form pairs.
    #[serde(skip_serializing_if = "Meta::is_empty")]
    pub meta: Meta,
}

/// A port that an API gateway listens on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct ApiGatewayListener {
    /// Its name, which routes bind to.
    pub name: String,
    /// Host that it answers to, or `*.` and one; any where empty.
    pub hostname: String,
    /// Its port, 1 to 65,535.
    pub port: i64,
    /// `http` or `tcp`, in lower case once checked.
    pub protocol: String,
    /// TLS towards clients.
    #[serde(rename = "TLS")]
    pub tls: ApiGatewayTls,
    /// What the routes cannot change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r#override: Option<ApiGatewayPolicy>,
    /// What holds unless a route says otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<ApiGatewayPolicy>,
}

/// TLS of a listener towards clients.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct ApiGatewayTls {
    /// Entries with the certificates.
    pub certificates: Option<Vec<ResourceReference>>,
    /// `""`, `TLS_AUTO`, or `TLSv1_0` to `TLSv1_3`.
    pub max_version: String,
    /// `""`, `TLS_AUTO`, or `TLSv1_0` to `TLSv1_3`.
    pub min_version: String,
    /// Cipher suites up to TLS 1.2, by their IANA names.
    pub cipher_suites: Option<Vec<String>>,
}

/// What is asked of requests to a listener. What it says is a Consul Enterprise feature.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct ApiGatewayPolicy {
    /// What their JWT must say.
    #[serde(rename = "JWT", skip_serializing_if = "Option::is_none")]
    pub jwt: Option<EnterpriseOnly>,
}

/// An object whose fields are a Consul Enterprise feature, so that it has none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnterpriseOnly {}

/// A checked `api-gateway` entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiGateway(RawApiGateway);

impl ApiGateway {
    /// Its fields, normalised.
    #[must_use]
    pub const fn raw(&self) -> &RawApiGateway {
        &self.0
    }

    /// Service name of the gateway.
    #[must_use]
    pub fn gateway(&self) -> ServiceName {
        ServiceName::new(self.0.name.as_str())
    }

    /// Where it listens; their names differ.
    pub fn listeners(&self) -> impl Iterator<Item = &ApiGatewayListener> {
        self.0.listeners.iter().flatten()
    }

    /// The same entry with another status.
    #[must_use]
    pub fn with_status(&self, status: Status) -> Self {
        Self(RawApiGateway {
            status,
            ..self.0.clone()
        })
    }

    /// Whether a listener can be served: nothing says that what is bound to it is in conflict.
    #[must_use]
    pub fn is_ready(&self, listener: &str) -> bool {
        let section = ResourceReference::new(Kind::ApiGateway, self.0.name.clone());
        !self
            .0
            .status
            .is_true("Conflicted", &section.section(listener))
    }
}

impl ApiGatewayTls {
    /// Entries with the certificates.
    pub fn certificates(&self) -> impl Iterator<Item = &ResourceReference> {
        self.certificates.iter().flatten()
    }
}

impl TryFrom<RawApiGateway> for ApiGateway {
    type Error = Invalid;

    fn try_from(mut raw: RawApiGateway) -> Result<Self, Invalid> {
        for listener in raw.listeners.iter_mut().flatten() {
            listener.protocol.make_ascii_lowercase();
            for certificate in listener.tls.certificates.iter_mut().flatten() {
                certificate.default_kind(Kind::InlineCertificate);
            }
        }
        raw.status = Status::default();
        let mut problems = Problems::default();
        checks::name(&mut problems, "Name", &raw.name);
        checks::meta(&mut problems, "Meta", &raw.meta);
        let listeners = raw.listeners.as_deref().unwrap_or_default();
        problems.add_if(listeners.is_empty(), "Listeners", Reason::Required);
        for (i, listener) in listeners.iter().enumerate() {
            let at = format!("Listeners[{i}]");
            for before in &listeners[..i] {
                listener.check_beside(&mut problems, &at, before);
            }
            listener.check(&mut problems, &at);
        }
        problems.finish()?;
        Ok(Self(raw))
    }
}

impl ApiGatewayListener {
    /// Names differ, and what shares a port is one listener of Envoy, so it must be alike.
    fn check_beside(&self, problems: &mut Problems, at: &str, other: &Self) {
        if self.name == other.name {
            problems.add(format!("{at}.Name"), Reason::Duplicate(self.name.clone()));
        }
        let alike = (&self.hostname, &self.protocol) == (&other.hostname, &other.protocol);
        if self.port == other.port && !alike {
            let expected =
                "a port of its own: listeners that share one have the same host name and protocol";
            problems.add(
                format!("{at}.Port"),
                Reason::Malformed {
                    value: self.port.to_string(),
                    expected,
                },
            );
        }
    }

    fn check(&self, problems: &mut Problems, at: &str) {
        let field = |name: &str| format!("{at}.{name}");
        if !is_listener_name(&self.name) {
            let expected =
                "a name of lower-case letters, digits and dashes, in parts joined by dots";
            problems.add(
                field("Name"),
                Reason::Malformed {
                    value: self.name.clone(),
                    expected,
                },
            );
        }
        problems.one_of(&field("Protocol"), &self.protocol, &["http", "tcp"]);
        problems.range(&field("Port"), self.port, 1, 65_535);
        if !self.hostname.is_empty() {
            let tcp = Reason::Forbidden("where the protocol is tcp");
            problems.add_if(self.protocol == "tcp", &field("Hostname"), tcp);
            host::check_wildcarded(problems, &field("Hostname"), &self.hostname);
        }
        for (i, certificate) in self.tls.certificates().enumerate() {
            let at = format!("{at}.TLS.Certificates[{i}]");
            certificate.check(problems, &at, CERTIFICATES);
        }
        let parameters = Parameters {
            at: &field("TLS"),
            least: ("MinVersion", &self.tls.min_version),
            most: ("MaxVersion", &self.tls.max_version),
            suites: self.tls.cipher_suites.as_deref().unwrap_or_default(),
        };
        parameters.check(problems);
    }
}

fn is_listener_name(name: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    name.split('.').all(|part| {
        let bytes = part.as_bytes();
        bytes.first().is_some_and(|first| word(*first))
            && bytes.last().is_some_and(|last| word(*last))
            && bytes.iter().all(|byte| word(*byte) || *byte == b'-')
    })
}
