//! The kinds of config entries.

use std::borrow::Cow;
use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Kinds that only Consul Enterprise knows.
const ENTERPRISE: [&str; 2] = ["control-plane-request-limit", "partition-exports"];

/// A kind of config entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A gateway whose listeners are bound to routes.
    ApiGateway,
    /// What the listeners of an API gateway are bound to; only the control plane writes it.
    BoundApiGateway,
    /// Which services peers may reach.
    ExportedServices,
    /// Files on an API gateway with its certificate and key.
    FileSystemCertificate,
    /// Where requests to API gateways go.
    HttpRoute,
    /// Where traffic from outside comes into the mesh.
    IngressGateway,
    /// A certificate of API gateways and its key.
    InlineCertificate,
    /// Who issues the tokens that intentions ask for.
    JwtProvider,
    /// Settings of the whole mesh.
    Mesh,
    /// Settings of every proxy.
    ProxyDefaults,
    /// Peers that are alike; never written, a Consul Enterprise feature.
    SamenessGroup,
    /// Settings of one service and of its proxies.
    ServiceDefaults,
    /// Who may call one service.
    ServiceIntentions,
    /// Which instances a service's name stands for.
    ServiceResolver,
    /// Where the requests to a service go, by what they ask for.
    ServiceRouter,
    /// How the traffic to a service is shared out.
    ServiceSplitter,
    /// Where connections to API gateways go.
    TcpRoute,
    /// Services outside the mesh that are reached through a gateway.
    TerminatingGateway,
}

/// Why a text names no kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownKind {
    /// Consul has it in its Enterprise edition only.
    #[error("invalid config entry kind: {0:?} is a Consul Enterprise feature")]
    Enterprise(String),
    /// Nobody knows it.
    #[error(
        "invalid config entry kind: {0:?}; the kinds are {all}",
        all = Kind::ALL.map(Kind::as_str).join(", ")
    )]
    Unknown(String),
}

impl Kind {
    /// Every kind, in the order of their names.
    pub const ALL: [Self; 18] = [
        Self::ApiGateway,
        Self::BoundApiGateway,
        Self::ExportedServices,
        Self::FileSystemCertificate,
        Self::HttpRoute,
        Self::IngressGateway,
        Self::InlineCertificate,
        Self::JwtProvider,
        Self::Mesh,
        Self::ProxyDefaults,
        Self::SamenessGroup,
        Self::ServiceDefaults,
        Self::ServiceIntentions,
        Self::ServiceResolver,
        Self::ServiceRouter,
        Self::ServiceSplitter,
        Self::TcpRoute,
        Self::TerminatingGateway,
    ];

    /// Consul's word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ApiGateway => "api-gateway",
            Self::BoundApiGateway => "bound-api-gateway",
            Self::ExportedServices => "exported-services",
            Self::FileSystemCertificate => "file-system-certificate",
            Self::HttpRoute => "http-route",
            Self::IngressGateway => "ingress-gateway",
            Self::InlineCertificate => "inline-certificate",
            Self::JwtProvider => "jwt-provider",
            Self::Mesh => "mesh",
            Self::ProxyDefaults => "proxy-defaults",
            Self::SamenessGroup => "sameness-group",
            Self::ServiceDefaults => "service-defaults",
            Self::ServiceIntentions => "service-intentions",
            Self::ServiceResolver => "service-resolver",
            Self::ServiceRouter => "service-router",
            Self::ServiceSplitter => "service-splitter",
            Self::TcpRoute => "tcp-route",
            Self::TerminatingGateway => "terminating-gateway",
        }
    }

    /// The kind that a word names, to the letter.
    ///
    /// # Errors
    /// Where it names none, or one of Consul Enterprise's.
    pub fn parse(text: &str) -> Result<Self, UnknownKind> {
        match Self::ALL.into_iter().find(|kind| kind.as_str() == text) {
            Some(kind) => Ok(kind),
            None if ENTERPRISE.contains(&text) => Err(UnknownKind::Enterprise(text.to_owned())),
            None => Err(UnknownKind::Unknown(text.to_owned())),
        }
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&Cow::<'de, str>::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
