//! Intentions as Envoy's RBAC.
//!
//! Intentions decide by precedence: the first one that covers the source counts, and within it the first
//! permission that covers the request. RBAC knows no order: any policy that matches applies the one action
//! of them all. So only what differs from the default becomes a policy, and each policy excludes what was
//! decided before it.

mod filter;

#[cfg(test)]
mod tests;

use envoy_types::pb::google::protobuf::Any;
use tribune_derived::Intentions;
use tribune_types::ServiceName;
use tribune_types::config_entry::{
    Action, Effect, HeaderValue, HttpPermission, PathMatch, Permission,
};
use tribune_types::intention::Intention;

use crate::problem::Reason;

use filter::filters;

/// The filters that enforce the intentions about a destination.
#[derive(Debug)]
pub(crate) struct Enforcement {
    /// For connections.
    pub(crate) network: Any,
    /// For requests.
    pub(crate) http: Any,
    /// What of the intentions is not enforced as it was written. It denies.
    pub(crate) problems: Vec<Reason>,
}

/// What is allowed, or what is denied where everything else is allowed.
#[derive(Debug, PartialEq)]
pub(crate) struct Rules<'a> {
    /// What the policies do; everything else gets the opposite.
    pub(crate) action: Action,
    /// By name.
    pub(crate) policies: Vec<(String, Policy<'a>)>,
    /// What of the intentions is not enforced as it was written. It denies.
    pub(crate) problems: Vec<Reason>,
}

/// A request matches where one of the principals and one of the permissions does.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Policy<'a> {
    pub(crate) principals: Vec<Principal<'a>>,
    pub(crate) permissions: Vec<Requests<'a>>,
}

/// A source without some others.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Principal<'a> {
    pub(crate) source: &'a ServiceName,
    pub(crate) except: Vec<&'a ServiceName>,
}

/// Some requests without some others. `None` stands for all of them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Requests<'a> {
    pub(crate) covered: Option<&'a HttpPermission>,
    pub(crate) except: Vec<&'a HttpPermission>,
}

/// What one intention does, before what comes earlier is excluded.
struct Step<'a> {
    principal: Principal<'a>,
    effect: StepEffect<'a>,
}

enum StepEffect<'a> {
    Action(Action),
    Permissions(Vec<(Action, Requests<'a>)>),
}

impl Enforcement {
    /// Makes filters of intentions; where `http` is false, of connections alone.
    pub(crate) fn new(intentions: &Intentions, http: bool, trust_domain: &str) -> Self {
        let rules = rules(intentions, http);
        let (network, http) = filters(&rules, trust_domain);
        Self {
            network,
            http,
            problems: rules.problems,
        }
    }
}

/// Makes rules of the intentions about a destination. Where `http` is false there are no requests to look
/// at, and intentions with permissions deny.
pub(crate) fn rules(intentions: &Intentions, http: bool) -> Rules<'_> {
    let default = if intentions.default_allow {
        Action::Allow
    } else {
        Action::Deny
    };
    let mut problems = Vec::new();
    let mut steps = steps(intentions, http, &mut problems);
    exclude_earlier_sources(&mut steps);
    let mut policies = Vec::new();
    let mut connections = Policy::default();
    let kept = steps
        .into_iter()
        .filter_map(|step| step.differing_from(default));
    for (position, step) in kept.enumerate() {
        match step.effect {
            StepEffect::Action(_) => connections.principals.push(step.principal),
            StepEffect::Permissions(permissions) => {
                let permissions = permissions
                    .into_iter()
                    .map(|(_, requests)| requests)
                    .collect();
                let policy = Policy {
                    principals: vec![step.principal],
                    permissions,
                };
                policies.push((format!("consul-intentions-layer7-{position}"), policy));
            }
        }
    }
    if !connections.principals.is_empty() {
        connections.permissions.push(Requests {
            covered: None,
            except: Vec::new(),
        });
        policies.push(("consul-intentions-layer4".to_owned(), connections));
    }
    let action = if intentions.default_allow {
        Action::Deny
    } else {
        Action::Allow
    };
    Rules {
        action,
        policies,
        problems,
    }
}

/// The intentions that can decide, by precedence: not those whose source an earlier one decides on, and none
/// of a source in a peer, whose certificates nobody here trusts.
fn steps<'a>(intentions: &'a Intentions, http: bool, problems: &mut Vec<Reason>) -> Vec<Step<'a>> {
    let mut seen: Vec<&Intention> = Vec::new();
    for intention in &intentions.intentions {
        let decided = seen
            .iter()
            .any(|earlier| decides_otherwise(earlier, intention));
        if intention.peer.is_empty() && !decided {
            seen.push(intention);
        }
    }
    let step = |intention: &'a Intention| Step {
        principal: Principal {
            source: &intention.source,
            except: Vec::new(),
        },
        effect: effect(intention, http, problems),
    };
    seen.into_iter().map(step).collect()
}

/// Whether an intention leaves a later one nothing to decide. One of another source that says the same stays,
/// as it does in Consul.
fn decides_otherwise(earlier: &Intention, later: &Intention) -> bool {
    let same = matches!(earlier.effect, Effect::Action(_))
        && earlier.effect == later.effect
        && earlier.jwt.is_none()
        && later.jwt.is_none();
    earlier.same_source(later) || covers(&earlier.source, &later.source) && !same
}

/// What an intention does. A requirement that cannot be checked is not met: what it guards is denied.
fn effect<'a>(intention: &'a Intention, http: bool, problems: &mut Vec<Reason>) -> StepEffect<'a> {
    let name = || format!("{} → {}", intention.source, intention.destination);
    match &intention.effect {
        Effect::Permissions(_) if !http => StepEffect::Action(Action::Deny),
        _ if http && intention.jwt.is_some() => {
            problems.push(Reason::Jwt(name()));
            StepEffect::Action(Action::Deny)
        }
        Effect::Action(action) => StepEffect::Action(*action),
        Effect::Permissions(permissions) => {
            if permissions
                .iter()
                .any(|permission| permission.jwt.is_some())
            {
                problems.push(Reason::Jwt(name()));
            }
            if let Some(unreadable) = permissions
                .iter()
                .find_map(|permission| unreadable(&permission.http))
            {
                problems.push(Reason::Expression {
                    intention: name(),
                    expression: unreadable,
                });
            }
            StepEffect::Permissions(requests(permissions))
        }
    }
}

/// The requests of each permission without those of the permissions before it.
fn requests(permissions: &[Permission]) -> Vec<(Action, Requests<'_>)> {
    let mut earlier: Vec<&HttpPermission> = Vec::new();
    let mut requests = Vec::with_capacity(permissions.len());
    for permission in permissions {
        let action = if permission.jwt.is_some() {
            Action::Deny
        } else {
            permission.action
        };
        let except = earlier.iter().rev().copied().collect();
        if unreadable(&permission.http).is_none() {
            requests.push((
                action,
                Requests {
                    covered: Some(&permission.http),
                    except,
                },
            ));
            earlier.push(&permission.http);
        } else if action == Action::Deny {
            // It may cover anything, so nothing behind it is reached.
            requests.push((
                action,
                Requests {
                    covered: None,
                    except,
                },
            ));
            break;
        }
    }
    requests
}

/// What of a permission Envoy would refuse, and with it every intention of the listener.
fn unreadable(http: &HttpPermission) -> Option<String> {
    let bad = |expression: &str| {
        regex_syntax::parse(expression)
            .is_err()
            .then(|| expression.to_owned())
    };
    let path = match &http.path {
        PathMatch::Regex(expression) => bad(expression),
        PathMatch::Any | PathMatch::Exact(_) | PathMatch::Prefix(_) => None,
    };
    let headers = http.headers.iter().find_map(|header| {
        let name = header
            .name
            .contains(['\0', '\r', '\n'])
            .then(|| header.name.clone());
        name.or_else(|| match &header.value {
            HeaderValue::Regex(expression) => bad(expression),
            _ => None,
        })
    });
    path.or(headers)
}

/// Takes the sources of earlier intentions out of the later ones that cover them, too.
fn exclude_earlier_sources(steps: &mut [Step<'_>]) {
    for position in (0..steps.len()).rev() {
        let (earlier, later) = steps.split_at_mut(position + 1);
        let Some(earlier) = earlier.last() else {
            continue;
        };
        for step in later
            .iter_mut()
            .filter(|step| covers(step.principal.source, earlier.principal.source))
        {
            step.principal.except.push(earlier.principal.source);
        }
    }
}

/// Whether a source stands for more services than another one, which it includes.
fn covers(wide: &ServiceName, narrow: &ServiceName) -> bool {
    wide.name.is_wildcard() && !narrow.name.is_wildcard() && wide.tenancy == narrow.tenancy
}

// === impl Step ===

impl Step<'_> {
    /// What of it is not done anyway; `None` where nothing is left.
    fn differing_from(self, default: Action) -> Option<Self> {
        let effect = match self.effect {
            StepEffect::Action(action) => (action != default).then_some(StepEffect::Action(action)),
            StepEffect::Permissions(permissions) => {
                let differing: Vec<_> = permissions
                    .into_iter()
                    .filter(|(action, _)| *action != default)
                    .collect();
                (!differing.is_empty()).then_some(StepEffect::Permissions(differing))
            }
        };
        effect.map(|effect| Self {
            principal: self.principal,
            effect,
        })
    }
}
