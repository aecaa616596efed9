//! The table of routes, and how a path finds its place in it.

use bytes::Bytes;
use percent_encoding::percent_decode_str;
use tribune_acl::Resource;
use tribune_types::call::{Request, StreamRequest};
use tribune_types::{Name, NodeName, ServiceName};

use crate::error::Error;
use crate::params::Params;
use crate::routes;

/// What a route needs before its request is parsed. Which thing is acted on is known, and decided on,
/// only later: this keeps out whoever could not be allowed any.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Needs {
    /// Nothing: the answer is for everybody.
    Nothing,
    /// Nothing, as rows that may not be seen are left out.
    RowsAreFiltered,
    /// A permission on a thing of this kind.
    Permission(Resource),
}

/// One method of one path.
pub(crate) struct Route {
    pub(crate) method: &'static str,
    /// A whole path or, ended by `/`, the start of one whose rest is a name.
    pub(crate) pattern: &'static str,
    pub(crate) needs: Needs,
    pub(crate) parse: fn(&Parts<'_>) -> Result<Request, Error>,
}

/// One method of one path whose body, or that of its answer, goes by piece by piece.
pub(crate) struct StreamRoute {
    pub(crate) method: &'static str,
    /// A whole path.
    pub(crate) pattern: &'static str,
    pub(crate) needs: Needs,
    pub(crate) parse: fn(&Parts<'_>) -> Result<StreamRequest, Error>,
}

/// What a method and a path lead to.
#[derive(Clone, Copy)]
pub(crate) enum Found {
    Call(&'static Route),
    Stream(&'static StreamRoute),
}

/// A request as its route sees it.
pub(crate) struct Parts<'a> {
    /// What of the path follows the pattern, percent-decoded.
    pub(crate) rest: String,
    pub(crate) params: Params<'a>,
    pub(crate) headers: &'a http::HeaderMap,
    pub(crate) body: Bytes,
}

impl Parts<'_> {
    /// The rest of the path, which must say something.
    pub(crate) fn name(&self, missing: &str) -> Result<Name, Error> {
        if self.rest.is_empty() {
            return Err(Error::bad_request(missing));
        }
        Ok(self.rest.as_str().into())
    }

    pub(crate) fn service(&self) -> Result<ServiceName, Error> {
        self.refuse_tenancy()?;
        self.name("Missing service name").map(ServiceName::new)
    }

    /// A node of this cluster: where a node is named, `?peer=` is not looked at.
    pub(crate) fn node(&self) -> Result<NodeName, Error> {
        self.refuse_tenancy()?;
        self.name("Missing node name").map(NodeName::new)
    }

    pub(crate) fn refuse_tenancy(&self) -> Result<(), Error> {
        crate::options::refuse_tenancy(&self.params, self.headers)
    }
}

// === impl Route ===

impl Route {
    /// Whether its requests have a body. Of those that delete something, only the one that deletes a key has.
    pub(crate) fn takes_body(&self) -> bool {
        matches!(self.method, "PUT" | "POST")
            || (self.method == "DELETE" && self.pattern == "/v1/operator/keyring")
    }
}

/// The route of a path and a method, with the rest of the path.
pub(crate) fn find<'p>(method: &str, path: &'p str) -> Result<(Found, &'p str), Error> {
    let (pattern, rest) = longest(path).ok_or_else(|| Error::NoRoute {
        path: path.to_owned(),
    })?;
    let mut of_pattern = everything().filter(|found| found.pattern() == pattern);
    match of_pattern.find(|found| found.method() == method) {
        Some(found) => Ok((found, rest)),
        None => Err(Error::Method {
            method: method.to_owned(),
            allowed: allowed(pattern),
        }),
    }
}

fn everything() -> impl Iterator<Item = Found> {
    let streams = routes::STREAMS.iter().map(Found::Stream);
    routes::all().map(Found::Call).chain(streams)
}

/// The most specific pattern that a path matches.
fn longest(path: &str) -> Option<(&'static str, &str)> {
    let matching = everything().filter_map(|found| {
        let pattern = found.pattern();
        let rest = path.strip_prefix(pattern)?;
        (rest.is_empty() || pattern.ends_with('/')).then_some((pattern, rest))
    });
    matching.max_by_key(|(pattern, _)| pattern.len())
}

fn allowed(pattern: &str) -> String {
    let mut methods = vec!["OPTIONS"];
    methods.extend(
        everything()
            .filter(|found| found.pattern() == pattern)
            .map(Found::method),
    );
    methods.join(",")
}

// === impl Found ===

impl Found {
    pub(crate) const fn needs(self) -> Needs {
        match self {
            Self::Call(route) => route.needs,
            Self::Stream(route) => route.needs,
        }
    }

    const fn method(self) -> &'static str {
        match self {
            Self::Call(route) => route.method,
            Self::Stream(route) => route.method,
        }
    }

    const fn pattern(self) -> &'static str {
        match self {
            Self::Call(route) => route.pattern,
            Self::Stream(route) => route.pattern,
        }
    }
}

/// The percent-decoded rest of a path, refused where it has characters that cannot be printed.
pub(crate) fn decode(rest: &str) -> Result<String, Error> {
    let decoded = percent_decode_str(rest).decode_utf8().map_err(|_| {
        Error::bad_request("Invalid URL path: its percent-encoded bytes are not UTF-8")
    })?;
    match decoded.chars().position(char::is_control) {
        Some(at) => Err(Error::bad_request(format!(
            "Invalid URL path: character {} of the name is not printable",
            at + 1
        ))),
        None => Ok(decoded.into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_finds_its_most_specific_route() {
        let found = |method, path| {
            find(method, path)
                .map(|(found, rest)| (found.pattern(), rest))
                .map_err(|e| e.status().as_u16())
        };
        assert_eq!(
            found("GET", "/v1/catalog/services"),
            Ok(("/v1/catalog/services", ""))
        );
        assert_eq!(
            found("GET", "/v1/catalog/service/web"),
            Ok(("/v1/catalog/service/", "web"))
        );
        assert_eq!(
            found("GET", "/v1/catalog/service/a/b"),
            Ok(("/v1/catalog/service/", "a/b"))
        );
        assert_eq!(found("GET", "/v1/catalog"), Err(404));
        assert_eq!(found("GET", "/V1/catalog/services"), Err(404));
        assert_eq!(found("DELETE", "/v1/catalog/nodes"), Err(405));
        assert_eq!(found("GET", "/v1/agent/self/"), Err(404));
    }

    #[test]
    fn a_refused_method_is_told_which_are_taken() {
        let Err(Error::Method { allowed, .. }) = find("POST", "/v1/connect/ca/configuration")
        else {
            panic!()
        };
        assert_eq!(allowed, "OPTIONS,GET,PUT");
    }

    #[test]
    fn a_name_that_cannot_be_printed_is_refused() {
        assert_eq!(decode("a%20b").unwrap(), "a b");
        assert!(decode("a%00b").is_err());
        assert!(decode("%ff").is_err());
    }

    #[test]
    fn every_pattern_has_a_method_once() {
        let mut seen = std::collections::BTreeSet::new();
        for found in everything() {
            let (method, pattern) = (found.method(), found.pattern());
            assert!(seen.insert((pattern, method)), "{method} {pattern}");
            assert!(pattern.starts_with("/v1/"), "{pattern}");
        }
    }
}
