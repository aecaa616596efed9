//! `/v1/config…`.

use tribune_acl::Resource;
use tribune_types::call::{CallError, Query, Request, Write};
use tribune_types::config_entry::{Key, Kind};
use tribune_types::{Name, ServiceName};

use crate::body;
use crate::error::Error;
use crate::route::{Needs, Parts, Route};

pub(super) const ROUTES: &[Route] = &[
    Route {
        method: "PUT",
        pattern: "/v1/config",
        needs: Needs::Permission(Resource::Service),
        parse: put,
    },
    Route {
        method: "GET",
        pattern: "/v1/config/",
        needs: Needs::RowsAreFiltered,
        parse: get,
    },
    Route {
        method: "DELETE",
        pattern: "/v1/config/",
        needs: Needs::Permission(Resource::Service),
        parse: delete,
    },
];

fn put(parts: &Parts<'_>) -> Result<Request, Error> {
    parts.refuse_tenancy()?;
    let entry = body::config_entry(&parts.body)?;
    Ok(Request::Write(Write::PutConfigEntry {
        entry: Box::new(entry),
        cas: parts.params.cas()?,
    }))
}

fn get(parts: &Parts<'_>) -> Result<Request, Error> {
    parts.refuse_tenancy()?;
    let (kind, name) = parts.rest.split_once('/').unwrap_or((&parts.rest, ""));
    let kind = kind_of(kind).map_err(|text| Error::from(CallError::Refused(text)))?;
    Ok(Request::Query(if name.is_empty() {
        Query::ConfigEntries(kind)
    } else {
        Query::ConfigEntry(key(kind, name))
    }))
}

fn delete(parts: &Parts<'_>) -> Result<Request, Error> {
    parts.refuse_tenancy()?;
    let (kind, name) = parts.rest.split_once('/').unwrap_or((&parts.rest, ""));
    if kind.is_empty() || name.is_empty() {
        let text = "Must provide both a kind and name to delete".to_owned();
        return Err(CallError::NotFound(text).into());
    }
    let kind = kind_of(kind).map_err(Error::bad_request)?;
    Ok(Request::Write(Write::DeleteConfigEntry {
        key: key(kind, name),
        cas: parts.params.cas()?,
    }))
}

fn kind_of(text: &str) -> Result<Kind, String> {
    Kind::parse(text).map_err(|error| error.to_string())
}

fn key(kind: Kind, name: &str) -> Key {
    Key {
        kind,
        name: ServiceName::new(Name::from(name)),
    }
}
