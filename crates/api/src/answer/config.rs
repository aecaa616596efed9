//! `/v1/config/…`.

use tribune_acl::{Access, Permission};
use tribune_filter::rows as schema;
use tribune_state::{Indexed, Stored, WatchSet};
use tribune_types::call::{Answer, CallError, Options};
use tribune_types::config_entry::{Key, Kind};

use crate::context::Context;
use crate::page::Filtered;

type Result = std::result::Result<Answer, CallError>;

/// What one must be allowed to read an entry; `None` where everybody may.
pub(super) const fn reading(key: &Key) -> Option<Permission<'_>> {
    match key.kind {
        Kind::ServiceDefaults
        | Kind::ServiceResolver
        | Kind::ServiceRouter
        | Kind::ServiceSplitter
        | Kind::IngressGateway
        | Kind::TerminatingGateway
        | Kind::ApiGateway
        | Kind::BoundApiGateway => Some(Permission::Service(&key.name, Access::Read)),
        Kind::ServiceIntentions => Some(Permission::Intention(&key.name, Access::Read)),
        Kind::ExportedServices
        | Kind::HttpRoute
        | Kind::TcpRoute
        | Kind::FileSystemCertificate
        | Kind::InlineCertificate
        | Kind::JwtProvider => Some(Permission::Mesh(Access::Read)),
        Kind::ProxyDefaults | Kind::Mesh | Kind::SamenessGroup => None,
    }
}

fn may_read(context: &Context<'_>, key: &Key) -> bool {
    reading(key).is_none_or(|permission| context.allows(permission))
}

pub(super) fn entry(context: &Context<'_>, key: &Key, watch: &mut WatchSet) -> Result {
    let found = context.snapshot.config_entry(key, watch);
    if let Some(permission) = reading(key) {
        context.require(permission)?;
    }
    let index = Some(found.index);
    match found.value {
        Some(stored) => Ok(Answer {
            index,
            ..Answer::json(&json(&stored))
        }),
        None => {
            let text = format!(
                "Config entry not found for \"{}\" / \"{}\"",
                key.kind, key.name
            );
            Ok(Answer {
                index,
                missing: true,
                body: tribune_types::call::Body::Text(text),
                ..Answer::default()
            })
        }
    }
}

pub(super) fn entries(
    context: &Context<'_>,
    kind: Kind,
    options: &Options,
    watch: &mut WatchSet,
) -> Result {
    if kind != Kind::ServiceDefaults && !options.filter.is_empty() {
        let text = format!(
            "filtering not supported for config entry kind={kind}; only service-defaults can be filtered"
        );
        return Err(CallError::Refused(text));
    }
    let mut page = Filtered::new(options, &schema::SERVICE_DEFAULTS)?;
    let found: Indexed<Vec<Stored>> = context.snapshot.config_entries(Some(kind), watch);
    let rows = found
        .value
        .iter()
        .map(|stored| (may_read(context, &stored.entry.key()), json(stored)));
    let rows = page.rows(rows);
    Ok(page.answer(found.index, &rows))
}

fn json(stored: &Stored) -> serde_json::Value {
    stored
        .entry
        .to_json(stored.create_index, stored.modify_index)
}
