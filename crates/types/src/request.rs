//! Bodies of catalog writes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::catalog::{Locality, ServiceAddress, ServiceKind, Weights};
use crate::check::CheckDefinition;
use crate::proxy::ProxyConfig;
use crate::{Meta, Name};

/// Body of `PUT /v1/catalog/register`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct RegisterRequest {
    /// Datacenter to register in; the agent's own where empty.
    pub datacenter: String,
    /// UUID of the node.
    #[serde(rename = "ID")]
    pub id: String,
    /// Name of the node.
    pub node: Name,
    /// Address of the node.
    pub address: String,
    /// Other addresses of the node.
    pub tagged_addresses: Option<Meta>,
    /// Free-form pairs of the node.
    pub node_meta: Option<Meta>,
    /// A service on the node.
    pub service: Option<CatalogService>,
    /// A check on the node.
    pub check: Option<CatalogCheck>,
    /// More checks on the node.
    pub checks: Option<Vec<CatalogCheck>>,
    /// Region and zone of the node.
    pub locality: Option<Locality>,
    /// Whether a node that exists is left as it is.
    pub skip_node_update: bool,
    /// A peer; refused from clients.
    pub peer_name: Name,
    /// Partition; only `default` exists here.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub partition: String,
}

/// The service of a [`RegisterRequest`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
#[expect(
    missing_docs,
    reason = "the fields are those of `NodeService`, documented there"
)]
pub struct CatalogService {
    pub kind: ServiceKind,
    #[serde(rename = "ID")]
    pub id: Name,
    pub service: Name,
    pub tags: Option<Vec<String>>,
    pub address: String,
    pub tagged_addresses: Option<BTreeMap<String, ServiceAddress>>,
    pub meta: Option<Meta>,
    pub port: i32,
    pub socket_path: String,
    pub weights: Option<Weights>,
    pub enable_tag_override: bool,
    pub locality: Option<Locality>,
    pub proxy: ProxyConfig,
    pub connect: CatalogConnect,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub partition: String,
}

/// A service's part in the mesh, as the catalog keeps it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct CatalogConnect {
    /// Whether it speaks the mesh's mutual TLS itself.
    #[serde(skip_serializing_if = "crate::is_default")]
    pub native: bool,
}

/// A check of a [`RegisterRequest`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
#[expect(
    missing_docs,
    reason = "the fields are those of `HealthCheck`, documented there"
)]
pub struct CatalogCheck {
    pub node: Name,
    #[serde(rename = "CheckID")]
    pub check_id: Name,
    pub name: String,
    pub status: String,
    pub notes: String,
    pub output: String,
    #[serde(rename = "ServiceID")]
    pub service_id: Name,
    pub service_name: Name,
    pub service_tags: Option<Vec<String>>,
    pub r#type: String,
    pub interval: String,
    pub timeout: String,
    pub exposed_port: i32,
    pub definition: CheckDefinition,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub partition: String,
}

/// Body of `PUT /v1/catalog/deregister`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct DeregisterRequest {
    /// Datacenter to deregister from; the agent's own where empty.
    pub datacenter: String,
    /// Name of the node.
    pub node: Name,
    /// Address of the node; clients send it, and it is not looked at.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub address: String,
    /// The instance to remove; the whole node where this and the check are empty.
    #[serde(rename = "ServiceID")]
    pub service_id: Name,
    /// The check to remove, unless an instance is named.
    #[serde(rename = "CheckID")]
    pub check_id: Name,
    /// A peer; refused from clients.
    pub peer_name: Name,
    /// Namespace; only `default` exists here.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Partition; only `default` exists here.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub partition: String,
}
