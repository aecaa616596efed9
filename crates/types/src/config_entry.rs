//! Config entries: what operators say centrally about proxies, services and intentions.
//!
//! Each kind has a raw form, which is what a client wrote, and a checked one, which only `TryFrom` makes
//! of it and which is normalised as Consul normalises it. A checked entry prints as Consul prints it.

mod checks;
mod header_modifiers;
mod invalid;
mod kind;
mod mesh;
mod permission;
mod proxy_defaults;
mod service_defaults;
mod service_intentions;
mod service_resolver;
mod service_router;
mod service_splitter;
mod upstream;
mod weight;

use serde::Deserializer;
use serde::de::Deserialize;
use serde_json::Value;

pub use header_modifiers::HeaderModifiers;
pub use invalid::{Invalid, Problem, Reason};
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
pub use service_defaults::{Destination, RawServiceDefaults, ServiceDefaults};
pub use service_intentions::{
    Effect, RawServiceIntentions, RawSource, ServiceIntentions, SourceIntention,
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

/// What names one config entry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
#[expect(
    clippy::large_enum_variant,
    reason = "there is one at a time, on its way to being checked"
)]
#[expect(missing_docs, reason = "the variants are the kinds")]
pub enum Raw {
    ServiceDefaults(RawServiceDefaults),
    ProxyDefaults(RawProxyDefaults),
    ServiceIntentions(RawServiceIntentions),
    Mesh(RawMesh),
    ServiceResolver(RawServiceResolver),
    ServiceRouter(RawServiceRouter),
    ServiceSplitter(RawServiceSplitter),
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
        })
    }
}

/// A checked and normalised config entry.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "entries live behind an `Arc` of their own"
)]
#[expect(missing_docs, reason = "the variants are the kinds")]
pub enum Entry {
    ServiceDefaults(ServiceDefaults),
    ProxyDefaults(ProxyDefaults),
    ServiceIntentions(ServiceIntentions),
    Mesh(Mesh),
    ServiceResolver(ServiceResolver),
    ServiceRouter(ServiceRouter),
    ServiceSplitter(ServiceSplitter),
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
        })
    }
}

impl Entry {
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
        }
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
        }
    }

    /// The entry as the API prints it, written first and last at the given indexes.
    #[must_use]
    pub fn to_json(&self, create_index: Index, modify_index: Index) -> Value {
        let mut json = match self {
            Self::ServiceDefaults(entry) => serde_json::to_value(entry.raw()),
            Self::ProxyDefaults(entry) => serde_json::to_value(entry.raw()),
            Self::ServiceIntentions(entry) => {
                serde_json::to_value(RawServiceIntentions::from(entry))
            }
            Self::Mesh(entry) => serde_json::to_value(entry.raw()),
            Self::ServiceResolver(entry) => serde_json::to_value(entry.raw()),
            Self::ServiceRouter(entry) => serde_json::to_value(entry.raw()),
            Self::ServiceSplitter(entry) => serde_json::to_value(entry.raw()),
        }
        .unwrap_or_default();
        let hash = content_hash(&json.to_string());
        json["Kind"] = self.kind().as_str().into();
        json["Hash"] = hash.into();
        json["CreateIndex"] = create_index.into();
        json["ModifyIndex"] = modify_index.into();
        json
    }
}

/// FNV-1a of an entry's text: equal entries have equal hashes on every machine and in every version.
fn content_hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests;
