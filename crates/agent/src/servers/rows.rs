//! The agent's own rows on their way to the catalog and back, in the form that every client uses.

use std::sync::Arc;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use tribune_local::InCatalog;
use tribune_types::call::{Answer, Body, CallError, Options, Query, Write};
use tribune_types::catalog::Locality;
use tribune_types::request::{
    CatalogCheck, CatalogConnect, CatalogService, DeregisterRequest, RegisterRequest,
};
use tribune_types::{HealthCheck, Meta, Name, Node, NodeName, NodeService, ServiceName};

use super::Servers;

/// A registration on a node that is left as it is where it exists.
pub(crate) fn register(
    node: &Node,
    service: Option<&NodeService>,
    checks: &[Arc<HealthCheck>],
) -> Write {
    Write::Register(Box::new(RegisterRequest {
        service: service.map(service_request),
        checks: Some(checks.iter().map(|check| check_request(check)).collect()),
        skip_node_update: true,
        ..request(node)
    }))
}

fn request(node: &Node) -> RegisterRequest {
    RegisterRequest {
        datacenter: node.datacenter.clone(),
        id: node.id.clone(),
        node: node.node.name.clone(),
        address: node.address.clone(),
        tagged_addresses: node.tagged_addresses.clone(),
        node_meta: node.meta.clone(),
        locality: node.locality.clone(),
        ..RegisterRequest::default()
    }
}

/// A registration of a node as it is.
pub(crate) fn register_node(node: &Node) -> Write {
    Write::Register(Box::new(RegisterRequest {
        skip_node_update: false,
        ..request(node)
    }))
}

pub(crate) fn deregistration_of_service(node: &NodeName, id: &Name) -> Write {
    Write::Deregister(DeregisterRequest {
        node: node.name.clone(),
        service_id: id.clone(),
        ..DeregisterRequest::default()
    })
}

pub(crate) fn deregistration_of_check(node: &NodeName, id: &Name) -> Write {
    Write::Deregister(DeregisterRequest {
        node: node.name.clone(),
        check_id: id.clone(),
        ..DeregisterRequest::default()
    })
}

pub(crate) fn service_request(service: &NodeService) -> CatalogService {
    CatalogService {
        kind: service.kind.clone(),
        id: service.id.clone(),
        service: service.service.name.clone(),
        tags: service.tags.clone(),
        address: service.address.clone(),
        tagged_addresses: service.tagged_addresses.clone(),
        meta: service.meta.clone(),
        port: service.port,
        socket_path: service.socket_path.clone(),
        weights: Some(service.weights),
        enable_tag_override: service.enable_tag_override,
        locality: service.locality.clone(),
        proxy: service.proxy.clone(),
        connect: CatalogConnect {
            native: service.native,
        },
        ..CatalogService::default()
    }
}

pub(crate) fn service_row(service: CatalogService) -> NodeService {
    NodeService {
        kind: service.kind,
        id: service.id,
        service: ServiceName::new(service.service),
        tags: service.tags,
        address: service.address,
        tagged_addresses: service.tagged_addresses,
        meta: service.meta,
        port: service.port,
        socket_path: service.socket_path,
        weights: service.weights.unwrap_or_default(),
        enable_tag_override: service.enable_tag_override,
        locality: service.locality,
        proxy: service.proxy,
        native: service.connect.native,
        ..NodeService::default()
    }
}

pub(crate) fn check_request(check: &HealthCheck) -> CatalogCheck {
    CatalogCheck {
        node: check.node.name.clone(),
        check_id: check.check_id.clone(),
        name: check.name.clone(),
        status: check.status.as_str().to_owned(),
        notes: check.notes.clone(),
        output: check.output.clone(),
        service_id: check.service_id.clone(),
        service_name: check.service_name.clone(),
        service_tags: check.service_tags.clone(),
        r#type: check.check_type.clone(),
        interval: check.interval.clone(),
        timeout: check.timeout.clone(),
        exposed_port: check.exposed_port,
        definition: check.definition.clone(),
        ..CatalogCheck::default()
    }
}

pub(crate) fn check_row(check: CatalogCheck) -> HealthCheck {
    HealthCheck {
        node: NodeName::new(check.node),
        check_id: check.check_id,
        name: check.name,
        status: check.status.as_str().into(),
        notes: check.notes,
        output: check.output,
        service_id: check.service_id,
        service_name: check.service_name,
        service_tags: check.service_tags,
        check_type: check.r#type,
        interval: check.interval,
        timeout: check.timeout,
        exposed_port: check.exposed_port,
        definition: check.definition,
        ..HealthCheck::default()
    }
}

/// The services of a node, as a list, as far as they are of interest here.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ServicesOfNode {
    node: Option<NodeRow>,
    services: Option<Vec<CatalogService>>,
}

/// A node of the catalog, as far as its agent says something about it.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct NodeRow {
    #[serde(rename = "ID")]
    id: String,
    address: String,
    tagged_addresses: Option<Meta>,
    meta: Option<Meta>,
    locality: Option<Locality>,
}

impl NodeRow {
    /// Whether it says what the agent does.
    fn is(&self, node: &Node) -> bool {
        self.id == node.id
            && self.address == node.address
            && self.tagged_addresses.clone().unwrap_or_default()
                == node.tagged_addresses.clone().unwrap_or_default()
            && self.meta.clone().unwrap_or_default() == node.meta.clone().unwrap_or_default()
            && self.locality == node.locality
    }
}

/// What the catalog has of a node, and whether it has the node itself as it is.
///
/// # Errors
/// Where the servers cannot be asked.
pub(crate) async fn in_catalog(
    servers: &dyn Servers,
    node: &Node,
    options: &Options,
) -> Result<(InCatalog, bool), CallError> {
    let query = Query::NodeServices {
        node: node.node.clone(),
        merge_central_config: false,
    };
    let services: ServicesOfNode = parsed(servers.query(&query, options).await?)?;
    let checks = Query::NodeChecks(node.node.clone());
    let checks: Option<Vec<CatalogCheck>> = parsed(servers.query(&checks, options).await?)?;
    let known = services.node.is_some_and(|row| row.is(node));
    let services = services.services.unwrap_or_default();
    let catalog = InCatalog {
        services: services
            .into_iter()
            .map(service_row)
            .map(Arc::new)
            .collect(),
        checks: checks
            .unwrap_or_default()
            .into_iter()
            .map(check_row)
            .map(Arc::new)
            .collect(),
    };
    Ok((catalog, known))
}

fn parsed<T: DeserializeOwned>(answer: Answer) -> Result<T, CallError> {
    let Body::Json(text) = answer.body else {
        return Err(CallError::Unavailable(
            "the servers did not answer with rows".to_owned(),
        ));
    };
    serde_json::from_slice(&text).map_err(|error| {
        CallError::Unavailable(format!("the servers' rows cannot be read: {error}"))
    })
}

#[cfg(test)]
mod tests;
