//! `service-router`: where the requests to a service go, by what they ask for.

use serde::{Deserialize, Serialize};

use super::header_modifiers::HeaderModifiers;
use super::invalid::{Invalid, Problems, Reason};
use super::permission::METHODS;
use super::upstream::{wrapping, wrapping_list};
use super::{Ignored, checks};
use crate::{GoDuration, Meta, ServiceName, is_default};

/// What a failed request may be tried again for.
const RETRY_ON: &[&str] = &[
    "5xx",
    "gateway-error",
    "reset",
    "connect-failure",
    "envoy-ratelimited",
    "retriable-4xx",
    "refused-stream",
    "cancelled",
    "deadline-exceeded",
    "internal",
    "resource-exhausted",
    "unavailable",
];

/// A `service-router` entry as a client wrote it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct RawServiceRouter {
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
    /// The service.
    pub name: String,
    /// The first one that matches decides; what none matches goes to the service itself. Absent and empty
    /// print differently.
    pub routes: Option<Vec<Route>>,
    /// Free-form pairs.
    #[serde(skip_serializing_if = "Meta::is_empty")]
    pub meta: Meta,
}

/// Some requests, and where they go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Route {
    /// Which requests; all where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r#match: Option<RouteMatch>,
    /// Where they go; to the service itself where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination: Option<RouteDestination>,
}

/// Which requests a route is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct RouteMatch {
    /// By what HTTP says of them.
    #[serde(rename = "HTTP", skip_serializing_if = "Option::is_none")]
    pub http: Option<RouteHttpMatch>,
}

/// What HTTP says of a request; everything that is given must match.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct RouteHttpMatch {
    /// The whole path. Once checked, there is at most one of the three forms.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path_exact: String,
    /// What the path starts with.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path_prefix: String,
    /// A regular expression that the whole path matches; not checked, as in Consul.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path_regex: String,
    /// Whether paths match whatever their case.
    #[serde(skip_serializing_if = "is_default")]
    pub case_insensitive: bool,
    /// Headers, all of which must match.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub header: Vec<RouteHeaderMatch>,
    /// Parameters of the query, all of which must match.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub query_param: Vec<RouteQueryMatch>,
    /// Methods, one of which must match; in upper case once checked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub methods: Vec<String>,
}

/// A header of a request. Once checked, it is matched in exactly one way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct RouteHeaderMatch {
    /// Name of the header.
    pub name: String,
    /// It is there.
    #[serde(skip_serializing_if = "is_default")]
    pub present: bool,
    /// It is this value.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub exact: String,
    /// It starts with this.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub prefix: String,
    /// It ends with this.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub suffix: String,
    /// All of it matches this regular expression.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub regex: String,
    /// Whether what would match does not, and the reverse.
    #[serde(skip_serializing_if = "is_default")]
    pub invert: bool,
}

/// A parameter of the query. Once checked, it is matched in exactly one way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct RouteQueryMatch {
    /// Name of the parameter.
    pub name: String,
    /// It is there.
    #[serde(skip_serializing_if = "is_default")]
    pub present: bool,
    /// It is this value.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub exact: String,
    /// All of it matches this regular expression.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub regex: String,
}

/// Where requests go, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct RouteDestination {
    /// The service; the router's own where empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub service: String,
    /// A subset of its instances, which is not split any further; as its resolver says where empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub service_subset: String,
    /// Taken and without meaning: there is one namespace.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Taken and without meaning: there is one partition.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub partition: String,
    /// What takes the place of the matched path or prefix.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub prefix_rewrite: String,
    /// Time that a whole request may take; not set unless positive.
    #[serde(skip_serializing_if = "GoDuration::is_zero")]
    pub request_timeout: GoDuration,
    /// Time that nothing may move; not set unless positive.
    #[serde(skip_serializing_if = "GoDuration::is_zero")]
    pub idle_timeout: GoDuration,
    /// How often a failed request is tried again. A negative number wraps around, as in Consul.
    #[serde(skip_serializing_if = "is_default", deserialize_with = "wrapping")]
    pub num_retries: u32,
    /// Whether it is tried again where no connection was made.
    #[serde(skip_serializing_if = "is_default")]
    pub retry_on_connect_failure: bool,
    /// In which other cases it is tried again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub retry_on: Vec<String>,
    /// After which statuses it is tried again.
    #[serde(
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "wrapping_list"
    )]
    pub retry_on_status_codes: Vec<u32>,
    /// What is done to the headers of requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_headers: Option<HeaderModifiers>,
    /// What is done to the headers of responses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_headers: Option<HeaderModifiers>,
}

/// A checked `service-router` entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceRouter(RawServiceRouter);

// === impl ServiceRouter ===

impl ServiceRouter {
    /// Its fields, normalised.
    #[must_use]
    pub const fn raw(&self) -> &RawServiceRouter {
        &self.0
    }

    /// The service that it is about.
    #[must_use]
    pub fn service(&self) -> ServiceName {
        ServiceName::new(self.0.name.as_str())
    }

    /// Its routes in their order.
    #[must_use]
    pub fn routes(&self) -> &[Route] {
        self.0.routes.as_deref().unwrap_or_default()
    }

    /// The services that requests go to, the router's own among them.
    pub fn related(&self) -> impl Iterator<Item = ServiceName> {
        let destinations = self.routes().iter().filter_map(|route| {
            let destination = route.destination.as_ref()?;
            (!destination.service.is_empty()).then_some(destination.service.as_str())
        });
        std::iter::once(self.0.name.as_str())
            .chain(destinations)
            .map(ServiceName::new)
    }
}

impl TryFrom<RawServiceRouter> for ServiceRouter {
    type Error = Invalid;

    fn try_from(mut raw: RawServiceRouter) -> Result<Self, Invalid> {
        let mut problems = Problems::default();
        checks::name(&mut problems, "Name", &raw.name);
        checks::meta(&mut problems, "Meta", &raw.meta);
        for (i, route) in raw.routes.iter_mut().flatten().enumerate() {
            route.check(&mut problems, &format!("Routes[{i}]"));
        }
        problems.finish()?;
        Ok(Self(raw))
    }
}

// === impl Route ===

impl Route {
    /// What HTTP says of its requests, if it asks for anything.
    #[must_use]
    pub fn http(&self) -> Option<&RouteHttpMatch> {
        self.r#match.as_ref()?.http.as_ref()
    }

    fn check(&mut self, problems: &mut Problems, at: &str) {
        let http = self
            .r#match
            .as_mut()
            .and_then(|matching| matching.http.as_mut());
        let rewritable = http.is_some_and(|http| {
            http.check(problems, &format!("{at}.Match.HTTP"));
            !http.path_exact.is_empty() || !http.path_prefix.is_empty()
        });
        let Some(destination) = &self.destination else {
            return;
        };
        problems.add_if(
            !destination.prefix_rewrite.is_empty() && !rewritable,
            &format!("{at}.Destination.PrefixRewrite"),
            Reason::Forbidden("unless the match has a PathExact or a PathPrefix"),
        );
        for (i, condition) in destination.retry_on.iter().enumerate() {
            let field = format!("{at}.Destination.RetryOn[{i}]");
            problems.one_of(&field, condition, RETRY_ON);
        }
    }
}

// === impl RouteHttpMatch ===

impl RouteHttpMatch {
    fn check(&mut self, problems: &mut Problems, at: &str) {
        for (field, path) in [
            ("PathExact", &self.path_exact),
            ("PathPrefix", &self.path_prefix),
        ] {
            if !path.is_empty() && !path.starts_with('/') {
                let reason = Reason::Malformed {
                    value: path.clone(),
                    expected: "a path, which starts with \"/\"",
                };
                problems.add(format!("{at}.{field}"), reason);
            }
        }
        let paths = [&self.path_exact, &self.path_prefix, &self.path_regex];
        problems.add_if(
            paths.iter().filter(|path| !path.is_empty()).count() > 1,
            at,
            Reason::AtMostOne("PathExact, PathPrefix and PathRegex"),
        );
        for (i, header) in self.header.iter().enumerate() {
            let at = format!("{at}.Header[{i}]");
            let texts = [&header.exact, &header.prefix, &header.suffix, &header.regex];
            let ways = count(header.present, &texts);
            named_and_matched_once(problems, &at, &header.name, ways, HEADER_WAYS);
        }
        for (i, param) in self.query_param.iter().enumerate() {
            let at = format!("{at}.QueryParam[{i}]");
            let ways = count(param.present, &[&param.exact, &param.regex]);
            named_and_matched_once(problems, &at, &param.name, ways, QUERY_WAYS);
        }
        for i in 0..self.methods.len() {
            self.methods[i].make_ascii_uppercase();
            let (before, method) = (&self.methods[..i], &self.methods[i]);
            let at = format!("{at}.Methods[{i}]");
            problems.one_of(&at, method, METHODS);
            problems.add_if(
                before.contains(method),
                &at,
                Reason::Duplicate(method.clone()),
            );
        }
    }
}

const HEADER_WAYS: &str = "Present, Exact, Prefix, Suffix and Regex";
const QUERY_WAYS: &str = "Present, Exact and Regex";

fn count(present: bool, texts: &[&String]) -> usize {
    usize::from(present) + texts.iter().filter(|text| !text.is_empty()).count()
}

fn named_and_matched_once(
    problems: &mut Problems,
    at: &str,
    name: &str,
    ways: usize,
    allowed: &'static str,
) {
    problems.add_if(name.is_empty(), &format!("{at}.Name"), Reason::Required);
    problems.add_if(ways != 1, at, Reason::ExactlyOne(allowed));
}
