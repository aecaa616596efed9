//! The agent's own checks.

use std::collections::BTreeMap;

use tribune_acl::{Access, Permission};
use tribune_api::Filtered;
use tribune_api::rows::CheckRow;
use tribune_filter::rows as schema;
use tribune_local::{RegisterError, UnknownCheck};
use tribune_types::call::{Answer, CallError};
use tribune_types::definition::CheckType;
use tribune_types::{Name, ServiceName, Status};

use crate::api::Caller;

type Result = std::result::Result<Answer, CallError>;

pub(crate) fn list(caller: &Caller<'_>) -> Result {
    let mut page = Filtered::new(caller.options, &schema::HEALTH_CHECK)?;
    let local = caller.agent.local();
    let rows: BTreeMap<&str, CheckRow<'_>> = local
        .checks()
        .map(|(id, state)| (id, &state.check, CheckRow::from(&*state.check)))
        .filter(|(_, check, row)| page.keeps(may(caller, &check.service_name, Access::Read), row))
        .map(|(id, _, row)| (id.as_str(), row))
        .collect();
    Ok(Answer {
        filtered_by_acls: page.hidden,
        ..Answer::json(&rows)
    })
}

/// Whether a check of a service, or of the node where there is no service, may be acted on.
fn may(caller: &Caller<'_>, service: &Name, access: Access) -> bool {
    if service.is_empty() {
        caller
            .authorizer
            .allows(Permission::Node(caller.agent.node_name(), access))
    } else {
        caller.authorizer.allows(Permission::Service(
            &ServiceName::new(service.clone()),
            access,
        ))
    }
}

fn require_write(caller: &Caller<'_>, check: &Name) -> std::result::Result<(), CallError> {
    match caller.agent.service_of_check(check) {
        Some(service) => caller.require(Permission::Service(&service, Access::Write)),
        None => caller.require(Permission::Node(caller.agent.node_name(), Access::Write)),
    }
}

pub(crate) async fn register(caller: &Caller<'_>, check: CheckType) -> Result {
    let service = caller
        .agent
        .local()
        .service(&check.service_id)
        .map(|service| service.service.clone());
    match &service {
        Some(service) => caller.require(Permission::Service(service, Access::Write))?,
        None => caller.require(Permission::Node(caller.agent.node_name(), Access::Write))?,
    }
    let token = caller.options.token.clone();
    caller
        .agent
        .change(|local, now| local.register_check(check, token, now))
        .map_err(register_error)?;
    caller.agent.sync_now().await?;
    Ok(Answer::default())
}

/// The status of a registration that an agent does not take.
pub(crate) fn register_error(error: RegisterError) -> CallError {
    let text = error.to_string();
    match error {
        RegisterError::NoSuchService(_) => CallError::NotFound(text),
        RegisterError::TaggedAddress { .. }
        | RegisterError::NoSidecarPorts
        | RegisterError::SidecarPortsTaken(..)
        | RegisterError::UnsupportedCheck(_)
        | RegisterError::ScriptsDisabled => CallError::Refused(text),
        _ => CallError::BadRequest(text),
    }
}

pub(crate) async fn deregister(caller: &Caller<'_>, id: &Name) -> Result {
    require_write(caller, id)?;
    caller
        .agent
        .change(|local, now| local.deregister_check(id, now))
        .map_err(unknown)?;
    caller.agent.sync_now().await?;
    Ok(Answer::default())
}

fn unknown(error: UnknownCheck) -> CallError {
    let text = error.to_string();
    match error {
        UnknownCheck::NoSuchCheck(_) => CallError::NotFound(text),
        UnknownCheck::NoTtl(_) => CallError::Refused(text),
    }
}

pub(crate) async fn update(caller: &Caller<'_>, id: &Name, status: Status, output: &str) -> Result {
    require_write(caller, id)?;
    caller
        .agent
        .change(|local, now| local.report(id, status, output, now))
        .map_err(unknown)?;
    caller.agent.sync_now().await?;
    Ok(Answer::default())
}

pub(crate) async fn maintenance(
    caller: &Caller<'_>,
    service: Option<&Name>,
    enable: bool,
    reason: &str,
) -> Result {
    let named = service.and_then(|id| {
        caller
            .agent
            .local()
            .service(id)
            .map(|service| service.service.clone())
    });
    match (&named, service) {
        (Some(service), _) => caller.require(Permission::Service(service, Access::Write))?,
        (None, Some(id)) => {
            let text = format!("No service registered with ID {:?}", id.as_str());
            return Err(CallError::NotFound(text));
        }
        (None, None) => {
            caller.require(Permission::Node(caller.agent.node_name(), Access::Write))?
        }
    }
    let set = caller
        .agent
        .change(|local, now| local.maintenance(service, enable, reason, now));
    set.map_err(|error| CallError::NotFound(error.to_string()))?;
    caller.agent.sync_now().await?;
    Ok(Answer::default())
}
