//! From what a user writes to rows of the catalog.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use tribune_types::definition::{CheckType, ServiceDefinition};
use tribune_types::{
    GoDuration, HealthCheck, Name, NodeName, NodeService, ServiceAddress, ServiceKind, ServiceName,
    Status, validate,
};

use crate::error::RegisterError;
use crate::{expand, kind};

/// Metadata of Consul's own that a mesh gateway may set: that it joins datacenters.
const GATEWAY_META: &[&str] = &["consul-wan-federation"];

/// Whether a definition is as it must be, in the order in which the reference finds fault.
pub(crate) fn check(definition: &ServiceDefinition) -> Result<(), RegisterError> {
    if definition.name.is_empty() {
        return Err(RegisterError::MissingServiceName);
    }
    if validate::is_any_address(&definition.address) {
        return Err(RegisterError::AnyAddress(definition.address.clone()));
    }
    validate::weights(definition.weights.unwrap_or_default()).map_err(RegisterError::Weights)?;
    check_meta(definition)?;
    let problems = validate::service(&row(definition));
    let problems: Vec<String> = problems
        .into_iter()
        .chain(expand::problem(definition))
        .collect();
    if !problems.is_empty() {
        return Err(RegisterError::Service(problems.join("; ")));
    }
    for check in checks(definition) {
        check_check(check).map_err(|problem| problem.with(RegisterError::Check))?;
    }
    check_addresses(definition)
}

/// Whether a sidecar, with everything filled in, is as it must be.
pub(crate) fn check_sidecar(sidecar: &ServiceDefinition) -> Result<(), RegisterError> {
    for check in checks(sidecar) {
        check_check(check).map_err(|problem| problem.with(RegisterError::SidecarCheck))?;
    }
    validate::weights(sidecar.weights.unwrap_or_default()).map_err(RegisterError::Sidecar)?;
    check_meta(sidecar).map_err(|error| RegisterError::Sidecar(error.to_string()))?;
    let problems = validate::service(&row(sidecar));
    if !problems.is_empty() {
        return Err(RegisterError::Sidecar(problems.join("; ")));
    }
    check_addresses(sidecar)
}

/// What is wrong with one check.
pub(crate) enum CheckProblem {
    Definition(String),
    Status(String),
}

impl CheckProblem {
    pub(crate) fn with(self, definition: impl FnOnce(String) -> RegisterError) -> RegisterError {
        match self {
            Self::Definition(problem) => definition(problem),
            Self::Status(status) => RegisterError::Status(status),
        }
    }
}

/// Whether one check is as it must be.
pub(crate) fn check_check(check: &CheckType) -> Result<(), CheckProblem> {
    if let Some(problem) = kind::problem(check) {
        return Err(CheckProblem::Definition(problem));
    }
    let names = [("check ID", &check.check_id), ("check ID", &check.id)];
    for (what, name) in names {
        validate::name(what, name).map_err(CheckProblem::Definition)?;
    }
    validate::name("check name", &check.name.as_str().into()).map_err(CheckProblem::Definition)?;
    match check.status.as_str() {
        "" | "passing" | "warning" | "critical" => Ok(()),
        other => Err(CheckProblem::Status(other.to_owned())),
    }
}

/// The checks that come with a service. An empty single one is none.
pub(crate) fn checks(definition: &ServiceDefinition) -> impl Iterator<Item = &CheckType> {
    let single = definition
        .check
        .iter()
        .filter(|check| **check != CheckType::default());
    single.chain(definition.checks.iter().flatten())
}

/// The row of a service.
pub(crate) fn row(definition: &ServiceDefinition) -> NodeService {
    let mut proxy = definition.proxy.clone().unwrap_or_default();
    for upstream in &mut proxy.upstreams {
        if upstream.destination_type.is_empty() {
            "service".clone_into(&mut upstream.destination_type);
        }
    }
    NodeService {
        kind: definition.kind.clone(),
        id: if definition.id.is_empty() {
            definition.name.clone()
        } else {
            definition.id.clone()
        },
        service: ServiceName::new(definition.name.clone()),
        tags: definition.tags.clone(),
        address: definition.address.clone(),
        tagged_addresses: tagged_addresses(definition),
        meta: definition.meta.clone(),
        port: definition.port,
        socket_path: definition.socket_path.clone(),
        weights: definition.weights.unwrap_or_default(),
        enable_tag_override: definition.enable_tag_override,
        locality: definition.locality.clone(),
        proxy,
        native: definition
            .connect
            .as_ref()
            .is_some_and(|connect| connect.native),
        ..NodeService::default()
    }
}

/// The rows of the checks that come with a service, each with its definition. They are numbered from 1
/// where there are several.
pub(crate) fn check_rows<'a>(
    definition: &'a ServiceDefinition,
    service: &'a NodeService,
    node: &'a NodeName,
) -> impl Iterator<Item = (&'a CheckType, HealthCheck)> {
    let several = checks(definition).nth(1).is_some();
    checks(definition).enumerate().map(move |(at, check)| {
        let id = match own_id(check) {
            Some(id) => id.clone(),
            None if several => format!("service:{}:{}", service.id, at + 1).into(),
            None => format!("service:{}", service.id).into(),
        };
        let name = if check.name.is_empty() {
            format!("Service '{}' check", service.service.name)
        } else {
            check.name.clone()
        };
        let text = |duration: GoDuration| {
            if duration.is_zero() {
                String::new()
            } else {
                duration.to_string()
            }
        };
        let row = HealthCheck {
            check_id: id,
            name,
            interval: text(check.interval),
            timeout: text(check.timeout),
            ..check_row(check, Some(service), node)
        };
        (check, row)
    })
}

/// The row of a check on its own. Unlike those that come with a service it prints its times when they are 0.
pub(crate) fn check_row(
    check: &CheckType,
    service: Option<&NodeService>,
    node: &NodeName,
) -> HealthCheck {
    HealthCheck {
        node: node.clone(),
        check_id: own_id(check)
            .cloned()
            .unwrap_or_else(|| check.name.as_str().into()),
        name: check.name.clone(),
        status: Status::from(check.status.as_str()),
        notes: check.notes.clone(),
        service_id: service
            .map(|service| service.id.clone())
            .unwrap_or_default(),
        service_name: service
            .map(|service| service.service.name.clone())
            .unwrap_or_default(),
        service_tags: service.and_then(|service| service.tags.clone()),
        check_type: kind::type_name(check).to_owned(),
        interval: check.interval.to_string(),
        timeout: check.timeout.to_string(),
        ..HealthCheck::default()
    }
}

fn own_id(check: &CheckType) -> Option<&Name> {
    [&check.check_id, &check.id]
        .into_iter()
        .find(|id| !id.is_empty())
}

fn check_meta(definition: &ServiceDefinition) -> Result<(), RegisterError> {
    let allowed = if definition.kind == ServiceKind::MeshGateway {
        GATEWAY_META
    } else {
        &[]
    };
    definition
        .meta
        .as_ref()
        .map_or(Ok(()), |meta| validate::meta(meta, allowed))
        .map_err(RegisterError::Meta)
}

/// Addresses under some tags must be of that tag's kind. The reference does not look at `wan_ipv6`.
fn check_addresses(definition: &ServiceDefinition) -> Result<(), RegisterError> {
    for (name, tagged) in definition.tagged_addresses.iter().flatten() {
        let (kind, valid) = match name.as_str() {
            "lan_ipv4" | "wan_ipv4" => ("ipv4", tagged.address.parse::<Ipv4Addr>().is_ok()),
            "lan_ipv6" => ("ipv6", tagged.address.parse::<Ipv6Addr>().is_ok()),
            _ => continue,
        };
        if !valid {
            return Err(RegisterError::TaggedAddress {
                name: name.clone(),
                kind,
            });
        }
    }
    Ok(())
}

/// The tagged addresses as given, and those that follow from a literal address.
fn tagged_addresses(definition: &ServiceDefinition) -> Option<BTreeMap<String, ServiceAddress>> {
    let mut tagged = definition.tagged_addresses.clone();
    let tags = match definition.address.parse::<IpAddr>() {
        Ok(IpAddr::V4(_)) => ["lan_ipv4", "wan_ipv4"],
        Ok(IpAddr::V6(_)) => ["lan_ipv6", "wan_ipv6"],
        Err(_) => return tagged,
    };
    for tag in tags {
        tagged
            .get_or_insert_default()
            .entry(tag.to_owned())
            .or_insert_with(|| ServiceAddress {
                address: definition.address.clone(),
                port: definition.port,
            });
    }
    tagged
}
