//! `/v1/agent/…`, but for its part in the mesh.

use serde::Deserialize;
use tribune_acl::Resource;
use tribune_types::call::{AgentRequest, CallError, Request};
use tribune_types::definition::{CheckType, ServiceDefinition};
use tribune_types::{Name, Status};

use crate::body;
use crate::error::Error;
use crate::params::parse_bool;
use crate::route::{Needs, Parts, Route};

pub(super) const ROUTES: &[Route] = &[
    Route {
        method: "GET",
        pattern: "/v1/agent/self",
        needs: Needs::Permission(Resource::Agent),
        parse: |_| Ok(Request::Agent(AgentRequest::Myself)),
    },
    Route {
        method: "GET",
        pattern: "/v1/agent/version",
        needs: Needs::Nothing,
        parse: |_| Ok(Request::Agent(AgentRequest::Version)),
    },
    Route {
        method: "GET",
        pattern: "/v1/agent/members",
        needs: Needs::RowsAreFiltered,
        parse: members,
    },
    Route {
        method: "PUT",
        pattern: "/v1/agent/join/",
        needs: Needs::Permission(Resource::Agent),
        parse: |parts| {
            Ok(Request::Agent(AgentRequest::Join {
                address: parts.rest.clone(),
                wan: wan(parts),
            }))
        },
    },
    Route {
        method: "PUT",
        pattern: "/v1/agent/leave",
        needs: Needs::Permission(Resource::Agent),
        parse: |_| Ok(Request::Agent(AgentRequest::Leave)),
    },
    Route {
        method: "PUT",
        pattern: "/v1/agent/force-leave/",
        needs: Needs::Permission(Resource::Operator),
        parse: |parts| {
            Ok(Request::Agent(AgentRequest::ForceLeave {
                node: parts.rest.clone(),
                // only presence counts for these two, as in the reference
                prune: parts.params.has("prune"),
                wan: parts.params.has("wan"),
            }))
        },
    },
    Route {
        method: "PUT",
        pattern: "/v1/agent/reload",
        needs: Needs::Permission(Resource::Agent),
        parse: |_| Ok(Request::Agent(AgentRequest::Reload)),
    },
    Route {
        method: "GET",
        pattern: "/v1/agent/host",
        needs: Needs::Permission(Resource::Operator),
        parse: |_| Ok(Request::Agent(AgentRequest::Host)),
    },
    Route {
        method: "GET",
        pattern: "/v1/agent/services",
        needs: Needs::RowsAreFiltered,
        parse: |parts| tenanted(parts, AgentRequest::Services),
    },
    Route {
        method: "GET",
        pattern: "/v1/agent/service/",
        needs: Needs::Permission(Resource::Service),
        parse: |parts| {
            let hash = parts.params.text("hash").to_owned();
            tenanted(
                parts,
                AgentRequest::Service {
                    id: parts.rest.as_str().into(),
                    hash,
                },
            )
        },
    },
    Route {
        method: "GET",
        pattern: "/v1/agent/checks",
        needs: Needs::RowsAreFiltered,
        parse: |parts| tenanted(parts, AgentRequest::Checks),
    },
    Route {
        method: "GET",
        pattern: "/v1/agent/health/service/id/",
        needs: Needs::Permission(Resource::Service),
        parse: |parts| {
            let id = refused_where_empty(parts, "Missing serviceID")?;
            tenanted(
                parts,
                AgentRequest::HealthById {
                    id,
                    text: wants_text(parts),
                },
            )
        },
    },
    Route {
        method: "GET",
        pattern: "/v1/agent/health/service/name/",
        needs: Needs::Permission(Resource::Service),
        parse: |parts| {
            let name = refused_where_empty(parts, "Missing service Name")?;
            tenanted(
                parts,
                AgentRequest::HealthByName {
                    name,
                    text: wants_text(parts),
                },
            )
        },
    },
    Route {
        method: "PUT",
        pattern: "/v1/agent/service/register",
        needs: Needs::Permission(Resource::Service),
        parse: |parts| {
            parts.refuse_tenancy()?;
            let definition: ServiceDefinition =
                body::lenient_connect(&parts.body, "Request decode failed")?;
            refuse_tenancy(&definition.namespace, &definition.partition)?;
            let replace_existing_checks = matches!(
                parts.params.value("replace-existing-checks"),
                Some("" | "true")
            );
            Ok(Request::Agent(AgentRequest::RegisterService {
                definition: Box::new(definition),
                replace_existing_checks,
            }))
        },
    },
    Route {
        method: "PUT",
        pattern: "/v1/agent/service/deregister/",
        needs: Needs::Permission(Resource::Service),
        parse: |parts| {
            tenanted(
                parts,
                AgentRequest::DeregisterService(parts.rest.as_str().into()),
            )
        },
    },
    Route {
        method: "PUT",
        pattern: "/v1/agent/service/maintenance/",
        needs: Needs::Permission(Resource::Service),
        parse: |parts| {
            let service = parts.name("Missing service ID")?;
            maintenance(parts, Some(service))
        },
    },
    Route {
        method: "PUT",
        pattern: "/v1/agent/maintenance",
        needs: Needs::Permission(Resource::Node),
        parse: |parts| maintenance(parts, None),
    },
    Route {
        method: "PUT",
        pattern: "/v1/agent/check/register",
        needs: Needs::Permission(Resource::Node),
        parse: |parts| {
            parts.refuse_tenancy()?;
            let check: CheckType = body::strict(&parts.body, "Request decode failed")?;
            refuse_tenancy(&check.namespace, &check.partition)?;
            Ok(Request::Agent(AgentRequest::RegisterCheck(Box::new(check))))
        },
    },
    Route {
        method: "PUT",
        pattern: "/v1/agent/check/deregister/",
        needs: Needs::Permission(Resource::Node),
        parse: |parts| {
            tenanted(
                parts,
                AgentRequest::DeregisterCheck(parts.rest.as_str().into()),
            )
        },
    },
    Route {
        method: "PUT",
        pattern: "/v1/agent/check/pass/",
        needs: Needs::Permission(Resource::Node),
        parse: |parts| reported(parts, Status::Passing),
    },
    Route {
        method: "PUT",
        pattern: "/v1/agent/check/warn/",
        needs: Needs::Permission(Resource::Node),
        parse: |parts| reported(parts, Status::Warning),
    },
    Route {
        method: "PUT",
        pattern: "/v1/agent/check/fail/",
        needs: Needs::Permission(Resource::Node),
        parse: |parts| reported(parts, Status::Critical),
    },
    Route {
        method: "PUT",
        pattern: "/v1/agent/check/update/",
        needs: Needs::Permission(Resource::Node),
        parse: update,
    },
];

fn tenanted(parts: &Parts<'_>, request: AgentRequest) -> Result<Request, Error> {
    parts.refuse_tenancy()?;
    Ok(Request::Agent(request))
}

/// Refuses a body that names a namespace or a partition, even those that everything is in.
fn refuse_tenancy(namespace: &str, partition: &str) -> Result<(), Error> {
    let fields = [("Namespace", namespace), ("Partition", partition)];
    match fields.into_iter().find(|(_, value)| !value.is_empty()) {
        None => Ok(()),
        Some((field, _)) => Err(Error::bad_request(format!(
            "Request decode failed: {field} is of Consul Enterprise; leave it out"
        ))),
    }
}

fn refused_where_empty(parts: &Parts<'_>, text: &str) -> Result<Name, Error> {
    if parts.rest.is_empty() {
        return Err(CallError::Refused(text.to_owned()).into());
    }
    Ok(parts.rest.as_str().into())
}

fn wants_text(parts: &Parts<'_>) -> bool {
    let accepts = || {
        parts
            .headers
            .get("accept")
            .is_some_and(|value| value == "text/plain")
    };
    parts
        .params
        .value("format")
        .map_or_else(accepts, |format| format == "text")
}

/// Whether the servers of all datacenters are meant: a bare `?wan` is off.
fn wan(parts: &Parts<'_>) -> bool {
    !parts.params.text("wan").is_empty()
}

fn members(parts: &Parts<'_>) -> Result<Request, Error> {
    let wan = wan(parts);
    let segment = parts.params.text("segment").to_owned();
    if wan && !segment.is_empty() {
        return Err(Error::bad_request("Cannot provide a segment with wan=true"));
    }
    Ok(Request::Agent(AgentRequest::Members { wan, segment }))
}

fn maintenance(parts: &Parts<'_>, service: Option<Name>) -> Result<Request, Error> {
    let text = parts.params.text("enable");
    if text.is_empty() {
        return Err(Error::bad_request("Missing value for enable"));
    }
    let enable = parse_bool(text)
        .ok_or_else(|| Error::bad_request(format!("Invalid value for enable: {text:?}")))?;
    let reason = parts.params.text("reason").to_owned();
    tenanted(
        parts,
        AgentRequest::Maintenance {
            service,
            enable,
            reason,
        },
    )
}

fn reported(parts: &Parts<'_>, status: Status) -> Result<Request, Error> {
    let output = parts.params.text("note").to_owned();
    tenanted(
        parts,
        AgentRequest::UpdateCheck {
            id: parts.rest.as_str().into(),
            status,
            output,
        },
    )
}

fn update(parts: &Parts<'_>) -> Result<Request, Error> {
    #[derive(Default, Deserialize)]
    #[serde(default, rename_all = "PascalCase")]
    struct Update {
        status: String,
        output: String,
    }
    let update: Update = body::strict(&parts.body, "Request decode failed")?;
    let status = match update.status.as_str() {
        "passing" => Status::Passing,
        "warning" => Status::Warning,
        "critical" => Status::Critical,
        other => {
            let text =
                format!("Invalid check status: '{other}': write passing, warning or critical");
            return Err(Error::bad_request(text));
        }
    };
    tenanted(
        parts,
        AgentRequest::UpdateCheck {
            id: parts.rest.as_str().into(),
            status,
            output: update.output,
        },
    )
}
