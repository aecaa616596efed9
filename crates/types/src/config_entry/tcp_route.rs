//! `tcp-route`: where connections to the listeners of API gateways go.

use serde::{Deserialize, Serialize};

use super::http_route::parents;
use super::invalid::{Invalid, Problems, Reason};
use super::reference::{ResourceReference, Status};
use super::{GatewayRoute, Ignored, Kind, checks};
use crate::{Meta, ServiceName};

/// A `tcp-route` entry as a client wrote it. Absent and empty lists print differently.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct RawTcpRoute {
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
    /// Its name.
    pub name: String,
    /// The gateways, or the listeners of gateways, that it is for.
    pub parents: Option<Vec<ResourceReference>>,
    /// Where connections go, at most one.
    pub services: Option<Vec<TcpService>>,
    /// Free-form pairs.
    #[serde(skip_serializing_if = "Meta::is_empty")]
    pub meta: Meta,
    /// What the control plane says about it; what a client writes is ignored.
    pub status: Status,
}

/// A service that connections go to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct TcpService {
    /// The service.
    pub name: String,
}

/// A checked `tcp-route` entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcpRoute(RawTcpRoute);

impl TcpRoute {
    /// Its fields, normalised.
    #[must_use]
    pub const fn raw(&self) -> &RawTcpRoute {
        &self.0
    }
}

impl TryFrom<RawTcpRoute> for TcpRoute {
    type Error = Invalid;

    fn try_from(mut raw: RawTcpRoute) -> Result<Self, Invalid> {
        raw.status = Status::default();
        for parent in raw.parents.iter_mut().flatten() {
            parent.default_kind(Kind::ApiGateway);
        }
        let mut problems = Problems::default();
        checks::name(&mut problems, "Name", &raw.name);
        parents(&mut problems, raw.parents.as_deref().unwrap_or_default());
        checks::meta(&mut problems, "Meta", &raw.meta);
        let several = raw.services.iter().flatten().count() > 1;
        problems.add_if(several, "Services", Reason::TooMany(1));
        problems.finish()?;
        Ok(Self(raw))
    }
}

impl GatewayRoute for TcpRoute {
    fn parents(&self) -> &[ResourceReference] {
        self.0.parents.as_deref().unwrap_or_default()
    }

    fn status(&self) -> &Status {
        &self.0.status
    }

    fn with_status(&self, status: Status) -> Self {
        Self(RawTcpRoute {
            status,
            ..self.0.clone()
        })
    }

    fn services(&self) -> Vec<ServiceName> {
        let services = self.0.services.iter().flatten();
        services
            .map(|service| ServiceName::new(service.name.as_str()))
            .collect()
    }
}
