//! `service-intentions`: who may call one service.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::invalid::{Invalid, Problems, Reason};
use super::permission::{Action, JwtRequirement, Permission, RawPermission};
use super::{Ignored, checks};
use crate::intention::identical;
use crate::{Meta, Name, PeerName, ServiceName};

/// The only type of source that there is.
const CONSUL: &str = "consul";

/// A `service-intentions` entry as a client wrote it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct RawServiceIntentions {
    /// Ignored: the kind is known before the fields are read.
    #[serde(skip_serializing)]
    pub kind: Ignored,
    /// Ignored: writes assign it.
    #[serde(skip_serializing)]
    pub create_index: Ignored,
    /// Ignored: writes assign it.
    #[serde(skip_serializing)]
    pub modify_index: Ignored,
    /// Ignored: computed from the rest.
    #[serde(skip_serializing)]
    pub hash: Ignored,
    /// The destination, or `*` for every service.
    pub name: Name,
    /// The sources, at least one.
    pub sources: Vec<RawSource>,
    /// What the JWT of every request must say.
    #[serde(rename = "JWT", skip_serializing_if = "Option::is_none")]
    pub jwt: Option<JwtRequirement>,
    /// Free-form pairs.
    #[serde(skip_serializing_if = "Meta::is_empty")]
    pub meta: Meta,
}

/// A source as a client wrote it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct RawSource {
    /// The source, or `*` for every service.
    pub name: Name,
    /// `allow` or `deny`, unless there are permissions.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub action: String,
    /// What happens to requests, the first permission that matches decides.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub permissions: Vec<RawPermission>,
    /// Computed; what a client writes is ignored.
    pub precedence: i32,
    /// ID of an intention written by its ID; ignored in a config entry.
    #[serde(rename = "LegacyID", skip_serializing_if = "String::is_empty")]
    pub legacy_id: String,
    /// `consul`, also where empty.
    pub r#type: String,
    /// Words for people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Free-form pairs of an intention written by its ID; must be empty in a config entry.
    #[serde(skip_serializing_if = "Meta::is_empty")]
    pub legacy_meta: Meta,
    /// When an intention written by its ID was written first; ignored in a config entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub legacy_create_time: Option<String>,
    /// When an intention written by its ID was written last; ignored in a config entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub legacy_update_time: Option<String>,
    /// The peer that the source is in.
    #[serde(skip_serializing_if = "crate::is_default")]
    pub peer: PeerName,
    /// Refused: a Consul Enterprise feature.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub sameness_group: String,
}

/// A checked `service-intentions` entry. Equal ones are spelled alike: certificates tell names apart by case.
#[derive(Clone, Debug, Eq)]
#[non_exhaustive]
pub struct ServiceIntentions {
    /// The destination, or `*` for every service.
    pub destination: ServiceName,
    /// The sources, by descending precedence and else as they were written; at least one.
    pub sources: Vec<SourceIntention>,
    /// What the JWT of every request must say.
    pub jwt: Option<Arc<JwtRequirement>>,
    /// Free-form pairs.
    pub meta: Meta,
}

/// What happens to the traffic of one source. Equal ones are spelled alike.
#[derive(Clone, Debug, Eq)]
#[non_exhaustive]
pub struct SourceIntention {
    /// The source, or `*` for every service.
    pub source: ServiceName,
    /// The peer that it is in; empty for this cluster.
    pub peer: PeerName,
    /// What happens.
    pub effect: Effect,
    /// 9 for a named source and destination, 8 for any source, 6 for any destination, 5 for any of both.
    pub precedence: u8,
    /// Words for people.
    pub description: String,
    /// What else is known of one that was written by its ID.
    pub legacy: Option<Box<Legacy>>,
}

/// What is known of an intention that was written by its ID, the older way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Legacy {
    /// Its ID, a UUID.
    pub id: String,
    /// Its own free-form pairs.
    pub meta: Meta,
    /// When it was written first, RFC 3339.
    pub create_time: String,
    /// When it was written last, RFC 3339.
    pub update_time: String,
}

/// Which way an entry is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// As an entry: what only the older way knows is dropped or refused.
    Entry,
    /// By the IDs of its sources.
    ById,
    /// As it is stored, with whatever it has.
    Stored,
}

/// What an intention does with traffic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The same with all of it.
    Action(Action),
    /// What the first permission says that matches the request; never empty.
    Permissions(Arc<[Permission]>),
}

impl PartialEq for ServiceIntentions {
    fn eq(&self, other: &Self) -> bool {
        identical(&self.destination, &other.destination)
            && (&self.sources, &self.jwt, &self.meta) == (&other.sources, &other.jwt, &other.meta)
    }
}

impl PartialEq for SourceIntention {
    fn eq(&self, other: &Self) -> bool {
        identical(&self.source, &other.source)
            && self.peer.identical(&other.peer)
            && (&self.effect, self.precedence, &self.description)
                == (&other.effect, other.precedence, &other.description)
            && self.legacy == other.legacy
    }
}

impl TryFrom<RawServiceIntentions> for ServiceIntentions {
    type Error = Invalid;

    fn try_from(raw: RawServiceIntentions) -> Result<Self, Invalid> {
        Self::check(raw, Way::Entry)
    }
}

impl ServiceIntentions {
    /// An entry whose sources are written by their IDs, the older way.
    ///
    /// # Errors
    /// Where it breaks a rule, of all entries or of those.
    pub fn by_id(raw: RawServiceIntentions) -> Result<Self, Invalid> {
        Self::check(raw, Way::ById)
    }

    /// An entry as it is stored, whichever way it was written.
    ///
    /// # Errors
    /// Where it breaks a rule.
    pub fn stored(raw: RawServiceIntentions) -> Result<Self, Invalid> {
        Self::check(raw, Way::Stored)
    }

    fn check(raw: RawServiceIntentions, way: Way) -> Result<Self, Invalid> {
        let mut problems = Problems::default();
        checks::name_or_wildcard(&mut problems, "Name", &raw.name);
        problems.add_if(raw.sources.is_empty(), "Sources", Reason::Required);
        checks::meta(&mut problems, "Meta", &raw.meta);
        let by_id = Reason::Forbidden("where intentions are written by their IDs");
        problems.add_if(way == Way::ById && !raw.meta.is_empty(), "Meta", by_id);
        if let Some(jwt) = &raw.jwt {
            jwt.check(&mut problems, "JWT");
        }
        duplicates(&mut problems, &raw.sources);
        let wildcard = raw.name.is_wildcard();
        let sources = raw.sources.into_iter().enumerate();
        let mut sources: Vec<_> = sources
            .map(|(i, mut source)| {
                let at = format!("Sources[{i}]");
                let legacy = legacy(&mut problems, &at, &mut source, way);
                SourceIntention {
                    legacy,
                    ..check_source(&mut problems, &at, source, wildcard)
                }
            })
            .collect();
        problems.finish()?;
        sources.sort_by_key(|source| std::cmp::Reverse(source.precedence));
        Ok(Self {
            destination: ServiceName::new(raw.name),
            sources,
            jwt: raw.jwt.map(Arc::new),
            meta: raw.meta,
        })
    }
}

/// What only the older way knows of a source.
fn legacy(problems: &mut Problems, at: &str, raw: &mut RawSource, way: Way) -> Option<Box<Legacy>> {
    let field = |name: &str| format!("{at}.{name}");
    let mut time = |name: &str, time: Option<String>| {
        let missing = way == Way::ById && time.is_none();
        problems.add_if(missing, &field(name), Reason::Required);
        time.unwrap_or_default()
    };
    let legacy = Legacy {
        id: std::mem::take(&mut raw.legacy_id),
        meta: std::mem::take(&mut raw.legacy_meta),
        create_time: time("LegacyCreateTime", raw.legacy_create_time.take()),
        update_time: time("LegacyUpdateTime", raw.legacy_update_time.take()),
    };
    match way {
        Way::Entry => {
            let own = Reason::Forbidden(
                "in a config entry: an intention written by its ID has pairs of its own, which an entry cannot keep",
            );
            problems.add_if(!legacy.meta.is_empty(), &field("LegacyMeta"), own);
            return None;
        }
        Way::ById => {
            problems.add_if(legacy.id.is_empty(), &field("LegacyID"), Reason::Required);
            checks::meta(problems, &field("LegacyMeta"), &legacy.meta);
            let by_id = Reason::Forbidden("where intentions are written by their IDs");
            let peer = !raw.peer.is_empty();
            problems.add_if(peer, &field("Peer"), by_id.clone());
            let permissions = !raw.permissions.is_empty();
            problems.add_if(permissions, &field("Permissions"), by_id);
        }
        Way::Stored => {}
    }
    (!legacy.id.is_empty()).then(|| Box::new(legacy))
}

/// A source may be there once; names that differ in case are two, as in the certificates that carry them.
fn duplicates(problems: &mut Problems, sources: &[RawSource]) {
    let mut seen = std::collections::BTreeSet::new();
    for (i, source) in sources.iter().enumerate() {
        if !seen.insert((source.peer.as_str(), source.name.as_str())) {
            problems.add(
                format!("Sources[{i}].Name"),
                Reason::Duplicate(source.name.to_string()),
            );
        }
    }
}

fn check_source(
    problems: &mut Problems,
    at: &str,
    raw: RawSource,
    any_destination: bool,
) -> SourceIntention {
    let field = |name: &str| format!("{at}.{name}");
    checks::name_or_wildcard(problems, &field("Name"), &raw.name);
    problems.add_if(raw.peer.contains('*'), &field("Peer"), Reason::Wildcard);
    problems.add_if(
        !raw.sameness_group.is_empty(),
        &field("SamenessGroup"),
        Reason::Enterprise,
    );
    problems.one_of(&field("Type"), &raw.r#type, &["", CONSUL]);
    problems.add_if(
        raw.description.len() > 512,
        &field("Description"),
        Reason::TooLong(512),
    );
    let effect = if raw.permissions.is_empty() {
        Effect::Action(Action::parse(problems, &field("Action"), &raw.action))
    } else {
        problems.add_if(
            !raw.action.is_empty(),
            &field("Action"),
            Reason::Excludes("Permissions"),
        );
        let unusable = Reason::Forbidden("where the destination is a wildcard");
        problems.add_if(any_destination, &field("Permissions"), unusable);
        let permissions = raw.permissions.into_iter().enumerate();
        let check = |(i, permission)| {
            Permission::check(problems, &format!("{at}.Permissions[{i}]"), permission)
        };
        Effect::Permissions(permissions.filter_map(check).collect())
    };
    let precedence = if any_destination { 6 } else { 9 } - u8::from(raw.name.is_wildcard());
    SourceIntention {
        source: ServiceName::new(raw.name),
        peer: raw.peer,
        effect,
        precedence,
        description: raw.description,
        legacy: None,
    }
}

impl From<&ServiceIntentions> for RawServiceIntentions {
    fn from(entry: &ServiceIntentions) -> Self {
        Self {
            name: entry.destination.name.clone(),
            sources: entry.sources.iter().map(RawSource::from).collect(),
            jwt: entry.jwt.as_deref().cloned(),
            meta: entry.meta.clone(),
            ..Self::default()
        }
    }
}

impl From<&SourceIntention> for RawSource {
    fn from(source: &SourceIntention) -> Self {
        let (action, permissions) = source.effect.to_raw();
        let legacy = source.legacy.as_deref().cloned();
        let time =
            |time: fn(Legacy) -> String| legacy.clone().map(time).filter(|time| !time.is_empty());
        Self {
            legacy_create_time: time(|legacy| legacy.create_time),
            legacy_update_time: time(|legacy| legacy.update_time),
            legacy_id: legacy.clone().map(|legacy| legacy.id).unwrap_or_default(),
            legacy_meta: legacy.clone().map(|legacy| legacy.meta).unwrap_or_default(),
            name: source.source.name.clone(),
            action,
            permissions,
            precedence: source.precedence.into(),
            r#type: CONSUL.to_owned(),
            description: source.description.clone(),
            peer: source.peer.clone(),
            ..Self::default()
        }
    }
}

impl Effect {
    /// As the fields `Action` and `Permissions`, one of which is empty.
    pub(crate) fn to_raw(&self) -> (String, Vec<RawPermission>) {
        match self {
            Self::Action(action) => (action.as_str().to_owned(), Vec::new()),
            Self::Permissions(permissions) => (
                String::new(),
                permissions.iter().map(RawPermission::from).collect(),
            ),
        }
    }
}
