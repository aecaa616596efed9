use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use envoy_types::pb::envoy::config::rbac::v3 as rbac;
use envoy_types::pb::envoy::config::route::v3::HeaderMatcher;
use envoy_types::pb::envoy::config::route::v3::header_matcher::HeaderMatchSpecifier;
use envoy_types::pb::envoy::extensions::filters::http::rbac::v3::Rbac as HttpRbac;
use envoy_types::pb::envoy::extensions::filters::network::rbac::v3::Rbac as NetworkRbac;
use envoy_types::pb::envoy::r#type::matcher::v3::{
    StringMatcher, path_matcher, string_matcher::MatchPattern,
};
use proptest::prelude::*;
use prost::Message;
use rbac::permission::Rule;
use rbac::principal::Identifier;
use tribune_types::config_entry::{HeaderMatch, JwtRequirement};
use tribune_types::intention::{Request, decide, decide_request};
use tribune_types::{Meta, PeerName};

use super::*;

const TRUST_DOMAIN: &str = "td.consul";

fn intention(source: &str, destination: &str, effect: Effect) -> Intention {
    let wildcards = (source == "*", destination == "*");
    Intention {
        source: ServiceName::new(source),
        peer: PeerName::default(),
        destination: ServiceName::new(destination),
        effect,
        jwt: None,
        precedence: match wildcards {
            (false, false) => 9,
            (true, false) => 8,
            (false, true) => 6,
            (true, true) => 5,
        },
        description: String::new(),
        meta: Meta::new(),
    }
}

fn intentions(all: impl IntoIterator<Item = Intention>, default_allow: bool) -> Intentions {
    let mut all: Vec<_> = all.into_iter().map(Arc::new).collect();
    all.sort_by(|a, b| a.order(b));
    Intentions {
        intentions: all,
        default_allow,
    }
}

fn requests_at(path: PathMatch) -> HttpPermission {
    HttpPermission {
        path,
        headers: Vec::new(),
        methods: Vec::new(),
    }
}

fn permission(action: Action, path: PathMatch) -> Permission {
    Permission {
        action,
        http: requests_at(path),
        jwt: None,
    }
}

fn permissions(all: impl IntoIterator<Item = Permission>) -> Effect {
    Effect::Permissions(all.into_iter().collect())
}

/// Names of the policies, and for each the sources and exceptions of its principals.
fn summary(rules: &Rules<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, policy) in &rules.policies {
        for principal in &policy.principals {
            let except: Vec<_> = principal.except.iter().map(ToString::to_string).collect();
            lines.push(format!(
                "{name}: {} without [{}]",
                principal.source,
                except.join(" ")
            ));
        }
    }
    lines
}

#[test]
fn only_what_differs_from_the_default_becomes_a_policy() {
    let (allow, deny) = (Effect::Action(Action::Allow), Effect::Action(Action::Deny));
    let all = || {
        [
            intention("shop", "api", allow.clone()),
            intention("crawler", "api", deny.clone()),
        ]
    };
    let denied = intentions(all(), false);
    assert_eq!(
        summary(&rules(&denied, true)),
        ["consul-intentions-layer4: shop without []"]
    );
    assert_eq!(rules(&denied, true).action, Action::Allow);
    let allowed = intentions(all(), true);
    assert_eq!(
        summary(&rules(&allowed, true)),
        ["consul-intentions-layer4: crawler without []"]
    );
    assert_eq!(rules(&allowed, true).action, Action::Deny);
}

#[test]
fn a_wildcard_excludes_the_sources_that_were_decided_before_it_last_one_first() {
    let (allow, deny) = (
        || Effect::Action(Action::Allow),
        || Effect::Action(Action::Deny),
    );
    let all = [
        intention("*", "api", allow()),
        intention("a", "api", allow()),
        intention("b", "api", deny()),
        intention("c", "*", deny()),
        intention("d", "*", allow()),
    ];
    let intentions = intentions(all, false);
    assert_eq!(
        summary(&rules(&intentions, true)),
        [
            "consul-intentions-layer4: a without []",
            "consul-intentions-layer4: * without [b a]",
            "consul-intentions-layer4: d without []",
        ],
        "the wildcard decides on c, too: it comes before the intention about any destination"
    );
}

#[test]
fn of_one_source_the_first_intention_counts_and_sources_in_peers_do_not() {
    let (allow, deny) = (Effect::Action(Action::Allow), Effect::Action(Action::Deny));
    let mut peered = intention("b", "api", allow.clone());
    peered.peer = "cloud".into();
    let all = [
        intention("a", "*", allow),
        intention("a", "api", deny),
        peered,
    ];
    assert!(rules(&intentions(all, false), true).policies.is_empty());
}

#[test]
fn policies_of_requests_are_numbered_among_all_that_are_left() {
    let (allow, deny) = (Effect::Action(Action::Allow), Effect::Action(Action::Deny));
    let secret = || {
        permissions([permission(
            Action::Deny,
            PathMatch::Exact("/secret".to_owned()),
        )])
    };
    let open = permissions([permission(Action::Allow, PathMatch::Prefix("/".to_owned()))]);
    let all = [
        intention("a", "api", allow),
        intention("b", "api", deny),
        intention("c", "api", secret()),
        intention("d", "api", open),
        intention("e", "api", secret()),
    ];
    let intentions = intentions(all, true);
    assert_eq!(
        summary(&rules(&intentions, true)),
        [
            "consul-intentions-layer7-1: c without []",
            "consul-intentions-layer7-2: e without []",
            "consul-intentions-layer4: b without []",
        ]
    );
}

#[test]
fn permissions_deny_where_there_are_no_requests_to_look_at() {
    let open = permissions([permission(Action::Allow, PathMatch::Prefix("/".to_owned()))]);
    let all = [
        intention("a", "api", open),
        intention("*", "api", Effect::Action(Action::Allow)),
    ];
    let intentions = intentions(all, false);
    assert_eq!(
        summary(&rules(&intentions, false)),
        ["consul-intentions-layer4: * without [a]"]
    );
}

#[test]
fn a_requirement_that_cannot_be_checked_lets_nothing_through() {
    let jwt = || Some(Arc::new(JwtRequirement::default()));
    for (default_allow, action) in [
        (false, Action::Allow),
        (true, Action::Deny),
        (true, Action::Allow),
    ] {
        let mut only = intention("a", "api", Effect::Action(action));
        only.jwt = jwt();
        let intentions = intentions([only], default_allow);
        let rules = rules(&intentions, true);
        assert!(matches!(rules.problems[..], [Reason::Jwt(_)]));
        assert!(
            !allows(&rules, "a", &("/", "GET", &[])),
            "{default_allow} {action:?}"
        );
    }
}

#[test]
fn an_expression_that_envoy_would_refuse_lets_nothing_through() {
    let bad = || PathMatch::Regex("(".to_owned());
    let all = || PathMatch::Prefix("/".to_owned());
    for default_allow in [false, true] {
        let allowed = permissions([
            permission(Action::Allow, bad()),
            permission(Action::Deny, all()),
        ]);
        let denied = permissions([
            permission(Action::Deny, bad()),
            permission(Action::Allow, all()),
        ]);
        let intentions = intentions(
            [
                intention("a", "api", allowed),
                intention("b", "api", denied),
            ],
            default_allow,
        );
        let rules = rules(&intentions, true);
        assert_eq!(rules.problems.len(), 2);
        for source in ["a", "b"] {
            assert!(
                !allows(&rules, source, &("/x", "GET", &[])),
                "{default_allow} {source}"
            );
        }
    }
}

#[test]
fn a_name_with_a_dot_is_not_another_name() {
    let intentions = intentions(
        [intention("a.b", "api", Effect::Action(Action::Allow))],
        false,
    );
    let rules = rules(&intentions, true);
    assert!(allows(&rules, "a.b", &("/", "GET", &[])));
    assert!(!allows(&rules, "axb", &("/", "GET", &[])));
}

// === what Envoy makes of the filters ===

type Asked<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)]);

/// Whether the HTTP filter lets a source's request through.
fn allows(rules: &Rules<'_>, source: &str, asked: &Asked<'_>) -> bool {
    let (_, http) = filters(rules, TRUST_DOMAIN);
    enforce(
        &HttpRbac::decode(http.value.as_slice())
            .unwrap()
            .rules
            .unwrap(),
        source,
        asked,
    )
}

fn allows_connection(rules: &Rules<'_>, source: &str) -> bool {
    let (network, _) = filters(rules, TRUST_DOMAIN);
    enforce(
        &NetworkRbac::decode(network.value.as_slice())
            .unwrap()
            .rules
            .unwrap(),
        source,
        &("", "", &[]),
    )
}

fn enforce(rules: &rbac::Rbac, source: &str, asked: &Asked<'_>) -> bool {
    let id = crate::names::spiffe_id(TRUST_DOMAIN, &ServiceName::new(source), "dc1");
    let matches = rules.policies.values().any(|policy| {
        policy.principals.iter().any(|principal| is(principal, &id))
            && policy
                .permissions
                .iter()
                .any(|permission| covers_request(permission, asked))
    });
    matches == (rules.action() == rbac::rbac::Action::Allow)
}

fn is(principal: &rbac::Principal, id: &str) -> bool {
    match principal.identifier.as_ref().unwrap() {
        Identifier::AndIds(set) => set.ids.iter().all(|principal| is(principal, id)),
        Identifier::NotId(other) => !is(other, id),
        Identifier::Authenticated(by) => string_matches(by.principal_name.as_ref().unwrap(), id),
        other => panic!("{other:?}"),
    }
}

fn covers_request(permission: &rbac::Permission, asked: &Asked<'_>) -> bool {
    match permission.rule.as_ref().unwrap() {
        Rule::Any(any) => *any,
        Rule::AndRules(set) => set
            .rules
            .iter()
            .all(|permission| covers_request(permission, asked)),
        Rule::NotRule(other) => !covers_request(other, asked),
        Rule::UrlPath(path) => {
            let Some(path_matcher::Rule::Path(path)) = &path.rule else {
                panic!("{path:?}")
            };
            string_matches(path, asked.0)
        }
        Rule::Header(header) => header_matches(header, asked),
        other => panic!("{other:?}"),
    }
}

/// A header that is missing matches nothing, but for an inverted `present_match` (`HeaderMatcher`).
fn header_matches(header: &HeaderMatcher, (_, method, headers): &Asked<'_>) -> bool {
    let value = match header.name.as_str() {
        ":method" => Some(*method),
        name => headers
            .iter()
            .find(|(other, _)| *other == name)
            .map(|(_, value)| *value),
    };
    match header.header_match_specifier.as_ref().unwrap() {
        HeaderMatchSpecifier::PresentMatch(present) => {
            (value.is_some() == *present) != header.invert_match
        }
        HeaderMatchSpecifier::StringMatch(matcher) => {
            value.is_some_and(|value| string_matches(matcher, value) != header.invert_match)
        }
        other => panic!("{other:?}"),
    }
}

fn string_matches(matcher: &StringMatcher, text: &str) -> bool {
    let fold = |text: &str| {
        if matcher.ignore_case {
            text.to_ascii_lowercase()
        } else {
            text.to_owned()
        }
    };
    let text = fold(text);
    match matcher.match_pattern.as_ref().unwrap() {
        MatchPattern::Exact(pattern) => text == fold(pattern),
        MatchPattern::Prefix(pattern) => text.starts_with(&fold(pattern)),
        MatchPattern::Suffix(pattern) => text.ends_with(&fold(pattern)),
        MatchPattern::Contains(pattern) => text.contains(&fold(pattern)),
        MatchPattern::SafeRegex(pattern) => whole(&pattern.regex, &text),
        other => panic!("{other:?}"),
    }
}

fn whole(expression: &str, text: &str) -> bool {
    thread_local! {
        static COMPILED: RefCell<HashMap<String, regex::Regex>> = RefCell::default();
    }
    COMPILED.with_borrow_mut(|compiled| {
        let compile = || regex::Regex::new(&format!("^(?:{expression})$")).unwrap();
        compiled
            .entry(expression.to_owned())
            .or_insert_with(compile)
            .is_match(text)
    })
}

// === any intentions, any request ===

const SOURCES: [&str; 5] = ["web", "api", "a.b", "axb", "*"];
const PATHS: [&str; 5] = ["/", "/v1", "/v1/a", "/v2", "/admin"];
const METHODS: [&str; 3] = ["GET", "POST", "DELETE"];
const VALUES: [&str; 3] = ["one", "ONE", "two"];

fn any_action() -> impl Strategy<Value = Action> {
    prop_oneof![Just(Action::Allow), Just(Action::Deny)]
}

fn any_path() -> impl Strategy<Value = PathMatch> {
    let path = || proptest::sample::select(&PATHS).prop_map(str::to_owned);
    prop_oneof![
        path().prop_map(PathMatch::Exact),
        path().prop_map(PathMatch::Prefix),
        Just(PathMatch::Regex("/v[0-9]".to_owned())),
        Just(PathMatch::Any),
    ]
}

fn any_header() -> impl Strategy<Value = HeaderMatch> {
    let value = || proptest::sample::select(&VALUES).prop_map(str::to_owned);
    let value = prop_oneof![
        Just(HeaderValue::Present),
        value().prop_map(HeaderValue::Exact),
        value().prop_map(HeaderValue::Contains),
        Just(HeaderValue::Suffix("e".to_owned())),
        Just(HeaderValue::Regex("t.*".to_owned())),
    ];
    (
        proptest::sample::select(&["x", "y"][..]),
        value,
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(|(name, value, invert, ignore_case)| {
            let cased = matches!(value, HeaderValue::Present | HeaderValue::Regex(_));
            HeaderMatch {
                name: name.to_owned(),
                value,
                invert,
                ignore_case: ignore_case && !cased,
            }
        })
}

fn any_permission() -> impl Strategy<Value = Permission> {
    let headers = proptest::collection::vec(any_header(), 0..2);
    let methods = proptest::sample::subsequence(&METHODS[..], 0..=2);
    (any_action(), any_path(), headers, methods).prop_map(|(action, path, headers, methods)| {
        Permission {
            action,
            http: HttpPermission {
                path,
                headers,
                methods: methods.into_iter().map(str::to_owned).collect(),
            },
            jwt: None,
        }
    })
}

fn any_intention() -> impl Strategy<Value = Intention> {
    let effect = prop_oneof![
        any_action().prop_map(Effect::Action),
        proptest::collection::vec(any_permission(), 1..4).prop_map(permissions),
    ];
    let (source, destination) = (
        proptest::sample::select(&SOURCES),
        proptest::sample::select(&["api", "*"][..]),
    );
    (source, destination, effect)
        .prop_map(|(source, destination, effect)| intention(source, destination, effect))
}

fn any_request() -> impl Strategy<
    Value = (
        &'static str,
        &'static str,
        &'static str,
        Vec<(&'static str, &'static str)>,
    ),
> {
    let source = proptest::sample::select(&["web", "api", "a.b", "axb", "other"][..]);
    let value = || proptest::option::of(proptest::sample::select(&VALUES));
    let headers = (value(), value()).prop_map(|(x, y)| {
        let named = [x.map(|value| ("x", value)), y.map(|value| ("y", value))];
        named.into_iter().flatten().collect()
    });
    (
        source,
        proptest::sample::select(&PATHS),
        proptest::sample::select(&METHODS),
        headers,
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn envoy_decides_as_the_intentions_do(
        all in proptest::collection::vec(any_intention(), 0..7),
        requests in proptest::collection::vec(any_request(), 4),
        default_allow in any::<bool>(),
    ) {
        // A destination's entry holds each source once.
        let mut once: Vec<Intention> = Vec::new();
        for intention in all {
            let same = |other: &Intention| other.same_source(&intention) && other.destination == intention.destination;
            if !once.iter().any(same) {
                once.push(intention);
            }
        }
        let intentions = intentions(once, default_allow);
        let (requests_rules, connection_rules) = (rules(&intentions, true), rules(&intentions, false));
        for (source, path, method, headers) in &requests {
            let name = ServiceName::new(*source);
            let request = Request { method, path, headers, regex: &whole, jwt: &|_| false };
            let all = || intentions.intentions.iter().map(AsRef::as_ref);
            let peer = PeerName::default();
            let decision = decide_request(all(), &name, &peer, &request, default_allow);
            prop_assert_eq!(allows(&requests_rules, source, &(path, method, headers)), decision.allowed);
            let decision = decide(all(), &name, &peer, default_allow);
            prop_assert_eq!(allows_connection(&connection_rules, source), decision.allowed);
        }
    }
}
