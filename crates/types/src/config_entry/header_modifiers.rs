//! What is done to the headers of requests and responses.

use serde::{Deserialize, Serialize};

use crate::Meta;

/// What is done to the headers of a request or of a response.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct HeaderModifiers {
    /// Values that are added to those that a header has.
    #[serde(skip_serializing_if = "Meta::is_empty")]
    pub add: Meta,
    /// Values that take the place of those that a header has.
    #[serde(skip_serializing_if = "Meta::is_empty")]
    pub set: Meta,
    /// Headers that are taken away.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<String>,
}

impl HeaderModifiers {
    /// Whether they do nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.add.is_empty() && self.set.is_empty() && self.remove.is_empty()
    }

    /// Both at once; where they disagree about a header, `over` decides.
    #[must_use]
    pub fn merge(base: Option<&Self>, over: Option<&Self>) -> Option<Self> {
        let (base, over) = match (base, over) {
            (None, only) | (only, None) => return only.cloned(),
            (Some(base), Some(over)) if base.is_empty() => return Some(over.clone()),
            (Some(base), Some(over)) if over.is_empty() => return Some(base.clone()),
            (Some(base), Some(over)) => (base, over),
        };
        let mut merged = base.clone();
        merged.add.extend(over.add.clone());
        merged.set.extend(over.set.clone());
        merged.remove.clear();
        for name in base.remove.iter().chain(&over.remove) {
            if !merged.remove.contains(name) {
                merged.remove.push(name.clone());
            }
        }
        Some(merged)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn merged(base: Value, over: Value) -> Value {
        let read = |json| serde_json::from_value::<Option<HeaderModifiers>>(json).unwrap();
        let (base, over) = (read(base), read(over));
        serde_json::to_value(HeaderModifiers::merge(base.as_ref(), over.as_ref())).unwrap()
    }

    #[test]
    fn the_second_of_two_decides_for_each_header() {
        let rows = [
            (json!(null), json!(null), json!(null)),
            (json!({}), json!(null), json!({})),
            (
                json!(null),
                json!({"Set": {"a": "1"}}),
                json!({"Set": {"a": "1"}}),
            ),
            (
                json!({"Remove": ["a", "a"]}),
                json!({}),
                json!({"Remove": ["a", "a"]}),
            ),
            (
                json!({"Set": {"a": "1", "b": "1"}, "Remove": ["x", "x"]}),
                json!({"Set": {"b": "2"}, "Add": {"c": "2"}, "Remove": ["y", "x"]}),
                json!({"Set": {"a": "1", "b": "2"}, "Add": {"c": "2"}, "Remove": ["x", "y"]}),
            ),
        ];
        for (base, over, expected) in rows {
            assert_eq!(
                merged(base.clone(), over.clone()),
                expected,
                "{base} {over}"
            );
        }
    }
}
