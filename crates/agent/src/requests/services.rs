//! The agent's own services, and their certificates.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::time::Instant;
use tribune_acl::{Access, Permission};
use tribune_api::Filtered;
use tribune_api::rows::AgentServiceRow;
use tribune_derived::Key;
use tribune_filter::rows as schema;
use tribune_leaf::{Leaf, Problem, Subject};
use tribune_types::call::{Answer, CallError};
use tribune_types::definition::ServiceDefinition;
use tribune_types::{InstanceName, Name, NodeService, ServiceName};
use xxhash_rust::xxh3::xxh3_64;

use super::checks::register_error;
use crate::api::Caller;
use crate::latest::Latest;

type Result = std::result::Result<Answer, CallError>;

/// A service and what the servers make of it: a proxy's registration with central configuration merged in.
struct Merged {
    own: Arc<NodeService>,
    latest: Option<Latest>,
}

impl Merged {
    fn of(caller: &Caller<'_>, service: &Arc<NodeService>) -> Self {
        let key = || {
            Key::Proxy(InstanceName {
                node: caller.agent.node_name().clone(),
                id: service.id.clone(),
            })
        };
        let source = &*caller.agent.source;
        let subscribe = || Latest::subscribe(source, &key(), &caller.options.token);
        Self {
            own: service.clone(),
            latest: service.kind.is_proxy().then(subscribe),
        }
    }

    async fn service(&mut self) -> Arc<NodeService> {
        let Some(latest) = &mut self.latest else {
            return self.own.clone();
        };
        match latest.value().await {
            Some(tribune_derived::Value::Proxy(Some(proxy))) => Arc::new(NodeService {
                proxy: proxy.config.clone(),
                ..NodeService::clone(&self.own)
            }),
            _ => self.own.clone(),
        }
    }

    /// Waits until the servers make something else of it.
    async fn changed(&mut self) {
        match &mut self.latest {
            Some(latest) => latest.changed().await,
            None => std::future::pending().await,
        }
    }
}

pub(crate) async fn list(caller: &Caller<'_>) -> Result {
    let mut page = Filtered::new(caller.options, &schema::NODE_SERVICE)?;
    let registered: Vec<_> = caller
        .agent
        .local()
        .services()
        .map(|(_, service)| service.clone())
        .collect();
    // all are subscribed to before the first is waited for
    let mut merged: Vec<_> = registered
        .iter()
        .map(|service| Merged::of(caller, service))
        .collect();
    let mut services = Vec::with_capacity(merged.len());
    for service in &mut merged {
        services.push(service.service().await);
    }
    let rows: BTreeMap<&str, AgentServiceRow<'_>> = services
        .iter()
        .map(|service| {
            (
                service,
                AgentServiceRow::new(service, &caller.agent.config.datacenter),
            )
        })
        .filter(|(service, row)| page.keeps(caller.sees_service(&service.service), row))
        .map(|(service, row)| (service.id.as_str(), row))
        .collect();
    Ok(Answer {
        filtered_by_acls: page.hidden,
        ..Answer::json(&rows)
    })
}

pub(crate) async fn one(caller: &Caller<'_>, id: &Name, hash: &str) -> Result {
    let deadline = Instant::now() + caller.agent.wait_of(caller.options);
    let mut changes = caller.agent.changes();
    loop {
        changes.borrow_and_update();
        let service = caller.agent.local().service(id).cloned();
        let service =
            service.ok_or_else(|| CallError::NotFound(format!("unknown service ID: {id}")))?;
        caller.require(Permission::Service(&service.service, Access::Read))?;
        let mut merged = Merged::of(caller, &service);
        loop {
            let (row, found) = described(caller, &*merged.service().await);
            let expired = Instant::now() >= deadline;
            if hash.is_empty() || hash != found || expired {
                return Ok(Answer {
                    content_hash: Some(found),
                    ..Answer::json(&row)
                });
            }
            tokio::select! {
                _ = changes.changed() => break,
                () = merged.changed() => {}
                () = tokio::time::sleep_until(deadline) => {}
            }
        }
    }
}

/// What is said about a service, with its hash.
fn described(caller: &Caller<'_>, service: &NodeService) -> (Value, String) {
    let datacenter = &caller.agent.config.datacenter;
    let mut row = json!(AgentServiceRow::new(service, datacenter));
    let hash = format!("{:016x}", xxh3_64(row.to_string().as_bytes()));
    row["ContentHash"] = json!(hash);
    (row, hash)
}

pub(crate) async fn register(
    caller: &Caller<'_>,
    definition: ServiceDefinition,
    replace_checks: bool,
) -> Result {
    for service in touched(caller, &definition) {
        caller.require(Permission::Service(&service, Access::Write))?;
    }
    let own = definition.token.as_str();
    let token = if own.is_empty() {
        caller.options.token.clone()
    } else {
        own.into()
    };
    let change = |local: &mut tribune_local::Local, now| {
        local.register_service(definition, token, replace_checks, now)
    };
    caller.agent.change(change).map_err(register_error)?;
    caller.agent.sync_now().await?;
    Ok(Answer::default())
}

/// The services that a registration speaks for: its own, the one that has its ID now, those that it and its
/// sidecar are proxies of.
fn touched(caller: &Caller<'_>, definition: &ServiceDefinition) -> Vec<ServiceName> {
    let sidecar = definition
        .connect
        .as_ref()
        .and_then(|connect| connect.sidecar_service.as_deref());
    let id = if definition.id.is_empty() {
        &definition.name
    } else {
        &definition.id
    };
    let replaced = caller
        .agent
        .local()
        .service(id)
        .map(|service| service.service.clone());
    let destination = |definition: &ServiceDefinition| {
        let destination = definition.proxy.as_ref()?.destination_service_name.clone();
        (!destination.is_empty()).then(|| ServiceName::new(destination))
    };
    let named = |definition: &ServiceDefinition| {
        (!definition.name.is_empty()).then(|| ServiceName::new(definition.name.clone()))
    };
    let own = [named(definition), replaced, destination(definition)];
    let beside = [sidecar.and_then(named), sidecar.and_then(destination)];
    own.into_iter().chain(beside).flatten().collect()
}

pub(crate) async fn deregister(caller: &Caller<'_>, id: &Name) -> Result {
    let service = caller
        .agent
        .local()
        .service(id)
        .map(|service| service.service.clone());
    if let Some(service) = &service {
        caller.require(Permission::Service(service, Access::Write))?;
    }
    let removed = caller
        .agent
        .change(|local, now| local.deregister_service(id, now));
    removed.map_err(|error| CallError::NotFound(error.to_string()))?;
    caller.agent.sync_now().await?;
    Ok(Answer::default())
}

pub(crate) async fn leaf(caller: &Caller<'_>, service: &ServiceName) -> Result {
    caller.require(Permission::Service(service, Access::Write))?;
    tribune_types::validate::name("service name", &service.name).map_err(CallError::BadRequest)?;
    let subject = Subject::service(
        service,
        &caller.agent.config.datacenter,
        caller.options.token.clone(),
    );
    let leaf = caller
        .agent
        .leaves
        .leaf(&subject)
        .await
        .map_err(|problem| leaf_error(&problem))?;
    let leaf = if caller.options.min_index > 0 && leaf.index() <= caller.options.min_index {
        let mut subscription = caller.agent.leaves.subscribe(&subject);
        let newer = subscription.newer_than(caller.options.min_index);
        tokio::time::timeout(caller.agent.wait_of(caller.options), newer)
            .await
            .unwrap_or(leaf)
    } else {
        leaf
    };
    Ok(Answer {
        index: Some(leaf.index()),
        cache_hit: Some(true),
        ..Answer::json(&leaf_row(service, &leaf))
    })
}

fn leaf_error(problem: &Problem) -> CallError {
    CallError::Refused(problem.error.to_string())
}

fn leaf_row(service: &ServiceName, leaf: &Leaf) -> Value {
    let certificate = leaf.certificate();
    json!({
        "SerialNumber": certificate.serial_number,
        "CertPEM": certificate.chain_pem,
        "PrivateKeyPEM": leaf.key_pem(),
        "Service": service.name,
        "ServiceURI": certificate.id.to_string(),
        "ValidAfter": certificate.valid_after(),
        "ValidBefore": certificate.valid_before(),
        "CreateIndex": leaf.index(),
        "ModifyIndex": leaf.index(),
    })
}
