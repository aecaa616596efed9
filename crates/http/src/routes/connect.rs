//! `/v1/connect/…`, `/v1/agent/connect/…` and `/v1/discovery-chain/…`: the mesh.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use tribune_acl::Resource;
use tribune_hcl::{Options, Unknown};
use tribune_types::call::{
    AgentRequest, CallError, ChainQuery, IntentionByIdBody, IntentionPair, MatchBy, Query, Request,
    Write,
};
use tribune_types::proxy::MeshGateway;
use tribune_types::{GoDuration, Name, PeerName, ServiceName};

use crate::body;
use crate::error::Error;
use crate::params::parse_bool;
use crate::route::{Needs, Parts, Route};

pub(super) const ROUTES: &[Route] = &[
    Route {
        method: "GET",
        pattern: "/v1/connect/ca/roots",
        needs: Needs::Nothing,
        parse: roots,
    },
    Route {
        method: "GET",
        pattern: "/v1/agent/connect/ca/roots",
        needs: Needs::Nothing,
        // an agent's roots are JSON, whatever `?pem=` says
        parse: |_| Ok(Request::Query(Query::CaRoots { pem: false })),
    },
    Route {
        method: "GET",
        pattern: "/v1/connect/ca/configuration",
        needs: Needs::Permission(Resource::Operator),
        parse: |_| Ok(Request::Query(Query::CaConfiguration)),
    },
    Route {
        method: "PUT",
        pattern: "/v1/connect/ca/configuration",
        needs: Needs::Permission(Resource::Operator),
        parse: |parts| {
            let body = body::strict(&parts.body, "Request decode failed")?;
            Ok(Request::Write(Write::SetCaConfiguration(body)))
        },
    },
    Route {
        method: "GET",
        pattern: "/v1/agent/connect/ca/leaf",
        needs: Needs::Permission(Resource::Service),
        parse: |_| Err(refused("a leaf certificate is a service's: name one")),
    },
    Route {
        method: "GET",
        pattern: "/v1/agent/connect/ca/leaf/",
        needs: Needs::Permission(Resource::Service),
        parse: |parts| {
            parts.refuse_tenancy()?;
            Ok(Request::Agent(AgentRequest::Leaf(ServiceName::new(
                parts.rest.as_str(),
            ))))
        },
    },
    Route {
        method: "POST",
        pattern: "/v1/agent/connect/authorize",
        needs: Needs::Permission(Resource::Service),
        parse: authorize,
    },
    Route {
        method: "GET",
        pattern: "/v1/connect/intentions",
        needs: Needs::RowsAreFiltered,
        parse: |parts| {
            parts.refuse_tenancy()?;
            Ok(Request::Query(Query::Intentions))
        },
    },
    Route {
        method: "POST",
        pattern: "/v1/connect/intentions",
        needs: Needs::Permission(Resource::Intention),
        parse: |parts| put_by_id(parts, None),
    },
    Route {
        method: "GET",
        pattern: "/v1/connect/intentions/",
        needs: Needs::Permission(Resource::Intention),
        parse: |parts| Ok(Request::Query(Query::IntentionById(id(parts)?))),
    },
    Route {
        method: "PUT",
        pattern: "/v1/connect/intentions/",
        needs: Needs::Permission(Resource::Intention),
        parse: |parts| put_by_id(parts, Some(id(parts)?)),
    },
    Route {
        method: "DELETE",
        pattern: "/v1/connect/intentions/",
        needs: Needs::Permission(Resource::Intention),
        parse: |parts| Ok(Request::Write(Write::DeleteIntentionById(id(parts)?))),
    },
    Route {
        method: "GET",
        pattern: "/v1/connect/intentions/match",
        needs: Needs::Permission(Resource::Intention),
        parse: match_intentions,
    },
    Route {
        method: "GET",
        pattern: "/v1/connect/intentions/check",
        needs: Needs::Permission(Resource::Intention),
        parse: check,
    },
    Route {
        method: "GET",
        pattern: "/v1/connect/intentions/exact",
        needs: Needs::Permission(Resource::Intention),
        parse: |parts| Ok(Request::Query(Query::IntentionExact(pair(parts)?))),
    },
    Route {
        method: "PUT",
        pattern: "/v1/connect/intentions/exact",
        needs: Needs::Permission(Resource::Intention),
        parse: |parts| {
            let pair = pair(parts)?;
            let body = body::strict(&parts.body, "Failed to decode request body")?;
            Ok(Request::Write(Write::PutIntention {
                pair,
                body: Box::new(body),
            }))
        },
    },
    Route {
        method: "DELETE",
        pattern: "/v1/connect/intentions/exact",
        needs: Needs::Permission(Resource::Intention),
        parse: |parts| Ok(Request::Write(Write::DeleteIntention(pair(parts)?))),
    },
    Route {
        method: "GET",
        pattern: "/v1/discovery-chain/",
        needs: Needs::Permission(Resource::Service),
        parse: |parts| Ok(Request::Query(Query::DiscoveryChain(chain(parts)?))),
    },
    Route {
        method: "POST",
        pattern: "/v1/discovery-chain/",
        needs: Needs::Permission(Resource::Service),
        parse: overridden_chain,
    },
];

fn roots(parts: &Parts<'_>) -> Result<Request, Error> {
    let pem = match parts.params.text("pem") {
        "" => false,
        text => parse_bool(text).ok_or_else(|| {
            Error::bad_request("The 'pem' query parameter must be a boolean value")
        })?,
    };
    Ok(Request::Query(Query::CaRoots { pem }))
}

fn authorize(parts: &Parts<'_>) -> Result<Request, Error> {
    #[derive(Default, serde::Deserialize)]
    #[serde(default, rename_all = "PascalCase")]
    struct Authorize {
        target: Name,
        #[serde(rename = "ClientCertURI")]
        client_cert_uri: String,
        #[serde(rename = "ClientCertSerial")]
        _serial: String,
    }
    parts.refuse_tenancy()?;
    let body: Authorize = body::strict(&parts.body, "Request decode failed")?;
    let target = ServiceName::new(body.target);
    Ok(Request::Query(Query::Authorize {
        target,
        client_cert_uri: body.client_cert_uri,
    }))
}

fn refused(text: impl Into<String>) -> Error {
    CallError::Refused(text.into()).into()
}

fn id(parts: &Parts<'_>) -> Result<String, Error> {
    parts.refuse_tenancy()?;
    parts
        .name("Missing intention ID")
        .map(|id| id.as_str().to_owned())
}

fn put_by_id(parts: &Parts<'_>, id: Option<String>) -> Result<Request, Error> {
    parts.refuse_tenancy()?;
    // what cannot be read is refused as a server refuses, not as a bad request, as in the reference
    let body: IntentionByIdBody = body::strict(&parts.body, "Failed to decode request body")
        .map_err(|error| refused(error.text()))?;
    for (field, name) in [
        ("SourceNS", &body.source_ns),
        ("SourcePartition", &body.source_partition),
        ("DestinationNS", &body.destination_ns),
        ("DestinationPartition", &body.destination_partition),
    ] {
        if !name.is_empty() && !name.eq_ignore_ascii_case(tribune_types::names::DEFAULT) {
            return Err(Error::bad_request(format!(
                "Invalid {field}({name}): namespaces and partitions are a Consul Enterprise feature; only \"default\" exists"
            )));
        }
    }
    Ok(Request::Write(Write::PutIntentionById {
        id,
        body: Box::new(body),
    }))
}

fn match_intentions(parts: &Parts<'_>) -> Result<Request, Error> {
    parts.refuse_tenancy()?;
    let by = match parts.params.value("by") {
        Some("source") => MatchBy::Source,
        Some("destination") => MatchBy::Destination,
        Some(_) => {
            return Err(refused(
                "'by' parameter must be one of 'source' or 'destination'",
            ));
        }
        None => return Err(refused("required query parameter 'by' not set")),
    };
    let names: Vec<_> = parts
        .params
        .all("name")
        .map(|name| Ok((name.to_owned(), service(name, "name")?)))
        .collect::<Result<_, Error>>()?;
    if names.is_empty() {
        return Err(refused("required query parameter 'name' not set"));
    }
    Ok(Request::Query(Query::IntentionMatch { by, names }))
}

fn check(parts: &Parts<'_>) -> Result<Request, Error> {
    let source_type = parts.params.text("source-type");
    if !matches!(source_type, "" | "consul") {
        return Err(refused(format!(
            "source-type {source_type:?} is not known; the only one is \"consul\""
        )));
    }
    parts.refuse_tenancy()?;
    // names that are empty are looked up like any other
    Ok(Request::Query(Query::IntentionCheck(IntentionPair {
        source: service(required(parts, "source")?, "source")?,
        source_peer: PeerName::default(),
        destination: service(required(parts, "destination")?, "destination")?,
    })))
}

/// A parameter that must be there once.
fn required<'a>(parts: &'a Parts<'_>, name: &str) -> Result<&'a str, Error> {
    let mut values = parts.params.all(name);
    match (values.next(), values.next()) {
        (Some(value), None) => Ok(value),
        (Some(_), Some(_)) => Err(refused(format!("query parameter '{name}' is set twice"))),
        (None, _) => Err(refused(format!(
            "required query parameter '{name}' not set"
        ))),
    }
}

fn pair(parts: &Parts<'_>) -> Result<IntentionPair, Error> {
    parts.refuse_tenancy()?;
    let named = |name| match required(parts, name)? {
        "" => Err(refused(format!("query parameter '{name}' is empty"))),
        value => Ok(value),
    };
    let (source, destination) = (named("source")?, named("destination")?);
    let (source_peer, source) = match source.strip_prefix("peer:") {
        None => ("", source),
        Some(rest) => rest
            .split_once('/')
            .ok_or_else(|| refused("need to specify the service name as well"))?,
    };
    Ok(IntentionPair {
        source: service(source, "source")?,
        source_peer: source_peer.into(),
        destination: service(destination, "destination")?,
    })
}

/// A name as the intention endpoints take it: bare, or behind `default/` or `default/default/`. Behind an
/// empty namespace a partition is not looked at, as in the reference.
fn service(text: &str, parameter: &str) -> Result<ServiceName, Error> {
    if text.starts_with("peer:") {
        return Err(refused(format!(
            "{parameter} {text:?} is invalid: cannot specify a peer here"
        )));
    }
    let mut segments = text.split('/').rev();
    let name = segments.next().unwrap_or_default();
    let tenancy: Vec<_> = segments.collect();
    if tenancy.len() > 2 {
        return Err(refused(format!(
            "{parameter} {text:?} is invalid: input can contain at most two '/'"
        )));
    }
    let mut tenancy = tenancy.iter().take_while(|part| !part.is_empty());
    match tenancy.find(|part| !part.eq_ignore_ascii_case("default")) {
        None => Ok(ServiceName::new(name)),
        Some(part) => Err(refused(format!(
            "{parameter} {text:?} is invalid: {part:?} is no namespace or partition; only \"default\" exists"
        ))),
    }
}

fn chain(parts: &Parts<'_>) -> Result<ChainQuery, Error> {
    parts.refuse_tenancy()?;
    let service = ServiceName::new(parts.name("Missing chain name")?);
    Ok(ChainQuery {
        service,
        datacenter: parts.params.text("compile-dc").to_owned(),
        ..ChainQuery::default()
    })
}

/// A duration as the reference reads this one: a text that says something, or whatever counts as a number.
#[derive(Default)]
struct Timeout(GoDuration);

impl<'de> Deserialize<'de> for Timeout {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Loose;
        impl Visitor<'_> for Loose {
            type Value = Timeout;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration such as \"1m30s\", or a number of nanoseconds")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Timeout, E> {
                text.parse().map(Timeout).map_err(E::custom)
            }

            fn visit_bool<E: de::Error>(self, flag: bool) -> Result<Timeout, E> {
                self.visit_i64(flag.into())
            }

            fn visit_i64<E: de::Error>(self, nanos: i64) -> Result<Timeout, E> {
                Ok(Timeout(GoDuration::from_nanos(nanos)))
            }

            fn visit_u64<E: de::Error>(self, nanos: u64) -> Result<Timeout, E> {
                self.visit_i64(i64::try_from(nanos).unwrap_or(i64::MAX))
            }

            #[expect(
                clippy::cast_possible_truncation,
                reason = "a fraction of a nanosecond is none"
            )]
            fn visit_f64<E: de::Error>(self, nanos: f64) -> Result<Timeout, E> {
                self.visit_i64(nanos as i64)
            }
        }
        deserializer.deserialize_any(Loose)
    }
}

fn overridden_chain(parts: &Parts<'_>) -> Result<Request, Error> {
    #[derive(Default, serde::Deserialize)]
    #[serde(default, rename_all = "PascalCase")]
    struct Overrides {
        override_protocol: String,
        override_connect_timeout: Timeout,
        override_mesh_gateway: MeshGateway,
    }
    let chain = chain(parts)?;
    let options = Options {
        unknown: Unknown::Ignore,
        ..Options::WEAK
    };
    let body: Overrides = body::decode(&parts.body, "Request decoding failed", options)?;
    let mode = &body.override_mesh_gateway.mode;
    if !matches!(mode.as_str(), "" | "none" | "local" | "remote") {
        let text = format!(
            "Invalid OverrideMeshGateway.Mode parameter: {mode:?} is none of none, local and remote"
        );
        return Err(Error::bad_request(text));
    }
    Ok(Request::Query(Query::DiscoveryChain(ChainQuery {
        protocol: body.override_protocol,
        connect_timeout: body.override_connect_timeout.0,
        mesh_gateway: body.override_mesh_gateway,
        ..chain
    })))
}
