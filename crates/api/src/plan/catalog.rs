//! Registration and deregistration.

use std::sync::Arc;

use tribune_acl::{Access, Permission};
use tribune_state::{Deregistration, Operation, Registration, Removed, WatchSet};
use tribune_types::call::CallError;
use tribune_types::catalog::NodeService;
use tribune_types::request::{CatalogCheck, CatalogService, DeregisterRequest, RegisterRequest};
use tribune_types::{
    HealthCheck, InstanceName, Name, Node, NodeName, ServiceKind, ServiceName, validate,
};

use super::{Plan, Reply, refused};
use crate::context::Context;

pub(super) fn register(
    context: &Context<'_>,
    mut request: RegisterRequest,
) -> Result<Plan, CallError> {
    check_node(&request)?;
    let name = NodeName::new(request.node.clone());
    let service = request.service.take().map(instance).transpose()?;
    let mut checks = request.checks.take().unwrap_or_default();
    checks.extend(request.check.take());
    let checks = checks
        .into_iter()
        .map(|check| row(check, &name))
        .collect::<Result<Vec<_>, _>>()?;
    let node = Node {
        id: request.id,
        node: name,
        address: request.address,
        datacenter: context.settings.datacenter.clone(),
        tagged_addresses: request.tagged_addresses,
        meta: request.node_meta,
        locality: request.locality,
        ..Node::default()
    };
    let registration = Registration {
        node,
        skip_node_update: request.skip_node_update,
        service,
        checks,
    };
    authorize(context, &registration)?;
    let operation = Some(Operation::Register(Box::new(registration)));
    Ok(Plan {
        operation,
        reply: Reply::Bool,
        optimistic: false,
    })
}

fn check_node(request: &RegisterRequest) -> Result<(), CallError> {
    if !request.peer_name.is_empty() {
        return Err(refused("cannot register requests with PeerName in them"));
    }
    if request.node.is_empty() {
        return Err(refused("Must provide node"));
    }
    validate::name("node name", &request.node).map_err(refused)?;
    if !request.id.is_empty() && !validate::is_uuid(&request.id) {
        return Err(refused(format!(
            "Bad node ID: {:?} is not a UUID",
            request.id
        )));
    }
    if request.address.is_empty() && !request.skip_node_update {
        return Err(refused("Must provide address if SkipNodeUpdate is not set"));
    }
    Ok(())
}

fn instance(service: CatalogService) -> Result<NodeService, CallError> {
    if service.service.is_empty() && !service.id.is_empty() {
        return Err(refused(
            "Must provide service name (Service.Service) when service ID is provided",
        ));
    }
    if service.service.is_empty() {
        return Err(refused("Must provide service name (Service.Service)"));
    }
    if validate::is_any_address(&service.address) {
        return Err(refused("Invalid service address"));
    }
    let id = if service.id.is_empty() {
        service.service.clone()
    } else {
        service.id
    };
    // weights that cannot be ones become those of every instance, as in the reference
    let weights = service
        .weights
        .filter(|weights| validate::weights(*weights).is_ok())
        .unwrap_or_default();
    let service = NodeService {
        kind: service.kind,
        id,
        service: ServiceName::new(service.service),
        tags: service.tags,
        address: service.address,
        tagged_addresses: service.tagged_addresses,
        meta: service.meta,
        port: service.port,
        socket_path: service.socket_path,
        weights,
        enable_tag_override: service.enable_tag_override,
        locality: service.locality,
        proxy: service.proxy,
        native: service.connect.native,
        ..NodeService::default()
    };
    validate::proxy_modes(&service.proxy).map_err(refused)?;
    if let Some(meta) = &service.meta {
        let problem = |text| {
            refused(format!(
                "Invalid Service Meta for serviceID {}: {text}",
                service.id
            ))
        };
        validate::meta(meta, &["consul-wan-federation"]).map_err(problem)?;
    }
    let problems = validate::service(&service);
    if problems.is_empty() {
        Ok(service)
    } else {
        Err(refused(problems.join("; ")))
    }
}

fn row(check: CatalogCheck, node: &NodeName) -> Result<HealthCheck, CallError> {
    if !check.node.is_empty() && check.node != node.name {
        let (of, check) = (&check.node, &check.check_id);
        return Err(refused(format!(
            "Node '{of}' for check '{check}' doesn't match register request node '{node}'"
        )));
    }
    let check_id = if check.check_id.is_empty() {
        Name::from(check.name.as_str())
    } else {
        check.check_id
    };
    validate::name("check ID", &check_id).map_err(refused)?;
    let check_type = if check.r#type.is_empty() {
        check_type(&check.definition).to_owned()
    } else {
        check.r#type
    };
    Ok(HealthCheck {
        node: node.clone(),
        check_id,
        name: check.name,
        status: check.status.as_str().into(),
        notes: check.notes,
        output: check.output,
        service_id: check.service_id,
        service_name: check.service_name,
        service_tags: check.service_tags,
        check_type,
        interval: check.interval,
        timeout: check.timeout,
        exposed_port: check.exposed_port,
        definition: check.definition,
        ..HealthCheck::default()
    })
}

/// What kind of probe a definition is of; empty where it says nothing.
fn check_type(definition: &tribune_types::check::CheckDefinition) -> &'static str {
    let kinds = [
        (!definition.http.is_empty(), "http"),
        (!definition.tcp.is_empty(), "tcp"),
        (!definition.udp.is_empty(), "udp"),
        (!definition.grpc.is_empty(), "grpc"),
        (!definition.h2ping.is_empty(), "h2ping"),
        (!definition.docker_container_id.is_empty(), "docker"),
        (!definition.script_args.is_empty(), "script"),
        (
            !definition.alias_node.is_empty() || !definition.alias_service.is_empty(),
            "alias",
        ),
        (!definition.os_service.is_empty(), "os_service"),
        (!definition.ttl.is_zero(), "ttl"),
    ];
    kinds
        .into_iter()
        .find(|(is, _)| *is)
        .map_or("", |(_, kind)| kind)
}

/// A node needs a permission where it is new or would change, a service and a check always, and what stands
/// in the place where they go, too.
fn authorize(context: &Context<'_>, registration: &Registration) -> Result<(), CallError> {
    let node = &registration.node;
    let stored = context
        .snapshot
        .node(&node.node, &mut WatchSet::ignore())
        .value;
    let same =
        stored.is_some_and(|stored| registration.skip_node_update || same_node(&stored, node));
    if !same {
        context.require(Permission::Node(&node.node, Access::Write))?;
    }
    if let Some(service) = &registration.service {
        context.require(Permission::Service(&service.service, Access::Write))?;
        if service.kind == ServiceKind::ConnectProxy {
            let destination = ServiceName::new(service.proxy.destination_service_name.clone());
            context.require(Permission::Service(&destination, Access::Write))?;
        }
        if let Some(replaced) = stored_instance(context, &node.node, &service.id) {
            context.require(Permission::Service(&replaced.service, Access::Write))?;
        }
    }
    registration
        .checks
        .iter()
        .try_for_each(|check| authorize_check(context, registration, check))
}

/// A stored check needs the permission for its instance, or for the node that it is about.
fn authorize_owner(
    context: &Context<'_>,
    node: &NodeName,
    check: &HealthCheck,
) -> Result<(), CallError> {
    match stored_instance(context, node, &check.service_id) {
        Some(service) => context.require(Permission::Service(&service.service, Access::Write)),
        None => context.require(Permission::Node(node, Access::Write)),
    }
}

fn same_node(stored: &Node, node: &Node) -> bool {
    stored.id == node.id
        && stored.address == node.address
        && stored.tagged_addresses == node.tagged_addresses
        && stored.meta == node.meta
        && stored.locality == node.locality
}

fn authorize_check(
    context: &Context<'_>,
    registration: &Registration,
    check: &HealthCheck,
) -> Result<(), CallError> {
    let node = &registration.node.node;
    if let Some(replaced) = stored_check(context, node, &check.check_id) {
        authorize_owner(context, node, &replaced)?;
    }
    if check.service_id.is_empty() {
        return context.require(Permission::Node(node, Access::Write));
    }
    if registration
        .service
        .as_ref()
        .is_some_and(|service| service.id == check.service_id)
    {
        return Ok(());
    }
    match stored_instance(context, node, &check.service_id) {
        Some(service) => context.require(Permission::Service(&service.service, Access::Write)),
        None => {
            let (service, check) = (&check.service_id, &check.check_id);
            Err(refused(format!(
                "Unknown service ID '{service}' for check ID '{check}'"
            )))
        }
    }
}

pub(super) fn deregister(
    context: &Context<'_>,
    request: &DeregisterRequest,
) -> Result<Plan, CallError> {
    let datacenter = &context.settings.datacenter;
    if !request.datacenter.is_empty() && !request.datacenter.eq_ignore_ascii_case(datacenter) {
        let asked = &request.datacenter;
        return Err(refused(format!(
            "No path to datacenter {asked:?}; this one is {datacenter:?}"
        )));
    }
    if request.node.is_empty() {
        return Err(refused("Must provide node"));
    }
    if !request.peer_name.is_empty() {
        return Err(refused("cannot deregister requests with PeerName in them"));
    }
    let node = NodeName::new(request.node.clone());
    let removed = if !request.service_id.is_empty() {
        Removed::Service(request.service_id.clone())
    } else if !request.check_id.is_empty() {
        Removed::Check(request.check_id.clone())
    } else {
        Removed::Node
    };
    authorize_removal(context, &node, &removed)?;
    let operation = Some(Operation::Deregister(Deregistration { node, removed }));
    Ok(Plan {
        operation,
        reply: Reply::Bool,
        optimistic: false,
    })
}

/// Whoever may write a node may remove anything of it; else the stored service decides.
fn authorize_removal(
    context: &Context<'_>,
    node: &NodeName,
    removed: &Removed,
) -> Result<(), CallError> {
    let on_node = Permission::Node(node, Access::Write);
    if context.allows(on_node) {
        return Ok(());
    }
    let service_id = match removed {
        Removed::Node => None,
        Removed::Service(id) => Some(id.clone()),
        Removed::Check(id) => stored_check(context, node, id).map(|check| check.service_id.clone()),
    };
    match service_id.and_then(|id| stored_instance(context, node, &id)) {
        Some(service) => context.require(Permission::Service(&service.service, Access::Write)),
        None => context.require(on_node),
    }
}

fn stored_instance(context: &Context<'_>, node: &NodeName, id: &Name) -> Option<Arc<NodeService>> {
    let instance = InstanceName {
        node: node.clone(),
        id: id.clone(),
    };
    let mut watch = WatchSet::ignore();
    context.snapshot.instance(&instance, &mut watch).value
}

fn stored_check(context: &Context<'_>, node: &NodeName, id: &Name) -> Option<Arc<HealthCheck>> {
    let checks = context.snapshot.node_checks(node, &mut WatchSet::ignore());
    checks.value.into_iter().find(|check| check.check_id == *id)
}
