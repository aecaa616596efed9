//! References from one entry to another, and the status that the control plane keeps of an entry.

use serde::{Deserialize, Serialize};

use super::Kind;
use super::invalid::{Problems, Reason};

/// Names another entry, or a part of one.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct ResourceReference {
    /// Its kind; a word, since not every word names a kind here.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Which part is meant, such as a listener; empty for the whole.
    pub section_name: String,
}

/// What the control plane says about an entry. Nobody else writes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Status {
    /// By type, then by what they are about.
    pub conditions: Option<Vec<Condition>>,
}

/// One thing that holds of an entry, or does not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Condition {
    /// Such as `Accepted`.
    pub r#type: String,
    /// `True` or `False`.
    pub status: String,
    /// A word for programs.
    pub reason: String,
    /// Words for people.
    pub message: String,
    /// What it is about.
    pub resource: Option<ResourceReference>,
    /// Since when it holds, RFC 3339.
    pub last_transition_time: Option<String>,
}

impl ResourceReference {
    /// The whole of an entry.
    #[must_use]
    pub fn new(kind: Kind, name: impl Into<String>) -> Self {
        Self {
            kind: kind.as_str().to_owned(),
            name: name.into(),
            section_name: String::new(),
        }
    }

    /// A part of it.
    #[must_use]
    pub fn section(self, section_name: &str) -> Self {
        Self {
            section_name: section_name.to_owned(),
            ..self
        }
    }

    /// Whether it names an entry of that kind.
    #[must_use]
    pub fn is_of(&self, kind: Kind) -> bool {
        self.kind == kind.as_str()
    }

    /// Gives it a kind where it has none.
    pub(super) fn default_kind(&mut self, kind: Kind) {
        if self.kind.is_empty() {
            kind.as_str().clone_into(&mut self.kind);
        }
    }

    /// Checks a reference that must be of one of `kinds` and have a name.
    pub(super) fn check(&self, problems: &mut Problems, at: &str, kinds: &'static [&'static str]) {
        problems.one_of(&format!("{at}.Kind"), &self.kind, kinds);
        problems.add_if(
            self.name.is_empty(),
            &format!("{at}.Name"),
            Reason::Required,
        );
    }
}

impl Condition {
    /// Whether the two are about the same thing.
    #[must_use]
    pub fn same_subject(&self, other: &Self) -> bool {
        (&self.r#type, &self.resource) == (&other.r#type, &other.resource)
    }

    /// Whether the two say the same, whenever they began to hold.
    #[must_use]
    pub fn same_meaning(&self, other: &Self) -> bool {
        self.same_subject(other)
            && (&self.status, &self.reason, &self.message)
                == (&other.status, &other.reason, &other.message)
    }
}

impl Status {
    /// The conditions, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &Condition> {
        self.conditions.iter().flatten()
    }

    /// Whether a condition of that type about that thing is `True`.
    #[must_use]
    pub fn is_true(&self, r#type: &str, resource: &ResourceReference) -> bool {
        self.iter().any(|condition| {
            condition.r#type == r#type
                && condition.resource.as_ref() == Some(resource)
                && condition.status == "True"
        })
    }

    /// Whether the two say the same, whenever it began to hold.
    #[must_use]
    pub fn same_meaning(&self, other: &Self) -> bool {
        self.iter().count() == other.iter().count()
            && self
                .iter()
                .zip(other.iter())
                .all(|(one, other)| one.same_meaning(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_means_the_same_whenever_it_began() {
        let condition = |time: &str, status: &str| Status {
            conditions: Some(vec![Condition {
                r#type: "Accepted".to_owned(),
                status: status.to_owned(),
                resource: Some(ResourceReference::default()),
                last_transition_time: Some(time.to_owned()),
                ..Condition::default()
            }]),
        };
        assert!(condition("a", "True").same_meaning(&condition("b", "True")));
        assert!(!condition("a", "True").same_meaning(&condition("a", "False")));
        assert!(!condition("a", "True").same_meaning(&Status::default()));
        assert!(condition("a", "True").is_true("Accepted", &ResourceReference::default()));
        assert!(!condition("a", "False").is_true("Accepted", &ResourceReference::default()));
    }
}
