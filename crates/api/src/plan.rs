//! Changes as operations of the store.

mod catalog;
mod config;
mod intention;
mod intention_by_id;

use tribune_state::Operation;
use tribune_types::call::{Answer, CallError, Write};

use crate::context::Context;

/// What a change comes to.
#[derive(Debug)]
pub struct Plan {
    /// What to do; nothing where the catalog says so already.
    pub operation: Option<Operation>,
    /// How its outcome is told.
    pub reply: Reply,
    /// Whether to plan again where a condition did not hold, because the condition is the plan's and not
    /// the caller's.
    pub optimistic: bool,
}

/// How the outcome of a change is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// `true`, or whether the caller's condition held.
    Bool,
    /// An empty object.
    Object,
    /// The ID of what was written.
    Id(String),
    /// That it was not made: the caller's condition does not hold.
    Unmet,
}

impl Reply {
    /// The answer to a change that was made, or whose condition did or did not hold.
    #[must_use]
    pub fn answer(self, held: bool) -> Answer {
        match self {
            Self::Bool => Answer::json(&held),
            Self::Object => Answer::json(&serde_json::Map::new()),
            Self::Id(id) => Answer::json(&serde_json::json!({"ID": id})),
            Self::Unmet => Answer::json(&false),
        }
    }
}

/// Says what a change comes to.
///
/// # Errors
/// Where the caller may not make it, or it cannot be made.
pub fn plan(context: &Context<'_>, write: Write) -> Result<Plan, CallError> {
    match write {
        Write::Register(request) => catalog::register(context, *request),
        Write::Deregister(request) => catalog::deregister(context, &request),
        Write::PutConfigEntry { entry, cas } => config::put(context, *entry, cas),
        Write::DeleteConfigEntry { key, cas } => config::delete(context, key, cas),
        Write::PutIntention { pair, body } => intention::put(context, &pair, *body),
        Write::DeleteIntention(pair) => intention::delete(context, &pair),
        Write::PutIntentionById { id, body } => intention_by_id::put(context, id, *body),
        Write::DeleteIntentionById(id) => intention_by_id::delete(context, &id),
        Write::SetCaConfiguration(_) => Err(CallError::Refused(
            "the certificate authority is configured by whoever runs it, not through the catalog"
                .to_owned(),
        )),
    }
}

/// A request that a server refuses.
fn refused(text: impl Into<String>) -> CallError {
    CallError::Refused(text.into())
}
