//! `/v1/operator/…`: how the cluster is operated.

use serde::Deserialize;
use tribune_acl::Resource;
use tribune_types::call::{OperatorRequest, Request};
use tribune_types::keyring::{self, Key, MAX_RELAY_FACTOR, Operation};
use tribune_types::raft::Selector;

use crate::body;
use crate::error::Error;
use crate::params::parse_bool;
use crate::route::{Needs, Parts, Route};

const OPERATOR: Needs = Needs::Permission(Resource::Operator);
const KEYRING: Needs = Needs::Permission(Resource::Keyring);

pub(super) const ROUTES: &[Route] = &[
    Route {
        method: "GET",
        pattern: "/v1/operator/raft/configuration",
        needs: OPERATOR,
        parse: |_| operator(OperatorRequest::RaftConfiguration),
    },
    Route {
        method: "DELETE",
        pattern: "/v1/operator/raft/peer",
        needs: OPERATOR,
        parse: |parts| operator(OperatorRequest::RemovePeer(selector(parts)?)),
    },
    Route {
        method: "POST",
        pattern: "/v1/operator/raft/transfer-leader",
        needs: OPERATOR,
        parse: |parts| {
            let id = Some(parts.params.text("id").to_owned()).filter(|id| !id.is_empty());
            operator(OperatorRequest::TransferLeader { id })
        },
    },
    Route {
        method: "GET",
        pattern: "/v1/operator/autopilot/configuration",
        needs: OPERATOR,
        parse: |_| operator(OperatorRequest::AutopilotConfiguration),
    },
    Route {
        method: "PUT",
        pattern: "/v1/operator/autopilot/configuration",
        needs: OPERATOR,
        parse: set_autopilot,
    },
    Route {
        method: "GET",
        pattern: "/v1/operator/autopilot/health",
        needs: OPERATOR,
        parse: |_| operator(OperatorRequest::AutopilotHealth),
    },
    Route {
        method: "GET",
        pattern: "/v1/operator/autopilot/state",
        needs: OPERATOR,
        parse: |_| operator(OperatorRequest::AutopilotState),
    },
    Route {
        method: "GET",
        pattern: "/v1/operator/keyring",
        needs: KEYRING,
        parse: |parts| {
            let local_only = local_only(parts)?;
            keyring(parts, Operation::List { local_only })
        },
    },
    Route {
        method: "POST",
        pattern: "/v1/operator/keyring",
        needs: KEYRING,
        parse: |parts| keyring(parts, Operation::Install(key(parts)?)),
    },
    Route {
        method: "PUT",
        pattern: "/v1/operator/keyring",
        needs: KEYRING,
        parse: |parts| keyring(parts, Operation::Use(key(parts)?)),
    },
    Route {
        method: "DELETE",
        pattern: "/v1/operator/keyring",
        needs: KEYRING,
        parse: |parts| keyring(parts, Operation::Remove(key(parts)?)),
    },
];

fn operator(request: OperatorRequest) -> Result<Request, Error> {
    Ok(Request::Operator(request))
}

fn selector(parts: &Parts<'_>) -> Result<Selector, Error> {
    match (parts.params.text("id"), parts.params.text("address")) {
        ("", "") => Err(Error::bad_request(
            "Must specify either ?id with the server's ID or ?address with IP:port of peer to remove",
        )),
        (id, "") => Ok(Selector::Id(id.to_owned())),
        ("", address) => Ok(Selector::Address(address.to_owned())),
        (_, _) => Err(Error::bad_request(
            "Must specify only one of ?id or ?address",
        )),
    }
}

fn set_autopilot(parts: &Parts<'_>) -> Result<Request, Error> {
    let configuration = body::strict(&parts.body, "Error parsing autopilot config")?;
    let cas = match parts.params.text("cas") {
        "" => None,
        text => Some(text.parse().map_err(|_| {
            Error::bad_request(format!(
                "Error parsing cas value: {text:?} is no index; use the configuration's ModifyIndex"
            ))
        })?),
    };
    operator(OperatorRequest::SetAutopilotConfiguration {
        configuration: Box::new(configuration),
        cas,
    })
}

fn keyring(parts: &Parts<'_>, operation: Operation) -> Result<Request, Error> {
    let relay_factor = match parts.params.text("relay-factor") {
        "" => 0,
        text => text
            .parse::<i64>()
            .map_err(|error| Error::bad_request(format!("Error parsing relay factor: {error}")))?,
    };
    let relay_factor = u8::try_from(relay_factor)
        .ok()
        .filter(|factor| *factor <= MAX_RELAY_FACTOR)
        .ok_or_else(|| {
            Error::bad_request(format!(
                "Invalid relay-factor: {relay_factor} is not between 0 and {MAX_RELAY_FACTOR}"
            ))
        })?;
    operator(OperatorRequest::Keyring(keyring::Request {
        operation,
        relay_factor,
    }))
}

fn local_only(parts: &Parts<'_>) -> Result<bool, Error> {
    match parts.params.text("local-only") {
        "" => Ok(false),
        text => parse_bool(text).ok_or_else(|| {
            Error::bad_request(format!(
                "Error parsing local-only: {text:?} is neither true nor false"
            ))
        }),
    }
}

/// The key of the body.
fn key(parts: &Parts<'_>) -> Result<Key, Error> {
    #[derive(Default, Deserialize)]
    #[serde(default, rename_all = "PascalCase")]
    struct Body {
        key: Key,
    }
    if !parts.params.text("local-only").is_empty() {
        return Err(Error::bad_request(
            "Invalid use of local-only: it is for listing the keys alone",
        ));
    }
    Ok(body::strict::<Body>(&parts.body, "Request decode failed")?.key)
}
