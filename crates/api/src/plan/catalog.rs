//! Registration and deregistration.

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
        id: request.id.to_ascii_lowercase(),
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
    if !request.id.is_empty() && !is_uuid(&request.id) {
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

/// Whether a text is a UUID in its usual form, 8-4-4-4-12 hexadecimal digits.
fn is_uuid(text: &str) -> bool {
    let groups: Vec<_> = text.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups
            .iter()
            .all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()))
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

/// A node needs a permission where it is new or would change, a service always, and what stands in the
/// place where it goes, too.
fn authorize(context: &Context<'_>, registration: &Registration) -> Result<(), CallError> {
    let mut watch = WatchSet::ignore();
    let node = &registration.node;
    let stored = context.snapshot.node(&node.node, &mut watch).value;
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
        let instance = InstanceName {
            node: node.node.clone(),
            id: service.id.clone(),
        };
        if let Some(replaced) = context.snapshot.instance(&instance, &mut watch).value {
            context.require(Permission::Service(&replaced.service, Access::Write))?;
        }
    }
    registration
        .checks
        .iter()
        .try_for_each(|check| authorize_check(context, registration, check))
}

fn same_node(stored: &Node, node: &Node) -> bool {
    stored.id == node.id
        && stored.address == node.address
        && stored.tagged_addresses == node.tagged_addresses
        && stored.meta == node.meta
}

fn authorize_check(
    context: &Context<'_>,
    registration: &Registration,
    check: &HealthCheck,
) -> Result<(), CallError> {
    let node = &registration.node.node;
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
    let instance = InstanceName {
        node: node.clone(),
        id: check.service_id.clone(),
    };
    match context
        .snapshot
        .instance(&instance, &mut WatchSet::ignore())
        .value
    {
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
    if request.node.is_empty() {
        return Err(refused("Must provide node"));
    }
    if !request.peer_name.is_empty() {
        return Err(refused("cannot deregister requests with PeerName in them"));
    }
    let node = NodeName::new(request.node.clone());
    authorize_removal(context, &node, request)?;
    let removed = if !request.service_id.is_empty() {
        Removed::Service(request.service_id.clone())
    } else if !request.check_id.is_empty() {
        Removed::Check(request.check_id.clone())
    } else {
        Removed::Node
    };
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
    request: &DeregisterRequest,
) -> Result<(), CallError> {
    let on_node = Permission::Node(node, Access::Write);
    if context.allows(on_node) {
        return Ok(());
    }
    let mut watch = WatchSet::ignore();
    let service_id = if request.service_id.is_empty() {
        let checks = context.snapshot.node_checks(node, &mut watch).value;
        let check = checks
            .iter()
            .find(|check| check.check_id == request.check_id);
        check
            .map(|check| check.service_id.clone())
            .filter(|id| !id.is_empty())
    } else {
        Some(request.service_id.clone())
    };
    let Some(id) = service_id else {
        return context.require(on_node);
    };
    let instance = InstanceName {
        node: node.clone(),
        id,
    };
    match context.snapshot.instance(&instance, &mut watch).value {
        Some(service) => context.require(Permission::Service(&service.service, Access::Write)),
        None => context.require(on_node),
    }
}
