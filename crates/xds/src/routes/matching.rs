//! Which requests a route is about.

use envoy_types::pb::envoy::config::route::v3 as route;
use envoy_types::pb::envoy::r#type::matcher::v3::{RegexMatcher, StringMatcher, string_matcher};
use route::header_matcher::HeaderMatchSpecifier;
use route::query_parameter_matcher::QueryParameterMatchSpecifier;
use route::route_match::PathSpecifier;
use string_matcher::MatchPattern;
use tribune_types::config_entry::{RouteHeaderMatch, RouteHttpMatch, RouteQueryMatch};

use crate::wire::bool_value;

/// What every request matches.
pub(super) fn everything() -> route::RouteMatch {
    path(PathSpecifier::Prefix("/".to_owned()))
}

fn path(path: PathSpecifier) -> route::RouteMatch {
    route::RouteMatch {
        path_specifier: Some(path),
        ..Default::default()
    }
}

/// What the requests of a route match; the expression or the name that Envoy would refuse, and with it every
/// route of the chain.
pub(super) fn of(http: Option<&RouteHttpMatch>) -> Result<route::RouteMatch, String> {
    let Some(http) = http else {
        return Ok(everything());
    };
    let specifier = if !http.path_exact.is_empty() {
        PathSpecifier::Path(http.path_exact.clone())
    } else if !http.path_prefix.is_empty() {
        PathSpecifier::Prefix(http.path_prefix.clone())
    } else if !http.path_regex.is_empty() {
        PathSpecifier::SafeRegex(regex(&http.path_regex)?)
    } else {
        PathSpecifier::Prefix("/".to_owned())
    };
    let mut matching = path(specifier);
    if http.case_insensitive {
        matching.case_sensitive = bool_value(false);
    }
    for header in &http.header {
        matching.headers.push(header_match(header)?);
    }
    if !http.methods.is_empty() {
        let methods = RouteHeaderMatch {
            name: ":method".to_owned(),
            regex: http.methods.join("|"),
            ..RouteHeaderMatch::default()
        };
        matching.headers.push(header_match(&methods)?);
    }
    for param in &http.query_param {
        matching.query_parameters.push(query_match(param)?);
    }
    Ok(matching)
}

fn header_match(header: &RouteHeaderMatch) -> Result<route::HeaderMatcher, String> {
    if header.name.contains(['\0', '\r', '\n']) {
        return Err(header.name.clone());
    }
    let text = |pattern| HeaderMatchSpecifier::StringMatch(string(pattern));
    let specifier = if !header.exact.is_empty() {
        text(MatchPattern::Exact(header.exact.clone()))
    } else if !header.regex.is_empty() {
        text(MatchPattern::SafeRegex(regex(&header.regex)?))
    } else if !header.prefix.is_empty() {
        text(MatchPattern::Prefix(header.prefix.clone()))
    } else if !header.suffix.is_empty() {
        text(MatchPattern::Suffix(header.suffix.clone()))
    } else {
        HeaderMatchSpecifier::PresentMatch(true)
    };
    Ok(route::HeaderMatcher {
        name: header.name.clone(),
        header_match_specifier: Some(specifier),
        invert_match: header.invert,
        ..Default::default()
    })
}

fn query_match(param: &RouteQueryMatch) -> Result<route::QueryParameterMatcher, String> {
    let text = |pattern| QueryParameterMatchSpecifier::StringMatch(string(pattern));
    let specifier = if !param.exact.is_empty() {
        text(MatchPattern::Exact(param.exact.clone()))
    } else if !param.regex.is_empty() {
        text(MatchPattern::SafeRegex(regex(&param.regex)?))
    } else {
        QueryParameterMatchSpecifier::PresentMatch(true)
    };
    Ok(route::QueryParameterMatcher {
        name: param.name.clone(),
        query_parameter_match_specifier: Some(specifier),
    })
}

fn string(pattern: MatchPattern) -> StringMatcher {
    StringMatcher {
        match_pattern: Some(pattern),
        ..Default::default()
    }
}

fn regex(expression: &str) -> Result<RegexMatcher, String> {
    match regex_syntax::parse(expression) {
        Ok(_) => Ok(RegexMatcher {
            regex: expression.to_owned(),
            ..Default::default()
        }),
        Err(_) => Err(expression.to_owned()),
    }
}
