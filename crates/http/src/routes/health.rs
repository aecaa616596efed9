//! `/v1/health/…`.

use tribune_types::Status;
use tribune_types::call::{CallError, Instances, Query, Request};

use super::catalog::instances;
use crate::error::Error;
use crate::route::{Needs, Parts, Route};

pub(super) const ROUTES: &[Route] = &[
    Route {
        method: "GET",
        pattern: "/v1/health/node/",
        needs: Needs::RowsAreFiltered,
        parse: |parts| Ok(Request::Query(Query::NodeChecks(parts.node()?))),
    },
    Route {
        method: "GET",
        pattern: "/v1/health/checks/",
        needs: Needs::RowsAreFiltered,
        parse: |parts| Ok(Request::Query(Query::ServiceChecks(parts.service()?))),
    },
    Route {
        method: "GET",
        pattern: "/v1/health/state/",
        needs: Needs::RowsAreFiltered,
        parse: |parts| {
            parts.refuse_tenancy()?;
            let state = parts.name("Missing check state")?;
            let state = (&state != "any").then(|| Status::from(state.as_str()));
            Ok(Request::Query(Query::ChecksInState(state)))
        },
    },
    Route {
        method: "GET",
        pattern: "/v1/health/service/",
        needs: Needs::RowsAreFiltered,
        parse: |parts| health(parts, false),
    },
    Route {
        method: "GET",
        pattern: "/v1/health/connect/",
        needs: Needs::RowsAreFiltered,
        parse: |parts| health(parts, true),
    },
    Route {
        method: "GET",
        pattern: "/v1/health/ingress/",
        needs: Needs::RowsAreFiltered,
        parse: |parts| {
            Ok(Request::Query(Query::IngressGatewaysOf {
                service: parts.service()?,
                passing: parts.params.switch("passing")?,
            }))
        },
    },
];

fn health(parts: &Parts<'_>, connect: bool) -> Result<Request, Error> {
    if !parts.params.text("sg").is_empty() {
        if !parts.params.text("peer").is_empty() {
            let text = "?peer and ?sg exclude each other: name one of them";
            return Err(Error::bad_request(text));
        }
        let text = "sameness groups (?sg) are a Consul Enterprise feature".to_owned();
        return Err(CallError::Refused(text).into());
    }
    let passing = parts.params.switch("passing")?;
    Ok(Request::Query(Query::CheckServiceNodes(Instances {
        passing,
        ..instances(parts, connect)?
    })))
}
