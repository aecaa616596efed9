//! Intentions: who may call whom, as they are matched, sorted and decided on.

use std::cmp::{Ordering, Reverse};
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use crate::config_entry::{
    Action, Effect, HeaderMatch, HeaderValue, HttpPermission, JwtRequirement, Legacy, PathMatch,
    Permission, RawPermission, ServiceIntentions,
};
use crate::{Index, Meta, PeerName, ServiceName};

/// One source's traffic to one destination, and what happens to it. Equal ones are spelled alike:
/// certificates tell names apart by case.
#[derive(Clone, Debug, Eq)]
pub struct Intention {
    /// The source, or `*` for every service.
    pub source: ServiceName,
    /// The peer that the source is in; empty for this cluster.
    pub peer: PeerName,
    /// The destination, or `*` for every service.
    pub destination: ServiceName,
    /// What happens.
    pub effect: Effect,
    /// What the JWT of every request must say.
    pub jwt: Option<Arc<JwtRequirement>>,
    /// The greater one decides, 5 to 9.
    pub precedence: u8,
    /// Words for people.
    pub description: String,
    /// Free-form pairs of the destination's entry.
    pub meta: Meta,
}

/// What intentions say about traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision<'a> {
    /// Whether it is let through.
    pub allowed: bool,
    /// The intention that decides; the default does where `None`.
    pub by: Option<&'a Intention>,
}

/// A request, as far as intentions look at it.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// Its method.
    pub method: &'a str,
    /// Its path, without the query.
    pub path: &'a str,
    /// Its headers.
    pub headers: &'a [(&'a str, &'a str)],
    /// Whether a regular expression matches the whole of a text.
    pub regex: &'a dyn Fn(&str, &str) -> bool,
    /// Whether its JWT satisfies a requirement.
    pub jwt: &'a dyn Fn(&JwtRequirement) -> bool,
}

/// The intentions of an entry, in its order.
pub fn of_entry(entry: &ServiceIntentions) -> impl Iterator<Item = Intention> + '_ {
    entry.sources.iter().map(|source| Intention {
        source: source.source.clone(),
        peer: source.peer.clone(),
        destination: entry.destination.clone(),
        effect: source.effect.clone(),
        jwt: entry.jwt.clone(),
        precedence: source.precedence,
        description: source.description.clone(),
        meta: entry.meta.clone(),
    })
}

/// What the intentions about a destination, in the order of [`Intention::order`], say about a source's
/// connections. Permissions can't be judged without a request: they deny.
pub fn decide<'a>(
    intentions: impl IntoIterator<Item = &'a Intention>,
    source: &ServiceName,
    peer: &PeerName,
    default_allow: bool,
) -> Decision<'a> {
    let by = intentions
        .into_iter()
        .find(|intention| intention.covers_source(source, peer));
    let allowed = by.map_or(default_allow, |intention| {
        intention.effect == Effect::Action(Action::Allow)
    });
    Decision { allowed, by }
}

/// What the intentions about a destination, in the order of [`Intention::order`], say about a source's request.
/// Where an intention covers the source and yet says nothing about the request, the default decides and not
/// an intention of less precedence.
pub fn decide_request<'a>(
    intentions: impl IntoIterator<Item = &'a Intention>,
    source: &ServiceName,
    peer: &PeerName,
    request: &Request<'_>,
    default_allow: bool,
) -> Decision<'a> {
    let by = intentions
        .into_iter()
        .find(|intention| intention.covers_source(source, peer));
    let action = by.and_then(|intention| intention.action_on(request));
    Decision {
        allowed: action.map_or(default_allow, |action| action == Action::Allow),
        by,
    }
}

impl PartialEq for Intention {
    fn eq(&self, other: &Self) -> bool {
        self.same_source(other)
            && identical(&self.destination, &other.destination)
            && (&self.effect, &self.jwt, self.precedence)
                == (&other.effect, &other.jwt, other.precedence)
            && (&self.description, &self.meta) == (&other.description, &other.meta)
    }
}

impl Intention {
    /// The order in which intentions are listed and decide: by falling precedence, then by name, bytewise.
    #[must_use]
    pub fn order(&self, other: &Self) -> Ordering {
        self.sort_key().cmp(&other.sort_key())
    }

    fn sort_key(&self) -> impl Ord + '_ {
        let qualified = |service: &'_ ServiceName| {
            let (partition, namespace) = (
                service.tenancy.partition().to_owned(),
                service.tenancy.namespace().to_owned(),
            );
            (partition, namespace, service.name.as_str().to_owned())
        };
        (
            Reverse(self.precedence),
            self.peer.as_str(),
            qualified(&self.source),
            qualified(&self.destination),
        )
    }

    /// Whether it is about the traffic of a service. Case counts, as it does in the certificates that name
    /// the source.
    #[must_use]
    pub fn covers_source(&self, source: &ServiceName, peer: &PeerName) -> bool {
        self.peer == *peer && covers(&self.source, source)
    }

    /// Whether it is about traffic to a service.
    #[must_use]
    pub fn covers_destination(&self, destination: &ServiceName) -> bool {
        self.destination.name.is_wildcard() || self.destination == *destination
    }

    /// Whether the two have the same source.
    #[must_use]
    pub fn same_source(&self, other: &Self) -> bool {
        self.peer.identical(&other.peer) && identical(&self.source, &other.source)
    }

    fn action_on(&self, request: &Request<'_>) -> Option<Action> {
        if self.jwt.as_deref().is_some_and(|jwt| !(request.jwt)(jwt)) {
            return None;
        }
        match &self.effect {
            Effect::Action(action) => Some(*action),
            Effect::Permissions(permissions) => permissions
                .iter()
                .find(|permission| permission.covers(request))
                .map(|permission| permission.action),
        }
    }

    /// The intention as the API prints it, its entry written first and last at the given indexes. One that was
    /// written by its ID has pairs of its own.
    #[must_use]
    pub fn to_json(
        &self,
        legacy: Option<&Legacy>,
        create_index: Index,
        modify_index: Index,
    ) -> Value {
        let (action, permissions) = self.effect.to_raw();
        let json = Json {
            id: legacy.map_or("", |legacy| &legacy.id),
            created_at: legacy.map_or("", |legacy| &legacy.create_time),
            updated_at: legacy.map_or("", |legacy| &legacy.update_time),
            description: &self.description,
            source_ns: self.source.tenancy.namespace(),
            source_name: &self.source.name,
            source_peer: &self.peer,
            destination_ns: self.destination.tenancy.namespace(),
            destination_name: &self.destination.name,
            source_type: "consul",
            action: &action,
            permissions,
            jwt: self.jwt.as_deref(),
            meta: legacy.map_or(&self.meta, |legacy| &legacy.meta),
            precedence: self.precedence,
            create_index,
            modify_index,
        };
        serde_json::to_value(json).unwrap_or_default()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Json<'a> {
    #[serde(rename = "ID", skip_serializing_if = "str::is_empty")]
    id: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    created_at: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    updated_at: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    #[serde(rename = "SourceNS")]
    source_ns: &'a str,
    source_name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    source_peer: &'a str,
    #[serde(rename = "DestinationNS")]
    destination_ns: &'a str,
    destination_name: &'a str,
    source_type: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    action: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    permissions: Vec<RawPermission>,
    #[serde(rename = "JWT", skip_serializing_if = "Option::is_none")]
    jwt: Option<&'a JwtRequirement>,
    #[serde(skip_serializing_if = "Meta::is_empty")]
    meta: &'a Meta,
    precedence: u8,
    create_index: Index,
    modify_index: Index,
}

/// Whether two names are the same to the letter.
pub(crate) fn identical(one: &ServiceName, other: &ServiceName) -> bool {
    one.tenancy == other.tenancy && one.name.identical(&other.name)
}

/// Whether the source of an intention is `source` or a wildcard for it.
fn covers(pattern: &ServiceName, source: &ServiceName) -> bool {
    pattern.tenancy == source.tenancy
        && (pattern.name.is_wildcard() || pattern.name.identical(&source.name))
}

impl Permission {
    /// Whether it is about a request.
    #[must_use]
    pub fn covers(&self, request: &Request<'_>) -> bool {
        self.http.covers(request) && self.jwt.as_ref().is_none_or(|jwt| (request.jwt)(jwt))
    }
}

impl HttpPermission {
    fn covers(&self, request: &Request<'_>) -> bool {
        let path = match &self.path {
            PathMatch::Any => true,
            PathMatch::Exact(path) => request.path == path,
            PathMatch::Prefix(prefix) => request.path.starts_with(prefix.as_str()),
            PathMatch::Regex(regex) => (request.regex)(regex, request.path),
        };
        path && (self.methods.is_empty()
            || self.methods.iter().any(|method| method == request.method))
            && self.headers.iter().all(|header| header.covers(request))
    }
}

impl HeaderMatch {
    /// A header that is not there matches nothing, inverted or not, but an inverted `Present` (Envoy's
    /// `HeaderMatcher`, where missing headers are not treated as empty).
    fn covers(&self, request: &Request<'_>) -> bool {
        let mut values = request
            .headers
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case(&self.name));
        let Some((_, value)) = values.next() else {
            return self.invert && self.value == HeaderValue::Present;
        };
        let fold = |text: &str| {
            if self.ignore_case {
                text.to_ascii_lowercase()
            } else {
                text.to_owned()
            }
        };
        let text = fold(value);
        let matches = match &self.value {
            HeaderValue::Present => true,
            HeaderValue::Exact(exact) => text == fold(exact),
            HeaderValue::Prefix(prefix) => text.starts_with(&fold(prefix)),
            HeaderValue::Suffix(suffix) => text.ends_with(&fold(suffix)),
            HeaderValue::Contains(part) => text.contains(&fold(part)),
            HeaderValue::Regex(regex) => (request.regex)(regex, value),
        };
        matches != self.invert
    }
}

#[cfg(test)]
mod tests;
