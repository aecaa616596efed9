//! `/v1/connect/intentions…` and the authorisation of connections.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tribune_acl::{Access, Permission};
use tribune_filter::rows as schema;
use tribune_state::{Indexed, Stored, WatchSet};
use tribune_types::call::{Answer, CallError, IntentionPair, MatchBy, Options};
use tribune_types::config_entry::{Action, Effect, Entry, Kind, Legacy};
use tribune_types::intention::{self, Intention};
use tribune_types::names::DEFAULT;
use tribune_types::spiffe::{Identity, SpiffeId};
use tribune_types::validate::is_uuid;
use tribune_types::{ServiceName, Tenancy};

use crate::context::Context;
use crate::page::Filtered;

type Result = std::result::Result<Answer, CallError>;

/// An intention and the entry that it is part of.
struct Found {
    intention: Intention,
    legacy: Option<Box<Legacy>>,
    entry: Stored,
}

impl Found {
    fn to_json(&self) -> Value {
        self.intention.to_json(
            self.legacy.as_deref(),
            self.entry.create_index,
            self.entry.modify_index,
        )
    }
}

/// The intentions of some entries in the order in which they decide.
fn in_order(entries: &[Stored]) -> Vec<Found> {
    let of_entry = |entry: &Stored| {
        let Entry::ServiceIntentions(intentions) = &*entry.entry else {
            return Vec::new();
        };
        intention::of_entry(intentions)
            .zip(&intentions.sources)
            .map(|(intention, source)| Found {
                intention,
                legacy: source.legacy.clone(),
                entry: entry.clone(),
            })
            .collect()
    };
    let mut found: Vec<Found> = entries.iter().flat_map(of_entry).collect();
    found.sort_by(|a, b| a.intention.order(&b.intention));
    found
}

fn all(context: &Context<'_>, watch: &mut WatchSet) -> Indexed<Vec<Found>> {
    let entries = context
        .snapshot
        .config_entries(Some(Kind::ServiceIntentions), watch);
    Indexed {
        index: entries.index,
        value: in_order(&entries.value),
    }
}

pub(super) fn list(context: &Context<'_>, options: &Options, watch: &mut WatchSet) -> Result {
    let mut page = Filtered::new(options, &schema::INTENTION)?;
    let found = all(context, watch);
    let rows = found.value.iter().map(|found| {
        (
            context.allows(Permission::Intention(
                &found.intention.destination,
                Access::Read,
            )),
            found.to_json(),
        )
    });
    let rows = page.rows(rows);
    Ok(page.answer(found.index, &rows))
}

pub(super) fn exact(context: &Context<'_>, pair: &IntentionPair, watch: &mut WatchSet) -> Result {
    context.require(Permission::Intention(&pair.destination, Access::Read))?;
    let found = all(context, watch);
    let matching = found.value.iter().find(|found| {
        let intention = &found.intention;
        intention.destination == pair.destination
            && intention.source.name.identical(&pair.source.name)
            && intention.peer == pair.source_peer
    });
    let not_found = || {
        CallError::NotFound(format!(
            "Intention not found: none from {} to {}",
            pair.source, pair.destination
        ))
    };
    matching
        .map(|found| Answer::json(&found.to_json()))
        .ok_or_else(not_found)
}

pub(super) fn by_id(context: &Context<'_>, id: &str, watch: &mut WatchSet) -> Result {
    if !is_uuid(id) {
        return Err(CallError::BadRequest(format!(
            "{id:?} is no UUID: intentions are named by UUIDs here, and by source and destination under /v1/connect/intentions/exact"
        )));
    }
    let found = all(context, watch);
    let has_id = |found: &&Found| {
        found
            .legacy
            .as_ref()
            .is_some_and(|legacy| legacy.id.eq_ignore_ascii_case(id))
    };
    let not_found = || CallError::NotFound(format!("Intention not found: none has the ID {id}"));
    let matching = found.value.iter().find(has_id).ok_or_else(not_found)?;
    context.require(Permission::Intention(
        &matching.intention.destination,
        Access::Read,
    ))?;
    Ok(Answer {
        index: Some(found.index),
        ..Answer::json(&matching.to_json())
    })
}

pub(super) fn matching(
    context: &Context<'_>,
    by: MatchBy,
    names: &[(String, ServiceName)],
    watch: &mut WatchSet,
) -> Result {
    for (_, name) in names {
        context.require(Permission::Intention(name, Access::Read))?;
    }
    let mut rows = BTreeMap::<&str, Vec<Value>>::new();
    for (written, name) in names {
        let found = match by {
            MatchBy::Source => of_source(context, name, watch),
            MatchBy::Destination => about(context, name, watch),
        };
        rows.insert(written, found.iter().map(Found::to_json).collect());
    }
    Ok(Answer {
        index: Some(context.snapshot.config_index()),
        ..Answer::json(&rows)
    })
}

/// Intentions about a source of this cluster, in the order in which they decide.
fn of_source(context: &Context<'_>, source: &ServiceName, watch: &mut WatchSet) -> Vec<Found> {
    let mut found = in_order(&context.snapshot.intentions_from(source, watch).value);
    found.retain(|found| {
        let intention = &found.intention;
        let named = intention.source.name.is_wildcard() || intention.source == *source;
        named && intention.peer.is_empty()
    });
    found
}

/// Intentions about a destination, in the order in which they decide.
fn about(context: &Context<'_>, destination: &ServiceName, watch: &mut WatchSet) -> Vec<Found> {
    in_order(&context.snapshot.intentions_for(destination, watch).value)
}

pub(super) fn check(context: &Context<'_>, pair: &IntentionPair, watch: &mut WatchSet) -> Result {
    context.require(Permission::Service(&pair.destination, Access::Read))?;
    let found = about(context, &pair.destination, watch);
    let intentions = found.iter().map(|found| &found.intention);
    // while ACLs are off the reference looks at them, not at the default for intentions
    let decision = intention::decide(intentions, &pair.source, &pair.source_peer, true);
    Ok(Answer::json(&json!({"Allowed": decision.allowed})))
}

pub(super) fn authorize(
    context: &Context<'_>,
    target: &ServiceName,
    uri: &str,
    watch: &mut WatchSet,
) -> Result {
    if target.name.is_empty() {
        return Err(CallError::BadRequest(
            "Target service must be specified".to_owned(),
        ));
    }
    let id: SpiffeId = uri.parse().map_err(|error| {
        CallError::BadRequest(format!(
            "ClientCertURI not a valid Connect identifier: {error}"
        ))
    })?;
    let Identity::Service {
        partition,
        namespace,
        service,
        ..
    } = &id.identity
    else {
        return Err(CallError::BadRequest(
            "ClientCertURI not a valid Service identifier".to_owned(),
        ));
    };
    let client = ServiceName {
        name: service.as_str().into(),
        tenancy: Tenancy::new(partition, namespace),
    };
    if client.tenancy.partition() != DEFAULT {
        return Err(CallError::BadRequest(
            "ClientCertURI names a partition, and there is only the default one".to_owned(),
        ));
    }
    context.require(Permission::Service(target, Access::Write))?;
    let trust_domain = context
        .snapshot
        .ca_configuration(watch)
        .value
        .map(|configuration| configuration.trust_domain());
    if trust_domain
        .as_deref()
        .is_none_or(|own| !own.eq_ignore_ascii_case(id.trust_domain.as_str()))
    {
        let reason = format!(
            "The certificate is of the foreign trust domain {:?}",
            id.trust_domain.as_str()
        );
        return Ok(Answer::json(
            &json!({"Authorized": false, "Reason": reason}),
        ));
    }
    let found = about(context, target, watch);
    let intentions = found.iter().map(|found| &found.intention);
    let default_allow = context.settings.default_allow;
    let decision = intention::decide(
        intentions,
        &client,
        &tribune_types::PeerName::default(),
        default_allow,
    );
    let reason = decision
        .by
        .map_or_else(|| by_default(context).to_owned(), reason);
    Ok(Answer {
        cache_hit: Some(false),
        ..Answer::json(&json!({"Authorized": decision.allowed, "Reason": reason}))
    })
}

/// Where a decision comes from that no intention made.
const fn by_default(context: &Context<'_>) -> &'static str {
    if context.settings.intention_policy {
        "Default intention policy"
    } else {
        "Default behavior configured by ACLs"
    }
}

fn reason(by: &Intention) -> String {
    let (level, effect) = match &by.effect {
        Effect::Action(Action::Allow) => ("L4", "Action: ALLOW".to_owned()),
        Effect::Action(Action::Deny) => ("L4", "Action: DENY".to_owned()),
        Effect::Permissions(permissions) => ("L7", format!("Permissions: {}", permissions.len())),
    };
    let qualified =
        |service: &ServiceName| format!("{}/{}", service.tenancy.namespace(), service.name);
    format!(
        "Matched {level} intention: {} => {} (Precedence: {}, {effect})",
        qualified(&by.source),
        qualified(&by.destination),
        by.precedence
    )
}
