//! Writes of single intentions: each is one source in the `service-intentions` entry of its destination.

use std::sync::Arc;

use tribune_acl::{Access, Permission};
use tribune_chain::Proposal;
use tribune_state::{Operation, WatchSet};
use tribune_types::call::{CallError, IntentionBody, IntentionPair};
use tribune_types::config_entry::{Entry, Key, Kind, Raw, RawServiceIntentions, RawSource};
use tribune_types::{Index, Meta};

use super::{Plan, Reply, refused};
use crate::context::Context;

/// The stored entry of a destination, to be changed, and the index that a change is conditional on.
fn stored(context: &Context<'_>, pair: &IntentionPair) -> (RawServiceIntentions, Index) {
    let key = Key::new(Kind::ServiceIntentions, pair.destination.clone());
    let stored = context
        .snapshot
        .config_entry(&key, &mut WatchSet::ignore())
        .value;
    match stored
        .as_ref()
        .map(|stored| (&*stored.entry, stored.modify_index))
    {
        Some((Entry::ServiceIntentions(entry), index)) => (entry.into(), index),
        _ => (
            RawServiceIntentions {
                name: pair.destination.name.clone(),
                ..RawServiceIntentions::default()
            },
            0,
        ),
    }
}

fn refuse_peer(pair: &IntentionPair) -> Result<(), CallError> {
    if pair.source_peer.is_empty() {
        return Ok(());
    }
    let (peer, source) = (&pair.source_peer, &pair.source);
    Err(refused(format!(
        "source \"peer:{peer}/{source}\" is invalid: cannot specify a peer here; write a service-intentions config entry instead"
    )))
}

pub(super) fn put(
    context: &Context<'_>,
    pair: &IntentionPair,
    body: IntentionBody,
) -> Result<Plan, CallError> {
    refuse_peer(pair)?;
    context.require(Permission::Intention(&pair.destination, Access::Write))?;
    if !body.source_peer.is_empty() {
        return Err(refused(
            "SourcePeer field is not supported on this endpoint. Use config entries instead",
        ));
    }
    let (mut entry, index) = stored(context, pair);
    check_meta(&body.meta, &entry.meta, index)?;
    let source = RawSource {
        name: pair.source.name.clone(),
        action: body.action,
        permissions: body.permissions,
        r#type: body.source_type,
        description: body.description,
        ..RawSource::default()
    };
    match entry
        .sources
        .iter_mut()
        .find(|source| source.peer.is_empty() && source.name.identical(&pair.source.name))
    {
        Some(replaced) => *replaced = source,
        None => entry.sources.push(source),
    }
    write(context, entry, index)
}

fn check_meta(given: &Meta, stored: &Meta, index: Index) -> Result<(), CallError> {
    match (given.is_empty(), index) {
        (true, _) => Ok(()),
        (false, 0) => Err(refused("Meta must not be specified")),
        (false, _) if given == stored => Ok(()),
        (false, _) => Err(refused(
            "Meta must not be specified, or should be unchanged during an update.",
        )),
    }
}

pub(super) fn delete(context: &Context<'_>, pair: &IntentionPair) -> Result<Plan, CallError> {
    refuse_peer(pair)?;
    context.require(Permission::Intention(&pair.destination, Access::Write))?;
    let (mut entry, index) = stored(context, pair);
    let sources = entry.sources.len();
    entry
        .sources
        .retain(|source| !(source.peer.is_empty() && source.name.identical(&pair.source.name)));
    if entry.sources.len() == sources {
        return Ok(Plan {
            operation: None,
            reply: Reply::Bool,
            optimistic: false,
        });
    }
    if entry.sources.is_empty() {
        let key = Key::new(Kind::ServiceIntentions, pair.destination.clone());
        let operation = Operation::DeleteConfigEntry {
            key,
            cas: Some(index),
            checked_at: None,
        };
        return Ok(Plan {
            operation: Some(operation),
            reply: Reply::Bool,
            optimistic: true,
        });
    }
    write(context, entry, index)
}

fn write(
    context: &Context<'_>,
    entry: RawServiceIntentions,
    index: Index,
) -> Result<Plan, CallError> {
    let entry = Entry::try_from(Raw::ServiceIntentions(entry))
        .map_err(|invalid| refused(invalid.to_string()))?;
    let entry = Arc::new(entry);
    let checked_at = super::config::check(context, &Proposal::Put(entry.clone()))?;
    let operation = Operation::PutConfigEntry {
        entry,
        cas: Some(index),
        checked_at: Some(checked_at),
    };
    Ok(Plan {
        operation: Some(operation),
        reply: Reply::Bool,
        optimistic: true,
    })
}
