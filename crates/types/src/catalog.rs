//! Rows of the catalog: nodes and the services on them.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

use crate::proxy::ProxyConfig;
use crate::{Index, Meta, Name, NodeName, ServiceName, is_default};

/// A node of the catalog.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// UUID of the node; empty for nodes that something outside registered without one.
    pub id: String,
    /// Its name.
    pub node: NodeName,
    /// Where it is reached.
    pub address: String,
    /// The datacenter it is in.
    pub datacenter: String,
    /// Other addresses, by `lan`, `wan`, `lan_ipv4` and so on. Absent and empty print differently.
    pub tagged_addresses: Option<Meta>,
    /// Free-form pairs. Absent and empty print differently.
    pub meta: Option<Meta>,
    /// Region and zone.
    pub locality: Option<Locality>,
    /// When it was written first.
    pub create_index: Index,
    /// When it changed last.
    pub modify_index: Index,
}

/// A service instance on a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeService {
    /// What kind of instance it is.
    pub kind: ServiceKind,
    /// Its ID, unique on its node.
    pub id: Name,
    /// The service it is an instance of.
    pub service: ServiceName,
    /// Its tags. Absent and empty print differently.
    pub tags: Option<Vec<String>>,
    /// Where it is reached; its node's address where empty.
    pub address: String,
    /// Other addresses, by what they are for.
    pub tagged_addresses: Option<BTreeMap<String, ServiceAddress>>,
    /// Free-form pairs. Absent and empty print differently.
    pub meta: Option<Meta>,
    /// Its port, as it was registered: not yet known to be one.
    pub port: i32,
    /// Its Unix socket, instead of address and port.
    pub socket_path: String,
    /// Its weights by health.
    pub weights: Weights,
    /// Whether anti-entropy keeps the tags that the catalog has.
    pub enable_tag_override: bool,
    /// Region and zone.
    pub locality: Option<Locality>,
    /// What it was told as a proxy.
    pub proxy: ProxyConfig,
    /// Whether it speaks the mesh's mutual TLS itself.
    pub native: bool,
    /// When it was written first.
    pub create_index: Index,
    /// When it changed last.
    pub modify_index: Index,
}

impl NodeService {
    /// The service whose mesh traffic this instance takes: a proxy's destination, or itself where it is
    /// connect-native. `None` for an instance that takes none.
    #[must_use]
    pub fn connect_service(&self) -> Option<ServiceName> {
        match self.kind {
            ServiceKind::ConnectProxy => Some(ServiceName {
                name: self.proxy.destination_service_name.clone(),
                tenancy: self.service.tenancy.clone(),
            }),
            _ => self.native.then(|| self.service.clone()),
        }
    }
}

/// What kind of instance a service is. A kind that is not known is kept as it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ServiceKind {
    /// An ordinary service.
    #[default]
    Typical,
    /// A proxy of one service.
    ConnectProxy,
    /// A gateway between datacenters or peers.
    MeshGateway,
    /// A gateway to services outside the mesh.
    TerminatingGateway,
    /// A gateway for traffic from outside the mesh.
    IngressGateway,
    /// A gateway for traffic from outside the mesh, with routes of its own.
    ApiGateway,
    /// Anything else, as it was written.
    Other(Name),
}

impl ServiceKind {
    /// The word that Consul uses; empty for an ordinary service.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Typical => "",
            Self::ConnectProxy => "connect-proxy",
            Self::MeshGateway => "mesh-gateway",
            Self::TerminatingGateway => "terminating-gateway",
            Self::IngressGateway => "ingress-gateway",
            Self::ApiGateway => "api-gateway",
            Self::Other(kind) => kind.as_str(),
        }
    }

    /// Whether instances of this kind open an xDS stream.
    #[must_use]
    pub const fn is_proxy(&self) -> bool {
        !matches!(self, Self::Typical | Self::Other(_))
    }
}

impl From<&str> for ServiceKind {
    fn from(text: &str) -> Self {
        match text {
            "" => Self::Typical,
            "connect-proxy" => Self::ConnectProxy,
            "mesh-gateway" => Self::MeshGateway,
            "terminating-gateway" => Self::TerminatingGateway,
            "ingress-gateway" => Self::IngressGateway,
            "api-gateway" => Self::ApiGateway,
            other => Self::Other(other.into()),
        }
    }
}

impl Serialize for ServiceKind {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ServiceKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Name::deserialize(deserializer)?.as_str().into())
    }
}

/// An address and a port under a tag.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct ServiceAddress {
    /// The address.
    pub address: String,
    /// The port.
    pub port: i32,
}

/// How much traffic an instance takes, by its health.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Weights {
    /// While every check passes.
    #[serde(default)]
    pub passing: i32,
    /// While a check warns.
    #[serde(default)]
    pub warning: i32,
}

impl Default for Weights {
    fn default() -> Self {
        Self {
            passing: 1,
            warning: 1,
        }
    }
}

/// Where something runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Locality {
    /// The region.
    #[serde(skip_serializing_if = "is_default")]
    pub region: String,
    /// The zone in that region.
    #[serde(skip_serializing_if = "is_default")]
    pub zone: String,
}
