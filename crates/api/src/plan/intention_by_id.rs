//! Writes of intentions by their IDs, the older way: an entry is written this way or the other, not both.

use std::sync::Arc;

use tribune_acl::{Access, Permission};
use tribune_chain::Proposal;
use tribune_state::{Operation, WatchSet};
use tribune_types::call::{CallError, IntentionByIdBody};
use tribune_types::config_entry::{
    Entry, Key, Kind, RawServiceIntentions, RawSource, ServiceIntentions,
};
use tribune_types::time::rfc3339;
use tribune_types::{Index, ServiceName};

use super::{Plan, Reply, refused};
use crate::context::Context;

/// An entry that is changed, and the index that the change is conditional on.
struct Changed {
    entry: RawServiceIntentions,
    index: Index,
}

pub(super) fn put(
    context: &Context<'_>,
    id: Option<String>,
    body: IntentionByIdBody,
) -> Result<Plan, CallError> {
    let destination = ServiceName::new(body.destination_name.clone());
    if destination.name.is_empty() {
        let text = "an intention without a DestinationName is nobody's to write";
        return Err(CallError::Denied(text.to_owned()));
    }
    context.require(Permission::Intention(&destination, Access::Write))?;
    if !body.source_peer.is_empty() || !body.source_sameness_group.is_empty() {
        return Err(refused(
            "SourcePeer and SourceSamenessGroup are not supported on this endpoint. Use config entries instead",
        ));
    }
    match id {
        None => create(context, destination, body),
        Some(id) => update(context, &id, &destination, body),
    }
}

fn create(
    context: &Context<'_>,
    destination: ServiceName,
    body: IntentionByIdBody,
) -> Result<Plan, CallError> {
    if !body.id.is_empty() {
        return Err(refused("ID must be empty when creating a new intention"));
    }
    let mut changed = of_destination(context, &destination)?;
    let now = rfc3339(context.now);
    let id = uuid(context.random);
    changed.entry.sources.push(RawSource {
        legacy_create_time: Some(now.clone()),
        ..source(body, id.clone(), now)
    });
    write(context, changed, id)
}

fn update(
    context: &Context<'_>,
    id: &str,
    destination: &ServiceName,
    body: IntentionByIdBody,
) -> Result<Plan, CallError> {
    let missing = || refused(format!("Cannot modify non-existent intention: '{id}'"));
    let (mut changed, at) = with_id(context, id).ok_or_else(missing)?;
    if !changed.entry.name.identical(&destination.name) {
        return Err(refused(format!(
            "Cannot modify DestinationName for an intention once it exists: {id} is about {:?}, not about {destination}; delete it and create another",
            changed.entry.name.as_str()
        )));
    }
    let stored = &mut changed.entry.sources[at];
    let id = stored.legacy_id.clone();
    *stored = RawSource {
        legacy_create_time: stored.legacy_create_time.take(),
        ..source(body, id.clone(), rfc3339(context.now))
    };
    write(context, changed, id)
}

pub(super) fn delete(context: &Context<'_>, id: &str) -> Result<Plan, CallError> {
    let missing = || refused(format!("Cannot delete non-existent intention: '{id}'"));
    let (mut changed, at) = with_id(context, id).ok_or_else(missing)?;
    let destination = ServiceName::new(changed.entry.name.clone());
    context.require(Permission::Intention(&destination, Access::Write))?;
    changed.entry.sources.remove(at);
    if !changed.entry.sources.is_empty() {
        return Ok(Plan {
            reply: Reply::Bool,
            ..write(context, changed, String::new())?
        });
    }
    let operation = Operation::DeleteConfigEntry {
        key: Key::new(Kind::ServiceIntentions, destination),
        cas: Some(changed.index),
        checked_at: None,
    };
    Ok(Plan {
        operation: Some(operation),
        reply: Reply::Bool,
        optimistic: true,
    })
}

fn source(body: IntentionByIdBody, id: String, now: String) -> RawSource {
    RawSource {
        name: body.source_name,
        action: body.action,
        permissions: body.permissions,
        r#type: body.source_type,
        description: body.description,
        legacy_id: id,
        legacy_meta: body.meta,
        legacy_update_time: Some(now),
        ..RawSource::default()
    }
}

/// The entry of a destination, unless it is written the other way.
fn of_destination(context: &Context<'_>, destination: &ServiceName) -> Result<Changed, CallError> {
    let key = Key::new(Kind::ServiceIntentions, destination.clone());
    let stored = context
        .snapshot
        .config_entry(&key, &mut WatchSet::ignore())
        .value;
    let Some((Entry::ServiceIntentions(entry), index)) = stored
        .as_ref()
        .map(|stored| (&*stored.entry, stored.modify_index))
    else {
        let entry = RawServiceIntentions {
            name: destination.name.clone(),
            ..RawServiceIntentions::default()
        };
        return Ok(Changed { entry, index: 0 });
    };
    if entry.sources.iter().any(|source| source.legacy.is_none()) {
        return Err(refused(format!(
            "cannot use legacy intention API to edit intentions with a destination of \"{destination}\" after editing them via a service-intentions config entry"
        )));
    }
    let entry = entry.into();
    Ok(Changed { entry, index })
}

/// The entry that has an intention with an ID, and the place of its source.
fn with_id(context: &Context<'_>, id: &str) -> Option<(Changed, usize)> {
    let entries = context
        .snapshot
        .config_entries(Some(Kind::ServiceIntentions), &mut WatchSet::ignore());
    entries.value.iter().find_map(|stored| {
        let Entry::ServiceIntentions(entry) = &*stored.entry else {
            return None;
        };
        let at = entry.sources.iter().position(|source| {
            source
                .legacy
                .as_ref()
                .is_some_and(|legacy| legacy.id.eq_ignore_ascii_case(id))
        })?;
        let changed = Changed {
            entry: entry.into(),
            index: stored.modify_index,
        };
        Some((changed, at))
    })
}

fn write(context: &Context<'_>, changed: Changed, id: String) -> Result<Plan, CallError> {
    let entry = ServiceIntentions::by_id(changed.entry)
        .map_err(|invalid| refused(format!("the intention cannot be written: {invalid}")))?;
    let entry = Arc::new(Entry::ServiceIntentions(entry));
    let checked_at = super::config::check(context, &Proposal::Put(entry.clone()))?;
    let operation = Operation::PutConfigEntry {
        entry,
        cas: Some(changed.index),
        checked_at: Some(checked_at),
    };
    Ok(Plan {
        operation: Some(operation),
        reply: Reply::Id(id),
        optimistic: true,
    })
}

/// A UUID of version 4 made of chance.
fn uuid(random: u128) -> String {
    const VERSION: u128 = 0xf << 76;
    const VARIANT: u128 = 0xc << 60;
    let bits = random & !VERSION & !VARIANT | 4 << 76 | 8 << 60;
    let digits = format!("{bits:032x}");
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|range| &digits[range]);
    parts.join("-")
}

#[cfg(test)]
mod tests {
    use tribune_types::validate::is_uuid;

    use super::uuid;

    #[test]
    fn ids_are_uuids_of_version_four() {
        assert_eq!(uuid(u128::MAX), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_eq!(uuid(0), "00000000-0000-4000-8000-000000000000");
        assert!(is_uuid(&uuid(1 << 90)));
    }
}
