//! Conditions as they are collected, and the status that they make.

use super::{Condition, ResourceReference, Status};

/// Conditions, each type once about each thing: what is said last counts.
#[derive(Debug, Default)]
pub(super) struct Conditions(Vec<Condition>);

impl Conditions {
    pub(super) fn say(
        &mut self,
        (r#type, holds, reason): (&str, bool, &str),
        resource: ResourceReference,
        message: impl Into<String>,
    ) {
        let condition = Condition {
            r#type: r#type.to_owned(),
            status: if holds { "True" } else { "False" }.to_owned(),
            reason: reason.to_owned(),
            message: message.into(),
            resource: Some(resource),
            last_transition_time: None,
        };
        self.0.retain(|said| !said.same_subject(&condition));
        self.0.push(condition);
    }

    /// The status, where what held before keeps the time since when it does.
    pub(super) fn finish(mut self, before: &Status, now: &str) -> Status {
        self.0
            .sort_by(|a, b| (&a.r#type, &a.resource).cmp(&(&b.r#type, &b.resource)));
        for condition in &mut self.0 {
            let same = before.iter().find(|before| before.same_meaning(condition));
            condition.last_transition_time = match same {
                Some(before) => before.last_transition_time.clone(),
                None => Some(now.to_owned()),
            };
        }
        Status {
            conditions: Some(self.0),
        }
    }
}
