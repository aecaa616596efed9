//! `/v1/mesh/…`: what Tribune has beyond the reference.

use tribune_acl::Resource;
use tribune_types::call::{AgentRequest, Request};

use crate::route::{Needs, Route};

pub(super) const ROUTES: &[Route] = &[Route {
    method: "GET",
    pattern: "/v1/mesh/proxies",
    needs: Needs::Permission(Resource::Agent),
    parse: |parts| {
        let cluster = parts.params.switch("cluster")?;
        Ok(Request::Agent(AgentRequest::Proxies { cluster }))
    },
}];
