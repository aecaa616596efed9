//! Rules as Envoy's filters.

use std::collections::BTreeMap;

use envoy_types::pb::envoy::config::rbac::v3 as rbac;
use envoy_types::pb::envoy::config::route::v3::{
    HeaderMatcher, header_matcher::HeaderMatchSpecifier,
};
use envoy_types::pb::envoy::extensions::filters::{http, network};
use envoy_types::pb::envoy::r#type::matcher::v3 as matcher;
use envoy_types::pb::google::protobuf::Any;
use matcher::string_matcher::MatchPattern;
use prost::Message;
use rbac::permission::Rule;
use rbac::principal::Identifier;
use tribune_types::ServiceName;
use tribune_types::config_entry::{Action, HeaderMatch, HeaderValue, HttpPermission, PathMatch};

use super::{Policy, Principal, Requests, Rules};
use crate::names::spiffe_pattern;
use crate::wire::type_url;

/// The network filter and the HTTP filter that enforce the rules.
pub(crate) fn filters(rules: &Rules<'_>, trust_domain: &str) -> (Any, Any) {
    let rules = SortedRules {
        action: match rules.action {
            Action::Allow => rbac::rbac::Action::Allow,
            Action::Deny => rbac::rbac::Action::Deny,
        }
        .into(),
        policies: rules
            .policies
            .iter()
            .map(|(name, rule)| (name.clone(), policy(rule, trust_domain)))
            .collect(),
    };
    let http = HttpFilter {
        rules: Some(rules.clone()),
    };
    let network = NetworkFilter {
        rules: Some(rules),
        stat_prefix: "connect_authz".to_owned(),
    };
    (
        Any {
            type_url: type_url::<network::rbac::v3::Rbac>(),
            value: network.encode_to_vec(),
        },
        Any {
            type_url: type_url::<http::rbac::v3::Rbac>(),
            value: http.encode_to_vec(),
        },
    )
}

fn policy(policy: &Policy<'_>, trust_domain: &str) -> rbac::Policy {
    rbac::Policy {
        principals: policy
            .principals
            .iter()
            .map(|source| principal(source, trust_domain))
            .collect(),
        permissions: policy.permissions.iter().map(permission).collect(),
        ..Default::default()
    }
}

// === principals ===

fn principal(principal: &Principal<'_>, trust_domain: &str) -> rbac::Principal {
    let source = certificate_of(principal.source, trust_domain);
    if principal.except.is_empty() {
        return source;
    }
    let except = principal.except.iter().map(|other| {
        let other = certificate_of(other, trust_domain);
        rbac::Principal {
            identifier: Some(Identifier::NotId(Box::new(other))),
        }
    });
    let ids = std::iter::once(source).chain(except).collect();
    rbac::Principal {
        identifier: Some(Identifier::AndIds(rbac::principal::Set { ids })),
    }
}

fn certificate_of(source: &ServiceName, trust_domain: &str) -> rbac::Principal {
    let name = regex(&spiffe_pattern(trust_domain, source));
    let authenticated = rbac::principal::Authenticated {
        principal_name: Some(string(name, false)),
    };
    rbac::Principal {
        identifier: Some(Identifier::Authenticated(authenticated)),
    }
}

// === permissions ===

fn permission(requests: &Requests<'_>) -> rbac::Permission {
    let covered = requests.covered.map_or_else(any, http_permission);
    if requests.except.is_empty() {
        return covered;
    }
    let except = requests
        .except
        .iter()
        .map(|other| rule(Rule::NotRule(Box::new(http_permission(other)))));
    all(std::iter::once(covered).chain(except).collect())
}

fn http_permission(http: &HttpPermission) -> rbac::Permission {
    let mut parts: Vec<_> = path(&http.path).into_iter().collect();
    parts.extend(http.headers.iter().map(header));
    if !http.methods.is_empty() {
        let pattern = regex(&http.methods.join("|"));
        parts.push(header_rule(
            ":method",
            HeaderMatchSpecifier::StringMatch(string(pattern, false)),
            false,
        ));
    }
    match parts.len() {
        0 => any(),
        1 => parts.remove(0),
        _ => all(parts),
    }
}

fn path(path: &PathMatch) -> Option<rbac::Permission> {
    let pattern = match path {
        PathMatch::Any => return None,
        PathMatch::Exact(path) => MatchPattern::Exact(path.clone()),
        PathMatch::Prefix(prefix) => MatchPattern::Prefix(prefix.clone()),
        PathMatch::Regex(expression) => regex(expression),
    };
    let matcher = matcher::PathMatcher {
        rule: Some(matcher::path_matcher::Rule::Path(string(pattern, false))),
    };
    Some(rule(Rule::UrlPath(matcher)))
}

fn header(header: &HeaderMatch) -> rbac::Permission {
    let pattern = match &header.value {
        HeaderValue::Present => {
            return header_rule(
                &header.name,
                HeaderMatchSpecifier::PresentMatch(true),
                header.invert,
            );
        }
        HeaderValue::Exact(value) => MatchPattern::Exact(value.clone()),
        HeaderValue::Prefix(value) => MatchPattern::Prefix(value.clone()),
        HeaderValue::Suffix(value) => MatchPattern::Suffix(value.clone()),
        HeaderValue::Contains(value) => MatchPattern::Contains(value.clone()),
        HeaderValue::Regex(expression) => regex(expression),
    };
    let specifier = HeaderMatchSpecifier::StringMatch(string(pattern, header.ignore_case));
    header_rule(&header.name, specifier, header.invert)
}

fn header_rule(
    name: &str,
    specifier: HeaderMatchSpecifier,
    invert_match: bool,
) -> rbac::Permission {
    rule(Rule::Header(HeaderMatcher {
        name: name.to_owned(),
        header_match_specifier: Some(specifier),
        invert_match,
        ..Default::default()
    }))
}

// === parts ===

const fn rule(rule: Rule) -> rbac::Permission {
    rbac::Permission { rule: Some(rule) }
}

const fn any() -> rbac::Permission {
    rule(Rule::Any(true))
}

const fn all(rules: Vec<rbac::Permission>) -> rbac::Permission {
    rule(Rule::AndRules(rbac::permission::Set { rules }))
}

const fn string(pattern: MatchPattern, ignore_case: bool) -> matcher::StringMatcher {
    matcher::StringMatcher {
        match_pattern: Some(pattern),
        ignore_case,
    }
}

fn regex(expression: &str) -> MatchPattern {
    MatchPattern::SafeRegex(matcher::RegexMatcher {
        regex: expression.to_owned(),
        ..Default::default()
    })
}

// === messages whose maps are encoded in the order of their keys ===

/// `envoy.config.rbac.v3.RBAC`
#[derive(Clone, PartialEq, Message)]
struct SortedRules {
    #[prost(enumeration = "rbac::rbac::Action", tag = "1")]
    action: i32,
    #[prost(btree_map = "string, message", tag = "2")]
    policies: BTreeMap<String, rbac::Policy>,
}

/// `envoy.extensions.filters.network.rbac.v3.RBAC`
#[derive(Clone, PartialEq, Message)]
struct NetworkFilter {
    #[prost(message, optional, tag = "1")]
    rules: Option<SortedRules>,
    #[prost(string, tag = "3")]
    stat_prefix: String,
}

/// `envoy.extensions.filters.http.rbac.v3.RBAC`
#[derive(Clone, PartialEq, Message)]
struct HttpFilter {
    #[prost(message, optional, tag = "1")]
    rules: Option<SortedRules>,
}
