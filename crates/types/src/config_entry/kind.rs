//! The kinds of config entries.

use std::fmt;

/// Kinds that Consul knows and that are refused here by name.
const UNSUPPORTED: [&str; 12] = [
    "api-gateway",
    "bound-api-gateway",
    "control-plane-request-limit",
    "exported-services",
    "file-system-certificate",
    "http-route",
    "ingress-gateway",
    "inline-certificate",
    "jwt-provider",
    "sameness-group",
    "tcp-route",
    "terminating-gateway",
];

/// A kind of config entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Settings of the whole mesh.
    Mesh,
    /// Settings of every proxy.
    ProxyDefaults,
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
}

/// Why a text names no kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownKind {
    /// It is one of Consul's, but there is no such kind here.
    #[error("config entry kind {0:?} is not supported yet")]
    Unsupported(String),
    /// Nobody knows it.
    #[error(
        "invalid config entry kind: {0:?}; the kinds are {all}",
        all = Kind::ALL.map(Kind::as_str).join(", ")
    )]
    Unknown(String),
}

impl Kind {
    /// Every kind, in the order of their names.
    pub const ALL: [Self; 7] = [
        Self::Mesh,
        Self::ProxyDefaults,
        Self::ServiceDefaults,
        Self::ServiceIntentions,
        Self::ServiceResolver,
        Self::ServiceRouter,
        Self::ServiceSplitter,
    ];

    /// Consul's word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mesh => "mesh",
            Self::ProxyDefaults => "proxy-defaults",
            Self::ServiceDefaults => "service-defaults",
            Self::ServiceIntentions => "service-intentions",
            Self::ServiceResolver => "service-resolver",
            Self::ServiceRouter => "service-router",
            Self::ServiceSplitter => "service-splitter",
        }
    }

    /// The kind that a word names, to the letter.
    ///
    /// # Errors
    /// Where it names none, or one of Consul's that is not supported here.
    pub fn parse(text: &str) -> Result<Self, UnknownKind> {
        match Self::ALL.into_iter().find(|kind| kind.as_str() == text) {
            Some(kind) => Ok(kind),
            None if UNSUPPORTED.contains(&text) => Err(UnknownKind::Unsupported(text.to_owned())),
            None => Err(UnknownKind::Unknown(text.to_owned())),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
