//! Writes of config entries.

use std::sync::Arc;

use tribune_acl::{Access, Permission};
use tribune_state::Operation;
use tribune_types::Index;
use tribune_types::call::CallError;
use tribune_types::config_entry::{Entry, Key, Kind, Raw};

use super::{Plan, Reply, refused};
use crate::context::Context;

/// What one must be allowed to write an entry.
const fn writing(key: &Key) -> Permission<'_> {
    match key.kind {
        Kind::ServiceDefaults => Permission::Service(&key.name, Access::Write),
        Kind::ServiceIntentions => Permission::Intention(&key.name, Access::Write),
        Kind::ProxyDefaults | Kind::Mesh => Permission::Mesh(Access::Write),
    }
}

pub(super) fn put(context: &Context<'_>, raw: Raw, cas: Option<Index>) -> Result<Plan, CallError> {
    let entry = Entry::try_from(raw).map_err(|invalid| refused(invalid.to_string()))?;
    context.require(writing(&entry.key()))?;
    let operation = Operation::PutConfigEntry {
        entry: Arc::new(entry),
        cas,
        checked_at: None,
    };
    Ok(Plan {
        operation: Some(operation),
        reply: Reply::Bool,
        optimistic: false,
    })
}

pub(super) fn delete(
    context: &Context<'_>,
    key: Key,
    cas: Option<Index>,
) -> Result<Plan, CallError> {
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
    let operation = Operation::DeleteConfigEntry {
        key,
        cas,
        checked_at: None,
    };
    Ok(Plan {
        operation: Some(operation),
        reply,
        optimistic: false,
    })
}
