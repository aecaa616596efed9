//! `bound-api-gateway`: which routes and certificates the listeners of an API gateway are bound to. The control
//! plane keeps it beside the gateway; nobody else writes it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::invalid::{Invalid, Problem, Reason};
use super::reference::ResourceReference;
use crate::{Meta, ServiceName};

/// A `bound-api-gateway` entry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct BoundApiGateway {
    /// Service name of the gateway.
    pub name: String,
    /// Its listeners, in their order.
    pub listeners: Option<Vec<BoundApiGatewayListener>>,
    /// The services that routes lead to, and the routes.
    pub services: Option<BTreeMap<String, Vec<ResourceReference>>>,
    /// The gateway's free-form pairs.
    #[serde(skip_serializing_if = "Meta::is_empty")]
    pub meta: Meta,
}

/// A listener and what it is bound to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct BoundApiGatewayListener {
    /// Its name.
    pub name: String,
    /// The routes.
    pub routes: Option<Vec<ResourceReference>>,
    /// The certificates that exist.
    pub certificates: Option<Vec<ResourceReference>>,
}

impl BoundApiGateway {
    /// Why nobody else writes one.
    #[must_use]
    pub fn refusal() -> Invalid {
        Invalid {
            problems: vec![Problem {
                field: "Kind".to_owned(),
                reason: Reason::Internal,
            }],
        }
    }

    /// Service name of the gateway.
    #[must_use]
    pub fn gateway(&self) -> ServiceName {
        ServiceName::new(self.name.as_str())
    }

    /// Its listeners.
    pub fn listeners(&self) -> impl Iterator<Item = &BoundApiGatewayListener> {
        self.listeners.iter().flatten()
    }
}

impl BoundApiGatewayListener {
    /// The routes.
    pub fn routes(&self) -> impl Iterator<Item = &ResourceReference> {
        self.routes.iter().flatten()
    }
}
