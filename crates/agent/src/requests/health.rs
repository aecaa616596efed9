//! The health of the agent's own services.

use serde_json::json;
use tribune_acl::{Access, Permission};
use tribune_api::rows::AgentServiceRow;
use tribune_local::ServiceHealth;
use tribune_types::call::{Answer, Body, CallError};
use tribune_types::{HealthCheck, Name, ServiceName, Status};

use crate::api::Caller;

type Result = std::result::Result<Answer, CallError>;

/// A check as this endpoint tells it, which has another form than anywhere else: every field of its
/// definition, and nothing of how it runs.
fn check(check: &HealthCheck) -> serde_json::Value {
    let definition = &check.definition;
    let header = (!definition.header.is_empty()).then_some(&definition.header);
    json!({
        "Node": check.node.name,
        "CheckID": check.check_id,
        "Name": check.name,
        "Status": check.status,
        "Notes": check.notes,
        "Output": check.output,
        "ServiceID": check.service_id,
        "ServiceName": check.service_name,
        "ServiceTags": check.service_tags.as_ref().filter(|tags| !tags.is_empty()),
        "Type": "",
        "ExposedPort": check.exposed_port,
        "Definition": {
            "HTTP": definition.http,
            "Header": header,
            "Method": definition.method,
            "Body": definition.body,
            "TLSServerName": definition.tls_server_name,
            "TLSSkipVerify": definition.tls_skip_verify,
            "TCP": definition.tcp,
            "TCPUseTLS": definition.tcp_use_tls,
            "UDP": definition.udp,
            "GRPC": definition.grpc,
            "OSService": definition.os_service,
            "GRPCUseTLS": definition.grpc_use_tls,
            "Interval": definition.interval,
            "Timeout": definition.timeout,
            "DeregisterCriticalServiceAfter": definition.deregister_critical_service_after,
        },
        "CreateIndex": check.create_index,
        "ModifyIndex": check.modify_index,
    })
}

fn row(caller: &Caller<'_>, health: &ServiceHealth) -> serde_json::Value {
    json!({
        "AggregatedStatus": health.status,
        "Service": AgentServiceRow::new(&health.service, &caller.agent.config.datacenter),
        "Checks": health.checks.iter().map(|row| check(row)).collect::<Vec<_>>(),
    })
}

fn answer(status: Status, text: bool, body: &serde_json::Value) -> Answer {
    let body = if text {
        Body::Text(status.to_string())
    } else {
        Answer::json(body).body
    };
    Answer {
        body,
        health: Some(status),
        ..Answer::default()
    }
}

pub(crate) fn by_id(caller: &Caller<'_>, id: &Name, text: bool) -> Result {
    let Some(health) = caller.agent.local().health(id) else {
        let body = json!({"AggregatedStatus": "critical", "Service": null, "Checks": null});
        let body = if text {
            Body::Text(format!("ServiceId {id} not found"))
        } else {
            Answer::json(&body).body
        };
        return Ok(Answer {
            body,
            missing: true,
            ..Answer::default()
        });
    };
    caller.require(Permission::Service(&health.service.service, Access::Read))?;
    Ok(answer(health.status.clone(), text, &row(caller, &health)))
}

pub(crate) fn by_name(caller: &Caller<'_>, name: &Name, text: bool) -> Result {
    caller.require(Permission::Service(
        &ServiceName::new(name.clone()),
        Access::Read,
    ))?;
    let found = caller.agent.local().health_by_name(name);
    let worst = found
        .iter()
        .map(|health| &health.status)
        .max_by_key(|status| badness(status))
        .cloned();
    let Some(worst) = worst else {
        let text = text.then(|| Body::Text(format!("ServiceName {name} Not Found")));
        let body = text.unwrap_or_else(|| Answer::json::<[(); 0]>(&[]).body);
        return Ok(Answer {
            body,
            missing: true,
            ..Answer::default()
        });
    };
    let rows: Vec<_> = found.iter().map(|health| row(caller, health)).collect();
    Ok(answer(worst, text, &json!(rows)))
}

const fn badness(status: &Status) -> u8 {
    match status {
        Status::Passing => 0,
        Status::Other(_) => 1,
        Status::Warning => 2,
        Status::Critical => 3,
        Status::Maintenance => 4,
    }
}
