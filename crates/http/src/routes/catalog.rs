//! `/v1/catalog/…` and `/v1/status/…`.

use tribune_acl::Resource;
use tribune_types::call::{Instances, Query, Request, Write};

use crate::error::Error;
use crate::route::{Needs, Parts, Route};
use crate::{body, options};

pub(super) const ROUTES: &[Route] = &[
    Route {
        method: "PUT",
        pattern: "/v1/catalog/register",
        needs: Needs::Permission(Resource::Node),
        parse: |parts| {
            let request = body::lenient_connect(&parts.body, "Request decode failed")?;
            Ok(Request::Write(Write::Register(Box::new(request))))
        },
    },
    Route {
        method: "PUT",
        pattern: "/v1/catalog/deregister",
        needs: Needs::Permission(Resource::Node),
        parse: |parts| {
            Ok(Request::Write(Write::Deregister(body::strict(
                &parts.body,
                "Request decode failed",
            )?)))
        },
    },
    Route {
        method: "GET",
        pattern: "/v1/catalog/datacenters",
        needs: Needs::Nothing,
        parse: |_| Ok(Request::Query(Query::Datacenters)),
    },
    Route {
        method: "GET",
        pattern: "/v1/catalog/gateway-services/",
        needs: Needs::Permission(Resource::Service),
        parse: |parts| {
            parts.refuse_tenancy()?;
            let gateway = parts.name("Missing gateway name")?;
            let gateway = tribune_types::ServiceName::new(gateway);
            Ok(Request::Query(Query::GatewayServices(gateway)))
        },
    },
    Route {
        method: "GET",
        pattern: "/v1/exported-services",
        needs: Needs::Permission(Resource::Mesh),
        // the reference looks at no parameter here
        parse: |_| Ok(Request::Query(Query::ExportedServices)),
    },
    Route {
        method: "GET",
        pattern: "/v1/catalog/nodes",
        needs: Needs::RowsAreFiltered,
        parse: |parts| {
            options::refuse_partition(&parts.params, parts.headers)?;
            Ok(Request::Query(Query::Nodes))
        },
    },
    Route {
        method: "GET",
        pattern: "/v1/catalog/services",
        needs: Needs::RowsAreFiltered,
        parse: |parts| tenanted(parts, Query::Services),
    },
    Route {
        method: "GET",
        pattern: "/v1/catalog/service/",
        needs: Needs::RowsAreFiltered,
        parse: |parts| {
            Ok(Request::Query(Query::ServiceNodes(instances(
                parts, false,
            )?)))
        },
    },
    Route {
        method: "GET",
        pattern: "/v1/catalog/connect/",
        needs: Needs::RowsAreFiltered,
        parse: |parts| Ok(Request::Query(Query::ServiceNodes(instances(parts, true)?))),
    },
    Route {
        method: "GET",
        pattern: "/v1/catalog/node/",
        needs: Needs::RowsAreFiltered,
        parse: |parts| Ok(Request::Query(Query::Node(parts.node()?))),
    },
    Route {
        method: "GET",
        pattern: "/v1/catalog/node-services/",
        needs: Needs::RowsAreFiltered,
        parse: |parts| {
            let merge_central_config = parts.params.has("merge-central-config");
            Ok(Request::Query(Query::NodeServices {
                node: parts.node()?,
                merge_central_config,
            }))
        },
    },
    Route {
        method: "GET",
        pattern: "/v1/status/leader",
        needs: Needs::Nothing,
        parse: |_| Ok(Request::Query(Query::Leader)),
    },
    Route {
        method: "GET",
        pattern: "/v1/status/peers",
        needs: Needs::Nothing,
        parse: |_| Ok(Request::Query(Query::Peers)),
    },
];

fn tenanted(parts: &Parts<'_>, query: Query) -> Result<Request, Error> {
    parts.refuse_tenancy()?;
    Ok(Request::Query(query))
}

/// Which instances of the service in the path are wanted.
pub(super) fn instances(parts: &Parts<'_>, connect: bool) -> Result<Instances, Error> {
    Ok(Instances {
        service: parts.service()?,
        connect,
        passing: false,
        tags: parts.params.all("tag").map(str::to_owned).collect(),
        merge_central_config: parts.params.has("merge-central-config"),
    })
}
