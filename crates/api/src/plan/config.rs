//! Writes of config entries.

use std::sync::Arc;

use tribune_acl::{Access, Permission};
use tribune_chain::Proposal;
use tribune_state::{Operation, Stored, WatchSet};
use tribune_types::call::CallError;
use tribune_types::config_entry::{Entry, Key, Kind, Raw};
use tribune_types::time::rfc3339;
use tribune_types::{Index, ServiceName};
use tribune_views::StoredEntries;

use super::{Plan, Reply, refused};
use crate::context::Context;

/// What one must be allowed to write an entry.
const fn writing(key: &Key) -> Permission<'_> {
    match key.kind {
        Kind::ServiceDefaults
        | Kind::ServiceResolver
        | Kind::ServiceRouter
        | Kind::ServiceSplitter => Permission::Service(&key.name, Access::Write),
        Kind::ServiceIntentions => Permission::Intention(&key.name, Access::Write),
        Kind::ApiGateway
        | Kind::BoundApiGateway
        | Kind::ExportedServices
        | Kind::FileSystemCertificate
        | Kind::HttpRoute
        | Kind::IngressGateway
        | Kind::InlineCertificate
        | Kind::JwtProvider
        | Kind::Mesh
        | Kind::ProxyDefaults
        | Kind::SamenessGroup
        | Kind::TcpRoute
        | Kind::TerminatingGateway => Permission::Mesh(Access::Write),
    }
}

/// The other services that an entry leads to. Whoever writes it must be allowed to know them.
fn related(entry: &Entry) -> Vec<ServiceName> {
    let services: Vec<ServiceName> = if let Some(router) = entry.as_service_router() {
        router.related().collect()
    } else if let Some(splitter) = entry.as_service_splitter() {
        splitter.related().collect()
    } else if let Some(resolver) = entry.as_service_resolver() {
        resolver.related().collect()
    } else {
        Vec::new()
    };
    let own = entry.key().name;
    services.into_iter().filter(|other| *other != own).collect()
}

/// Whether the other entries allow a write; the index at which they did.
pub(super) fn check(context: &Context<'_>, proposal: &Proposal) -> Result<Index, CallError> {
    let mut watch = WatchSet::ignore();
    let mut entries = StoredEntries::new(context.snapshot, &mut watch);
    tribune_chain::check(proposal, &mut entries).map_err(|error| refused(error.to_string()))?;
    Ok(context.snapshot.config_index())
}

/// What the control plane keeps for itself, nobody else writes.
fn refuse_internal(kind: Kind) -> Result<(), CallError> {
    if kind == Kind::BoundApiGateway {
        let text = "only writeable by controller: write the api-gateway and its routes instead";
        return Err(CallError::Denied(text.to_owned()));
    }
    Ok(())
}

pub(super) fn put(context: &Context<'_>, raw: Raw, cas: Option<Index>) -> Result<Plan, CallError> {
    refuse_internal(raw.kind())?;
    let entry = Entry::try_from(raw).map_err(|invalid| refused(invalid.to_string()))?;
    context.require(writing(&entry.key()))?;
    for service in related(&entry) {
        context.require(Permission::Service(&service, Access::Read))?;
    }
    let before = stored(context, &entry.key());
    // what the control plane says about an entry is not its writers'
    let status = before
        .as_ref()
        .and_then(|before| before.entry.status().cloned())
        .unwrap_or_default();
    let entry = Arc::new(entry.with_status(status));
    let proposal = Proposal::Put(Arc::clone(&entry));
    let checked_at = check(context, &proposal)?;
    let follow = bindings(context, &proposal);
    if follow.is_empty() {
        let operation = Operation::PutConfigEntry {
            entry,
            cas,
            checked_at: Some(checked_at),
        };
        return Ok(Plan {
            operation: Some(operation),
            reply: Reply::Bool,
            optimistic: false,
        });
    }
    let index = before.as_ref().map(|before| before.modify_index);
    let same = before.is_some_and(|before| before.entry == entry);
    Ok(batch(follow, checked_at, same || put_holds(cas, index)))
}

/// Whether a conditional write may happen: 0 wants nothing there, anything else what was modified then.
fn put_holds(cas: Option<Index>, stored: Option<Index>) -> bool {
    cas.is_none_or(|wanted| stored.unwrap_or_default() == wanted)
}

fn stored(context: &Context<'_>, key: &Key) -> Option<Stored> {
    let mut watch = WatchSet::ignore();
    context.snapshot.config_entry(key, &mut watch).value
}

/// What else is written with an entry: which routes the listeners of API gateways are bound to from then on.
fn bindings(context: &Context<'_>, proposal: &Proposal) -> Vec<Proposal> {
    let mut watch = WatchSet::ignore();
    let mut entries = StoredEntries::new(context.snapshot, &mut watch);
    tribune_chain::bind(proposal, &mut entries, &rfc3339(context.now))
}

/// Several writes at once, the caller's first. The entries that they were worked out from are the ones that they
/// are applied to, so that the caller's condition was decided on already.
fn batch(writes: Vec<Proposal>, checked_at: Index, holds: bool) -> Plan {
    if !holds {
        return Plan {
            operation: None,
            reply: Reply::Unmet,
            optimistic: false,
        };
    }
    let operations = writes.into_iter().enumerate().map(|(at, write)| {
        let (cas, checked_at) = (None, (at == 0).then_some(checked_at));
        match write {
            Proposal::Put(entry) => Operation::PutConfigEntry {
                entry,
                cas,
                checked_at,
            },
            Proposal::Delete(key) => Operation::DeleteConfigEntry {
                key,
                cas,
                checked_at,
            },
        }
    });
    Plan {
        operation: Some(Operation::Batch(operations.collect())),
        reply: Reply::Bool,
        optimistic: false,
    }
}

pub(super) fn delete(
    context: &Context<'_>,
    key: Key,
    cas: Option<Index>,
) -> Result<Plan, CallError> {
    refuse_internal(key.kind)?;
    context.require(writing(&key))?;
    let reply = if cas.is_some() {
        Reply::Bool
    } else {
        Reply::Object
    };
    // there is only one mesh entry, whatever name it is asked for by
    let key = if key.kind == Kind::Mesh {
        Key::mesh()
    } else {
        key
    };
    let proposal = Proposal::Delete(key.clone());
    let checked_at = check(context, &proposal)?;
    let follow = bindings(context, &proposal);
    if !follow.is_empty() {
        let index = stored(context, &key).map(|stored| stored.modify_index);
        // what is not there is deleted already, whatever the condition
        let holds = cas.is_none_or(|cas| index.is_none_or(|index| index == cas));
        return Ok(Plan {
            reply: if holds { reply } else { Reply::Unmet },
            ..batch(follow, checked_at, holds)
        });
    }
    let operation = Operation::DeleteConfigEntry {
        key,
        cas,
        checked_at: Some(checked_at),
    };
    Ok(Plan {
        operation: Some(operation),
        reply,
        optimistic: false,
    })
}
