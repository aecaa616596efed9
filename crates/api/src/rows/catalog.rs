//! Rows of the catalog and of the health endpoints.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use tribune_types::catalog::Locality;
use tribune_types::check::CheckDefinition;
use tribune_types::proxy::ProxyConfig;
use tribune_types::request::CatalogConnect;
use tribune_types::{
    HealthCheck, Index, Meta, Name, Node, NodeService, ServiceAddress, ServiceKind, Status, Weights,
};

fn is_typical(kind: &&ServiceKind) -> bool {
    **kind == ServiceKind::Typical
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands out references"
)]
const fn is_zero(number: &i32) -> bool {
    *number == 0
}

fn no_peer(peer: &&Name) -> bool {
    peer.is_empty()
}

fn none_or_empty<K, V>(map: &Option<&BTreeMap<K, V>>) -> bool {
    map.is_none_or(BTreeMap::is_empty)
}

fn list(tags: Option<&Vec<String>>) -> &[String] {
    tags.map_or(&[], Vec::as_slice)
}

/// A node.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct NodeRow<'a> {
    #[serde(rename = "ID")]
    id: &'a str,
    node: &'a Name,
    address: &'a str,
    datacenter: &'a str,
    #[serde(skip_serializing_if = "no_peer")]
    peer_name: &'a Name,
    tagged_addresses: Option<&'a Meta>,
    meta: Option<&'a Meta>,
    #[serde(skip_serializing_if = "Option::is_none")]
    locality: Option<&'a Locality>,
    create_index: Index,
    modify_index: Index,
}

impl<'a> From<&'a Node> for NodeRow<'a> {
    fn from(node: &'a Node) -> Self {
        Self {
            id: &node.id,
            node: &node.node.name,
            address: &node.address,
            datacenter: &node.datacenter,
            peer_name: &node.node.peer,
            tagged_addresses: node.tagged_addresses.as_ref(),
            meta: node.meta.as_ref(),
            locality: node.locality.as_ref(),
            create_index: node.create_index,
            modify_index: node.modify_index,
        }
    }
}

/// A service instance, as part of a node.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct NodeServiceRow<'a> {
    #[serde(skip_serializing_if = "is_typical")]
    kind: &'a ServiceKind,
    #[serde(rename = "ID")]
    id: &'a Name,
    service: &'a Name,
    tags: &'a [String],
    address: &'a str,
    #[serde(skip_serializing_if = "none_or_empty")]
    tagged_addresses: Option<&'a BTreeMap<String, ServiceAddress>>,
    meta: Option<&'a Meta>,
    #[serde(skip_serializing_if = "is_zero")]
    port: i32,
    #[serde(skip_serializing_if = "str::is_empty")]
    socket_path: &'a str,
    weights: Weights,
    enable_tag_override: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    locality: Option<&'a Locality>,
    proxy: &'a ProxyConfig,
    connect: CatalogConnect,
    peer_name: &'a str,
    create_index: Index,
    modify_index: Index,
}

impl<'a> NodeServiceRow<'a> {
    /// An instance, with the peer that its node was imported from.
    #[must_use]
    pub fn new(service: &'a NodeService, peer: &'a Name) -> Self {
        Self {
            kind: &service.kind,
            id: &service.id,
            service: &service.service.name,
            tags: list(service.tags.as_ref()),
            address: &service.address,
            tagged_addresses: service.tagged_addresses.as_ref(),
            meta: service.meta.as_ref(),
            port: service.port,
            socket_path: &service.socket_path,
            weights: service.weights,
            enable_tag_override: service.enable_tag_override,
            locality: service.locality.as_ref(),
            proxy: &service.proxy,
            connect: CatalogConnect {
                native: service.native,
            },
            peer_name: peer,
            create_index: service.create_index,
            modify_index: service.modify_index,
        }
    }
}

/// A service instance with what of its node matters, as one flat row.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ServiceNodeRow<'a> {
    #[serde(rename = "ID")]
    id: &'a str,
    node: &'a Name,
    address: &'a str,
    datacenter: &'a str,
    tagged_addresses: Option<&'a Meta>,
    node_meta: Option<&'a Meta>,
    service_kind: &'a ServiceKind,
    #[serde(rename = "ServiceID")]
    service_id: &'a Name,
    service_name: &'a Name,
    service_tags: &'a [String],
    service_address: &'a str,
    #[serde(skip_serializing_if = "none_or_empty")]
    service_tagged_addresses: Option<&'a BTreeMap<String, ServiceAddress>>,
    service_weights: Weights,
    service_meta: Meta,
    service_port: i32,
    service_socket_path: &'a str,
    service_enable_tag_override: bool,
    service_proxy: &'a ProxyConfig,
    service_connect: CatalogConnect,
    service_locality: Option<&'a Locality>,
    #[serde(skip_serializing_if = "no_peer")]
    peer_name: &'a Name,
    create_index: Index,
    modify_index: Index,
}

impl<'a> ServiceNodeRow<'a> {
    /// An instance and its node.
    #[must_use]
    pub fn new(node: &'a Node, service: &'a NodeService) -> Self {
        Self {
            id: &node.id,
            node: &node.node.name,
            address: &node.address,
            datacenter: &node.datacenter,
            tagged_addresses: node.tagged_addresses.as_ref(),
            node_meta: node.meta.as_ref(),
            service_kind: &service.kind,
            service_id: &service.id,
            service_name: &service.service.name,
            service_tags: list(service.tags.as_ref()),
            service_address: &service.address,
            service_tagged_addresses: service.tagged_addresses.as_ref(),
            service_weights: service.weights,
            service_meta: service.meta.clone().unwrap_or_default(),
            service_port: service.port,
            service_socket_path: &service.socket_path,
            service_enable_tag_override: service.enable_tag_override,
            service_proxy: &service.proxy,
            service_connect: CatalogConnect {
                native: service.native,
            },
            service_locality: service.locality.as_ref(),
            peer_name: &node.node.peer,
            create_index: service.create_index,
            modify_index: service.modify_index,
        }
    }

    /// The same with nothing of the node but its name, which is what the reference leaves of it where it
    /// merges central configuration in.
    #[must_use]
    pub fn without_node(self) -> Self {
        Self {
            id: "",
            address: "",
            datacenter: "",
            tagged_addresses: None,
            node_meta: None,
            ..self
        }
    }
}

/// A health check.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CheckRow<'a> {
    node: &'a Name,
    #[serde(rename = "CheckID")]
    check_id: &'a Name,
    name: &'a str,
    status: &'a Status,
    notes: &'a str,
    output: &'a str,
    #[serde(rename = "ServiceID")]
    service_id: &'a Name,
    service_name: &'a Name,
    service_tags: &'a [String],
    r#type: &'a str,
    interval: &'a str,
    timeout: &'a str,
    exposed_port: i32,
    #[serde(skip_serializing_if = "no_peer")]
    peer_name: &'a Name,
    definition: &'a CheckDefinition,
    create_index: Index,
    modify_index: Index,
}

impl<'a> From<&'a HealthCheck> for CheckRow<'a> {
    fn from(check: &'a HealthCheck) -> Self {
        Self {
            node: &check.node.name,
            check_id: &check.check_id,
            name: &check.name,
            status: &check.status,
            notes: &check.notes,
            output: &check.output,
            service_id: &check.service_id,
            service_name: &check.service_name,
            service_tags: list(check.service_tags.as_ref()),
            r#type: &check.check_type,
            interval: &check.interval,
            timeout: &check.timeout,
            exposed_port: check.exposed_port,
            peer_name: &check.node.peer,
            definition: &check.definition,
            create_index: check.create_index,
            modify_index: check.modify_index,
        }
    }
}

/// An instance with its node and the checks of both.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CheckServiceNodeRow<'a> {
    node: NodeRow<'a>,
    service: NodeServiceRow<'a>,
    checks: Vec<CheckRow<'a>>,
}

impl<'a> CheckServiceNodeRow<'a> {
    /// An instance, its node and the checks of both.
    #[must_use]
    pub fn new(node: &'a Node, service: &'a NodeService, checks: &'a [Arc<HealthCheck>]) -> Self {
        Self {
            node: node.into(),
            service: NodeServiceRow::new(service, &node.node.peer),
            checks: checks
                .iter()
                .map(|check| CheckRow::from(&**check))
                .collect(),
        }
    }
}

/// A service instance as its own agent tells it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AgentServiceRow<'a> {
    #[serde(skip_serializing_if = "is_typical")]
    kind: &'a ServiceKind,
    #[serde(rename = "ID")]
    id: &'a Name,
    service: &'a Name,
    tags: &'a [String],
    meta: Meta,
    port: i32,
    address: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    socket_path: &'a str,
    #[serde(skip_serializing_if = "none_or_empty")]
    tagged_addresses: Option<&'a BTreeMap<String, ServiceAddress>>,
    weights: Weights,
    enable_tag_override: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    proxy: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connect: Option<CatalogConnect>,
    datacenter: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    locality: Option<&'a Locality>,
}

impl<'a> AgentServiceRow<'a> {
    /// An instance in a datacenter.
    #[must_use]
    pub fn new(service: &'a NodeService, datacenter: &'a str) -> Self {
        Self {
            kind: &service.kind,
            id: &service.id,
            service: &service.service.name,
            tags: list(service.tags.as_ref()),
            meta: service.meta.clone().unwrap_or_default(),
            port: service.port,
            address: &service.address,
            socket_path: &service.socket_path,
            tagged_addresses: service.tagged_addresses.as_ref(),
            weights: service.weights,
            enable_tag_override: service.enable_tag_override,
            proxy: service.kind.is_proxy().then(|| agent_proxy(&service.proxy)),
            connect: service.native.then_some(CatalogConnect { native: true }),
            datacenter,
            locality: service.locality.as_ref(),
        }
    }
}

/// A proxy's configuration as its own agent tells it, which differs from the catalog's form: an empty mode
/// and an upstream's empty datacenter are left out, and an exposed path says whether a check asked for it.
fn agent_proxy(proxy: &ProxyConfig) -> serde_json::Value {
    let mut json = serde_json::to_value(proxy).unwrap_or_default();
    if proxy.mode.is_empty() {
        json.as_object_mut().map(|object| object.remove("Mode"));
    }
    for upstream in json
        .get_mut("Upstreams")
        .and_then(serde_json::Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        let Some(upstream) = upstream.as_object_mut() else {
            continue;
        };
        if upstream
            .get("Datacenter")
            .is_some_and(|datacenter| datacenter == "")
        {
            upstream.remove("Datacenter");
        }
    }
    for path in json
        .pointer_mut("/Expose/Paths")
        .and_then(serde_json::Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        if let Some(path) = path.as_object_mut() {
            path.entry("ParsedFromCheck").or_insert(false.into());
        }
    }
    json
}
