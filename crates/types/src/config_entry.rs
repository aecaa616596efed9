//! Config entries: what operators say centrally about proxies, services and intentions.
//!
//! Each kind has a raw form, which is what a client wrote, and a checked one, which only `TryFrom` makes
//! of it and which is normalised as Consul normalises it. A checked entry prints as Consul prints it.

mod api_gateway;
mod bound_api_gateway;
mod certificate;
mod checks;
mod exported_services;
pub mod extension;
mod header_modifiers;
mod host;
mod http_route;
mod ingress_gateway;
mod invalid;
mod jwt_provider;
mod kind;
mod mesh;
mod permission;
mod proxy_defaults;
mod reference;
mod route;
mod sameness_group;
mod service_defaults;
mod service_intentions;
mod service_resolver;
mod service_router;
mod service_splitter;
mod tcp_route;
mod terminating_gateway;
mod tls;
mod upstream;
mod weight;

use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

pub use api_gateway::{
    ApiGateway, ApiGatewayListener, ApiGatewayPolicy, ApiGatewayTls, EnterpriseOnly, RawApiGateway,
};
pub use bound_api_gateway::{BoundApiGateway, BoundApiGatewayListener};
pub use certificate::{
    FileSystemCertificate, InlineCertificate, RawFileSystemCertificate, RawInlineCertificate,
};
pub use exported_services::{
    EXPORTED_SERVICES_NAME, ExportedService, ExportedServices, RawExportedServices, ServiceConsumer,
};
pub use header_modifiers::HeaderModifiers;
pub use http_route::{
    HttpFilters, HttpHeaderFilter, HttpHeaderMatch, HttpMatch, HttpPathMatch, HttpQueryMatch,
    HttpResponseFilters, HttpRoute, HttpRouteRule, HttpService, RawHttpRoute, RetryFilter,
    TimeoutFilter, UrlRewrite,
};
pub use ingress_gateway::{
    GatewayServiceTls, GatewayTls, GatewayTlsSds, IngressGateway, IngressListener, IngressService,
    IngressServiceDefaults, RawIngressGateway,
};
pub use invalid::{Invalid, Problem, Reason};
pub use jwt_provider::{
    Bytes, JsonWebKeySet, JwksCertificateProvider, JwksCluster, JwksRetryPolicy,
    JwksTlsCertificates, JwksTrustedCa, JwtCache, JwtForwarding, JwtLocation, JwtLocationHeader,
    JwtLocationName, JwtProviderEntry, LocalJwks, RawJwtProvider, RemoteJwks, RetryPolicyBackOff,
};
pub use kind::{Kind, UnknownKind};
pub use mesh::{
    DirectionalHttp, DirectionalTls, Mesh, MeshHttp, MeshPeering, MeshTls, MeshTransparentProxy,
    RawMesh, RequestNormalization,
};
pub use permission::{
    Action, HeaderMatch, HeaderValue, HttpPermission, JwtClaim, JwtProvider, JwtRequirement,
    PathMatch, Permission, RawHeaderMatch, RawHttpPermission, RawPermission,
};
pub use proxy_defaults::{
    FailoverPolicy, PROXY_DEFAULTS_NAME, PrioritizeByLocality, ProxyDefaults, RawProxyDefaults,
};
pub use reference::{Condition, ResourceReference, Status};
pub use route::GatewayRoute;
pub use sameness_group::RawSamenessGroup;
pub use service_defaults::{Destination, RawServiceDefaults, ServiceDefaults};
pub use service_intentions::{
    Effect, Legacy, RawServiceIntentions, RawSource, ServiceIntentions, SourceIntention,
};
pub use service_resolver::{
    Failover, FailoverTarget, HashCookie, HashPolicy, LeastRequest, LoadBalancer,
    RawServiceResolver, Redirect, RingHash, ServiceResolver, Subset,
};
pub use service_router::{
    RawServiceRouter, Route, RouteDestination, RouteHeaderMatch, RouteHttpMatch, RouteMatch,
    RouteQueryMatch, ServiceRouter,
};
pub use service_splitter::{RawServiceSplitter, ServiceSplitter, Split};
pub use tcp_route::{RawTcpRoute, TcpRoute, TcpService};
pub use terminating_gateway::{LinkedService, RawTerminatingGateway, TerminatingGateway};
pub use upstream::{PassiveHealthCheck, UpstreamConfig, UpstreamConfiguration, UpstreamLimits};
pub use weight::Weight;

use crate::{Index, Meta, ServiceName};

/// Takes whatever is written in its place, and forgets it: a field that clients read and send back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ignored;

impl<'de> Deserialize<'de> for Ignored {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde::de::IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

impl Serialize for Ignored {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit()
    }
}

/// What names one config entry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key {
    /// Its kind.
    pub kind: Kind,
    /// Its name, which for most kinds is that of a service.
    pub name: ServiceName,
}

impl Key {
    /// The entry of a kind about a service.
    #[must_use]
    pub const fn new(kind: Kind, name: ServiceName) -> Self {
        Self { kind, name }
    }

    /// The one `proxy-defaults` entry.
    #[must_use]
    pub fn proxy_defaults() -> Self {
        Self::new(Kind::ProxyDefaults, ServiceName::new(PROXY_DEFAULTS_NAME))
    }

    /// The one `mesh` entry.
    #[must_use]
    pub fn mesh() -> Self {
        Self::new(Kind::Mesh, ServiceName::new(Kind::Mesh.as_str()))
    }
}

/// A config entry as a client wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants are the kinds")]
pub enum Raw {
    ServiceDefaults(RawServiceDefaults),
    ProxyDefaults(RawProxyDefaults),
    ServiceIntentions(RawServiceIntentions),
    Mesh(RawMesh),
    ServiceResolver(RawServiceResolver),
    ServiceRouter(RawServiceRouter),
    ServiceSplitter(RawServiceSplitter),
    SamenessGroup(RawSamenessGroup),
    /// Refused: only the control plane writes it.
    BoundApiGateway(Ignored),
    ApiGateway(RawApiGateway),
    ExportedServices(RawExportedServices),
    FileSystemCertificate(RawFileSystemCertificate),
    HttpRoute(RawHttpRoute),
    IngressGateway(RawIngressGateway),
    InlineCertificate(RawInlineCertificate),
    JwtProvider(RawJwtProvider),
    TcpRoute(RawTcpRoute),
    TerminatingGateway(RawTerminatingGateway),
}

impl Raw {
    /// Reads the fields of a kind. `Kind`, `Hash` and the indexes are taken and ignored.
    ///
    /// # Errors
    /// Whatever the format says about a field that does not fit.
    pub fn deserialize<'de, D: Deserializer<'de>>(
        kind: Kind,
        deserializer: D,
    ) -> Result<Self, D::Error> {
        Ok(match kind {
            Kind::ServiceDefaults => Self::ServiceDefaults(Deserialize::deserialize(deserializer)?),
            Kind::ProxyDefaults => Self::ProxyDefaults(Deserialize::deserialize(deserializer)?),
            Kind::ServiceIntentions => {
                Self::ServiceIntentions(Deserialize::deserialize(deserializer)?)
            }
            Kind::Mesh => Self::Mesh(Deserialize::deserialize(deserializer)?),
            Kind::ServiceResolver => Self::ServiceResolver(Deserialize::deserialize(deserializer)?),
            Kind::ServiceRouter => Self::ServiceRouter(Deserialize::deserialize(deserializer)?),
            Kind::ServiceSplitter => Self::ServiceSplitter(Deserialize::deserialize(deserializer)?),
            Kind::SamenessGroup => Self::SamenessGroup(Deserialize::deserialize(deserializer)?),
            Kind::BoundApiGateway => Self::BoundApiGateway(Deserialize::deserialize(deserializer)?),
            Kind::ApiGateway => Self::ApiGateway(Deserialize::deserialize(deserializer)?),
            Kind::ExportedServices => {
                Self::ExportedServices(Deserialize::deserialize(deserializer)?)
            }
            Kind::FileSystemCertificate => {
                Self::FileSystemCertificate(Deserialize::deserialize(deserializer)?)
            }
            Kind::HttpRoute => Self::HttpRoute(Deserialize::deserialize(deserializer)?),
            Kind::IngressGateway => Self::IngressGateway(Deserialize::deserialize(deserializer)?),
            Kind::InlineCertificate => {
                Self::InlineCertificate(Deserialize::deserialize(deserializer)?)
            }
            Kind::JwtProvider => Self::JwtProvider(Deserialize::deserialize(deserializer)?),
            Kind::TcpRoute => Self::TcpRoute(Deserialize::deserialize(deserializer)?),
            Kind::TerminatingGateway => {
                Self::TerminatingGateway(Deserialize::deserialize(deserializer)?)
            }
        })
    }
}

impl Raw {
    /// What kind it is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::ServiceDefaults(_) => Kind::ServiceDefaults,
            Self::ProxyDefaults(_) => Kind::ProxyDefaults,
            Self::ServiceIntentions(_) => Kind::ServiceIntentions,
            Self::Mesh(_) => Kind::Mesh,
            Self::ServiceResolver(_) => Kind::ServiceResolver,
            Self::ServiceRouter(_) => Kind::ServiceRouter,
            Self::ServiceSplitter(_) => Kind::ServiceSplitter,
            Self::SamenessGroup(_) => Kind::SamenessGroup,
            Self::BoundApiGateway(_) => Kind::BoundApiGateway,
            Self::ApiGateway(_) => Kind::ApiGateway,
            Self::ExportedServices(_) => Kind::ExportedServices,
            Self::FileSystemCertificate(_) => Kind::FileSystemCertificate,
            Self::HttpRoute(_) => Kind::HttpRoute,
            Self::IngressGateway(_) => Kind::IngressGateway,
            Self::InlineCertificate(_) => Kind::InlineCertificate,
            Self::JwtProvider(_) => Kind::JwtProvider,
            Self::TcpRoute(_) => Kind::TcpRoute,
            Self::TerminatingGateway(_) => Kind::TerminatingGateway,
        }
    }
}

/// As its fields with its `Kind`.
impl Serialize for Raw {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let json = match self {
            Self::ServiceDefaults(raw) => serde_json::to_value(raw),
            Self::ProxyDefaults(raw) => serde_json::to_value(raw),
            Self::ServiceIntentions(raw) => serde_json::to_value(raw),
            Self::Mesh(raw) => serde_json::to_value(raw),
            Self::ServiceResolver(raw) => serde_json::to_value(raw),
            Self::ServiceRouter(raw) => serde_json::to_value(raw),
            Self::ServiceSplitter(raw) => serde_json::to_value(raw),
            Self::SamenessGroup(raw) => serde_json::to_value(raw),
            Self::ApiGateway(raw) => serde_json::to_value(raw),
            Self::ExportedServices(raw) => serde_json::to_value(raw),
            Self::FileSystemCertificate(raw) => serde_json::to_value(raw),
            Self::HttpRoute(raw) => serde_json::to_value(raw),
            Self::IngressGateway(raw) => serde_json::to_value(raw),
            Self::InlineCertificate(raw) => serde_json::to_value(raw),
            Self::JwtProvider(raw) => serde_json::to_value(raw),
            Self::TcpRoute(raw) => serde_json::to_value(raw),
            Self::TerminatingGateway(raw) => serde_json::to_value(raw),
            Self::BoundApiGateway(Ignored) => Ok(Value::Object(Default::default())),
        };
        let mut json = json.map_err(S::Error::custom)?;
        json["Kind"] = self.kind().as_str().into();
        json.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = Value::deserialize(deserializer)?;
        let kind = json["Kind"].as_str().unwrap_or_default();
        let kind = Kind::parse(kind).map_err(D::Error::custom)?;
        Self::deserialize(kind, json).map_err(D::Error::custom)
    }
}

/// A checked and normalised config entry.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants are the kinds")]
pub enum Entry {
    ServiceDefaults(ServiceDefaults),
    ProxyDefaults(ProxyDefaults),
    ServiceIntentions(ServiceIntentions),
    Mesh(Mesh),
    ServiceResolver(ServiceResolver),
    ServiceRouter(ServiceRouter),
    ServiceSplitter(ServiceSplitter),
    BoundApiGateway(BoundApiGateway),
    ApiGateway(ApiGateway),
    ExportedServices(ExportedServices),
    FileSystemCertificate(FileSystemCertificate),
    HttpRoute(HttpRoute),
    IngressGateway(IngressGateway),
    InlineCertificate(InlineCertificate),
    JwtProvider(JwtProviderEntry),
    TcpRoute(TcpRoute),
    TerminatingGateway(TerminatingGateway),
}

impl TryFrom<Raw> for Entry {
    type Error = Invalid;

    fn try_from(raw: Raw) -> Result<Self, Invalid> {
        Ok(match raw {
            Raw::ServiceDefaults(raw) => Self::ServiceDefaults(raw.try_into()?),
            Raw::ProxyDefaults(raw) => Self::ProxyDefaults(raw.try_into()?),
            Raw::ServiceIntentions(raw) => Self::ServiceIntentions(raw.try_into()?),
            Raw::Mesh(raw) => Self::Mesh(raw.try_into()?),
            Raw::ServiceResolver(raw) => Self::ServiceResolver(raw.try_into()?),
            Raw::ServiceRouter(raw) => Self::ServiceRouter(raw.try_into()?),
            Raw::ServiceSplitter(raw) => Self::ServiceSplitter(raw.try_into()?),
            Raw::SamenessGroup(_) => return Err(RawSamenessGroup::refusal()),
            Raw::BoundApiGateway(_) => return Err(BoundApiGateway::refusal()),
            Raw::ApiGateway(raw) => Self::ApiGateway(raw.try_into()?),
            Raw::ExportedServices(raw) => Self::ExportedServices(raw.try_into()?),
            Raw::FileSystemCertificate(raw) => Self::FileSystemCertificate(raw.try_into()?),
            Raw::HttpRoute(raw) => Self::HttpRoute(raw.try_into()?),
            Raw::IngressGateway(raw) => Self::IngressGateway(raw.try_into()?),
            Raw::InlineCertificate(raw) => Self::InlineCertificate(raw.try_into()?),
            Raw::JwtProvider(raw) => Self::JwtProvider(raw.try_into()?),
            Raw::TcpRoute(raw) => Self::TcpRoute(raw.try_into()?),
            Raw::TerminatingGateway(raw) => Self::TerminatingGateway(raw.try_into()?),
        })
    }
}

impl Entry {
    /// An entry as it was stored. Unlike a client's, it keeps what the control plane says about it, and the IDs of
    /// intentions.
    ///
    /// # Errors
    /// Where it is none.
    pub fn stored(raw: Raw) -> Result<Self, Invalid> {
        if let Raw::ServiceIntentions(raw) = raw {
            return ServiceIntentions::stored(raw).map(Self::ServiceIntentions);
        }
        let status = match &raw {
            Raw::ApiGateway(RawApiGateway { status, .. })
            | Raw::HttpRoute(RawHttpRoute { status, .. })
            | Raw::TcpRoute(RawTcpRoute { status, .. }) => status.clone(),
            Raw::BoundApiGateway(_)
            | Raw::ExportedServices(_)
            | Raw::FileSystemCertificate(_)
            | Raw::IngressGateway(_)
            | Raw::InlineCertificate(_)
            | Raw::JwtProvider(_)
            | Raw::Mesh(_)
            | Raw::ProxyDefaults(_)
            | Raw::SamenessGroup(_)
            | Raw::ServiceDefaults(_)
            | Raw::ServiceIntentions(_)
            | Raw::ServiceResolver(_)
            | Raw::ServiceRouter(_)
            | Raw::ServiceSplitter(_)
            | Raw::TerminatingGateway(_) => Status::default(),
        };
        Ok(Self::try_from(raw)?.with_status(status))
    }

    /// The same entry with another status, where it is of a kind that has one.
    #[must_use]
    pub fn with_status(self, status: Status) -> Self {
        match self {
            Self::ApiGateway(entry) => Self::ApiGateway(entry.with_status(status)),
            Self::HttpRoute(entry) => Self::HttpRoute(entry.with_status(status)),
            Self::TcpRoute(entry) => Self::TcpRoute(entry.with_status(status)),
            other => other,
        }
    }

    /// What the control plane says about it, where it is of a kind that has a status.
    #[must_use]
    pub fn status(&self) -> Option<&Status> {
        match self {
            Self::ApiGateway(entry) => Some(&entry.raw().status),
            Self::HttpRoute(entry) => Some(&entry.raw().status),
            Self::TcpRoute(entry) => Some(&entry.raw().status),
            Self::BoundApiGateway(_)
            | Self::ExportedServices(_)
            | Self::FileSystemCertificate(_)
            | Self::IngressGateway(_)
            | Self::InlineCertificate(_)
            | Self::JwtProvider(_)
            | Self::Mesh(_)
            | Self::ProxyDefaults(_)
            | Self::ServiceDefaults(_)
            | Self::ServiceIntentions(_)
            | Self::ServiceResolver(_)
            | Self::ServiceRouter(_)
            | Self::ServiceSplitter(_)
            | Self::TerminatingGateway(_) => None,
        }
    }

    /// What kind it is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::ServiceDefaults(_) => Kind::ServiceDefaults,
            Self::ProxyDefaults(_) => Kind::ProxyDefaults,
            Self::ServiceIntentions(_) => Kind::ServiceIntentions,
            Self::Mesh(_) => Kind::Mesh,
            Self::ServiceResolver(_) => Kind::ServiceResolver,
            Self::ServiceRouter(_) => Kind::ServiceRouter,
            Self::ServiceSplitter(_) => Kind::ServiceSplitter,
            Self::BoundApiGateway(_) => Kind::BoundApiGateway,
            Self::ApiGateway(_) => Kind::ApiGateway,
            Self::ExportedServices(_) => Kind::ExportedServices,
            Self::FileSystemCertificate(_) => Kind::FileSystemCertificate,
            Self::HttpRoute(_) => Kind::HttpRoute,
            Self::IngressGateway(_) => Kind::IngressGateway,
            Self::InlineCertificate(_) => Kind::InlineCertificate,
            Self::JwtProvider(_) => Kind::JwtProvider,
            Self::TcpRoute(_) => Kind::TcpRoute,
            Self::TerminatingGateway(_) => Kind::TerminatingGateway,
        }
    }

    /// What names it.
    #[must_use]
    pub fn key(&self) -> Key {
        match self {
            Self::ServiceDefaults(entry) => Key::new(self.kind(), entry.service()),
            Self::ProxyDefaults(_) => Key::proxy_defaults(),
            Self::ServiceIntentions(entry) => Key::new(self.kind(), entry.destination.clone()),
            Self::Mesh(_) => Key::mesh(),
            Self::ServiceResolver(entry) => Key::new(self.kind(), entry.service()),
            Self::ServiceRouter(entry) => Key::new(self.kind(), entry.service()),
            Self::ServiceSplitter(entry) => Key::new(self.kind(), entry.service()),
            Self::BoundApiGateway(entry) => self.named(&entry.name),
            Self::ApiGateway(entry) => self.named(&entry.raw().name),
            Self::ExportedServices(entry) => self.named(&entry.raw().name),
            Self::FileSystemCertificate(entry) => self.named(&entry.raw().name),
            Self::HttpRoute(entry) => self.named(&entry.raw().name),
            Self::IngressGateway(entry) => self.named(&entry.raw().name),
            Self::InlineCertificate(entry) => self.named(&entry.raw().name),
            Self::JwtProvider(entry) => self.named(&entry.raw().name),
            Self::TcpRoute(entry) => self.named(&entry.raw().name),
            Self::TerminatingGateway(entry) => self.named(&entry.raw().name),
        }
    }

    fn named(&self, name: &str) -> Key {
        Key::new(self.kind(), ServiceName::new(name))
    }

    /// The `service-resolver` that it is, if it is one.
    #[must_use]
    pub const fn as_service_resolver(&self) -> Option<&ServiceResolver> {
        let Self::ServiceResolver(entry) = self else {
            return None;
        };
        Some(entry)
    }

    /// The `service-router` that it is, if it is one.
    #[must_use]
    pub const fn as_service_router(&self) -> Option<&ServiceRouter> {
        let Self::ServiceRouter(entry) = self else {
            return None;
        };
        Some(entry)
    }

    /// The `service-splitter` that it is, if it is one.
    #[must_use]
    pub const fn as_service_splitter(&self) -> Option<&ServiceSplitter> {
        let Self::ServiceSplitter(entry) = self else {
            return None;
        };
        Some(entry)
    }

    /// Its free-form pairs.
    #[must_use]
    pub const fn meta(&self) -> &Meta {
        match self {
            Self::ServiceDefaults(entry) => &entry.raw().meta,
            Self::ProxyDefaults(entry) => &entry.raw().meta,
            Self::ServiceIntentions(entry) => &entry.meta,
            Self::Mesh(entry) => &entry.raw().meta,
            Self::ServiceResolver(entry) => &entry.raw().meta,
            Self::ServiceRouter(entry) => &entry.raw().meta,
            Self::ServiceSplitter(entry) => &entry.raw().meta,
            Self::BoundApiGateway(entry) => &entry.meta,
            Self::ApiGateway(entry) => &entry.raw().meta,
            Self::ExportedServices(entry) => &entry.raw().meta,
            Self::FileSystemCertificate(entry) => &entry.raw().meta,
            Self::HttpRoute(entry) => &entry.raw().meta,
            Self::IngressGateway(entry) => &entry.raw().meta,
            Self::InlineCertificate(entry) => &entry.raw().meta,
            Self::JwtProvider(entry) => &entry.raw().meta,
            Self::TcpRoute(entry) => &entry.raw().meta,
            Self::TerminatingGateway(entry) => &entry.raw().meta,
        }
    }

    /// The entry as the API prints it, written first and last at the given indexes.
    #[must_use]
    pub fn to_json(&self, create_index: Index, modify_index: Index) -> Value {
        let mut json = serde_json::to_value(self).unwrap_or_default();
        let hash = content_hash(&json.to_string());
        json["Kind"] = self.kind().as_str().into();
        // what the control plane writes for itself is not hashed, as in Consul
        if self.kind() != Kind::BoundApiGateway {
            json["Hash"] = hash.into();
        }
        json["CreateIndex"] = create_index.into();
        json["ModifyIndex"] = modify_index.into();
        json
    }
}

/// The fields of its kind, which [`Raw::deserialize`] reads.
impl Serialize for Entry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::ServiceDefaults(entry) => entry.raw().serialize(serializer),
            Self::ProxyDefaults(entry) => entry.raw().serialize(serializer),
            Self::ServiceIntentions(entry) => {
                RawServiceIntentions::from(entry).serialize(serializer)
            }
            Self::Mesh(entry) => entry.raw().serialize(serializer),
            Self::ServiceResolver(entry) => entry.raw().serialize(serializer),
            Self::ServiceRouter(entry) => entry.raw().serialize(serializer),
            Self::ServiceSplitter(entry) => entry.raw().serialize(serializer),
            Self::BoundApiGateway(entry) => entry.serialize(serializer),
            Self::ApiGateway(entry) => entry.raw().serialize(serializer),
            Self::ExportedServices(entry) => entry.raw().serialize(serializer),
            Self::FileSystemCertificate(entry) => entry.raw().serialize(serializer),
            Self::HttpRoute(entry) => entry.raw().serialize(serializer),
            Self::IngressGateway(entry) => entry.raw().serialize(serializer),
            Self::InlineCertificate(entry) => entry.raw().serialize(serializer),
            Self::JwtProvider(entry) => entry.raw().serialize(serializer),
            Self::TcpRoute(entry) => entry.raw().serialize(serializer),
            Self::TerminatingGateway(entry) => entry.raw().serialize(serializer),
        }
    }
}

/// Whether a protocol is made of requests that can be looked into.
#[must_use]
pub fn is_http_like(protocol: &str) -> bool {
    matches!(protocol, "http" | "http2" | "grpc")
}

/// FNV-1a of an entry's text: equal entries have equal hashes on every machine and in every version.
fn content_hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests;
