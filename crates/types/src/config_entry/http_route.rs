//! `http-route`: where requests to the listeners of API gateways go.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};

use super::api_gateway::EnterpriseOnly;
use super::reference::{ResourceReference, Status};
use super::{GatewayRoute, Ignored};
use crate::{GoDuration, Meta, ServiceName};

mod check;

pub(super) use check::parents;

/// An `http-route` entry as a client wrote it. Absent and empty lists print differently.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct RawHttpRoute {
    /// Ignored: the kind is known before the fields are read.
    #[serde(skip_serializing)]
    pub kind: Ignored,
    /// Ignored: writes assign it.
    #[serde(skip_serializing)]
    pub create_index: Ignored,
    /// Ignored: writes assign it.
    #[serde(skip_serializing)]
    pub modify_index: Ignored,
    /// Ignored: computed from the rest.
    #[serde(skip_serializing)]
    pub hash: Ignored,
    /// Its name.
    pub name: String,
    /// The gateways, or the listeners of gateways, that it is for.
    pub parents: Option<Vec<ResourceReference>>,
    /// What happens to requests.
    pub rules: Option<Vec<HttpRouteRule>>,
    /// Hosts that requests ask for; the listener's where none.
    pub hostnames: Option<Vec<String>>,
    /// Free-form pairs.
    #[serde(skip_serializing_if = "Meta::is_empty")]
    pub meta: Meta,
    /// What the control plane says about it; what a client writes is ignored.
    pub status: Status,
}

/// What happens to some requests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct HttpRouteRule {
    /// What happens to them on their way.
    pub filters: HttpFilters,
    /// What happens to their responses.
    pub response_filters: HttpResponseFilters,
    /// Which requests, by one of these; every one where none.
    pub matches: Option<Vec<HttpMatch>>,
    /// Where they go.
    pub services: Option<Vec<HttpService>>,
}

/// Requests that are alike in all of these.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct HttpMatch {
    /// Headers, all of which match.
    pub headers: Option<Vec<HttpHeaderMatch>>,
    /// The method in upper case; any where empty.
    pub method: String,
    /// The path.
    pub path: HttpPathMatch,
    /// Parameters of the query, all of which match.
    pub query: Option<Vec<HttpQueryMatch>>,
}

/// A header.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct HttpHeaderMatch {
    /// `exact`, `prefix`, `present`, `regex` or `suffix`.
    pub r#match: String,
    /// Its name.
    pub name: String,
    /// What its value is compared with.
    pub value: String,
}

/// A path.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct HttpPathMatch {
    /// `exact`, `prefix` or `regex`.
    pub r#match: String,
    /// What it is compared with.
    pub value: String,
}

/// A parameter of a query.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct HttpQueryMatch {
    /// `exact`, `present` or `regex`.
    pub r#match: String,
    /// Its name.
    pub name: String,
    /// What its value is compared with.
    pub value: String,
}

/// What happens to requests on their way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct HttpFilters {
    /// Their headers.
    pub headers: Option<Vec<HttpHeaderFilter>>,
    /// Their path.
    #[serde(rename = "URLRewrite")]
    pub url_rewrite: Option<UrlRewrite>,
    /// When they are tried again.
    pub retry_filter: Option<RetryFilter>,
    /// How long they may take.
    pub timeout_filter: Option<TimeoutFilter>,
    /// What their JWT must say.
    #[serde(rename = "JWT")]
    pub jwt: Option<EnterpriseOnly>,
}

/// What happens to responses on their way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct HttpResponseFilters {
    /// Their headers.
    pub headers: Option<Vec<HttpHeaderFilter>>,
}

/// What happens to headers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct HttpHeaderFilter {
    /// Values that are appended.
    pub add: Option<BTreeMap<String, String>>,
    /// Headers that are taken out.
    pub remove: Option<Vec<String>>,
    /// Values that take the place of what is there.
    pub set: Option<BTreeMap<String, String>>,
}

/// Another path.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct UrlRewrite {
    /// What takes the place of the prefix that matched.
    pub path: String,
}

/// When a request is tried again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct RetryFilter {
    /// How often.
    pub num_retries: u32,
    /// Envoy's conditions.
    pub retry_on: Option<Vec<String>>,
    /// Statuses of the response.
    pub retry_on_status_codes: Option<Vec<u32>>,
    /// Whether where no connection comes about.
    pub retry_on_connect_failure: bool,
}

/// How long a request may take; printed in nanoseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct TimeoutFilter {
    /// All of it.
    #[serde(serialize_with = "nanoseconds")]
    pub request_timeout: GoDuration,
    /// Without anything happening.
    #[serde(serialize_with = "nanoseconds")]
    pub idle_timeout: GoDuration,
}

fn nanoseconds<S: Serializer>(duration: &GoDuration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_i64(duration.as_nanos())
}

/// A service that requests go to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct HttpService {
    /// The service.
    pub name: String,
    /// Its share of the requests; at least 1 once checked.
    pub weight: i64,
    /// What happens to its requests, beside what the rule says.
    pub filters: HttpFilters,
    /// What happens to its responses, beside what the rule says.
    pub response_filters: HttpResponseFilters,
}

/// A checked `http-route` entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpRoute(RawHttpRoute);

impl HttpRoute {
    /// Its fields, normalised.
    #[must_use]
    pub const fn raw(&self) -> &RawHttpRoute {
        &self.0
    }

    /// What happens to requests.
    pub fn rules(&self) -> impl Iterator<Item = &HttpRouteRule> {
        self.0.rules.iter().flatten()
    }

    /// The hosts of a listener's that it is for: the listener's own where it names none, none where they share
    /// none.
    #[must_use]
    pub fn hostnames_on<'a>(&'a self, listener: &'a str) -> Vec<&'a str> {
        let listener = if listener.is_empty() { "*" } else { listener };
        let own = self.0.hostnames.as_deref().unwrap_or_default();
        if own.is_empty() {
            return vec![listener];
        }
        let suffix = listener.trim_start_matches('*').trim_start_matches('.');
        let matching = own.iter().filter(|host| {
            if listener.contains('*') {
                host.ends_with(suffix)
            } else {
                host.as_str() == listener
            }
        });
        matching.map(String::as_str).collect()
    }
}

impl GatewayRoute for HttpRoute {
    fn parents(&self) -> &[ResourceReference] {
        self.0.parents.as_deref().unwrap_or_default()
    }

    fn status(&self) -> &Status {
        &self.0.status
    }

    fn with_status(&self, status: Status) -> Self {
        Self(RawHttpRoute {
            status,
            ..self.0.clone()
        })
    }

    fn services(&self) -> Vec<ServiceName> {
        let services = self.rules().flat_map(|rule| rule.services.iter().flatten());
        services
            .map(|service| ServiceName::new(service.name.as_str()))
            .collect()
    }
}
