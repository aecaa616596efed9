//! Reads opaque configuration as loosely as Consul does: `"5"` is a number, `7` is a text, and
//! `MaxConnections` is `max_connections`.

use std::fmt;

use serde_json::Value;
use tribune_types::{GoDuration, Opaque};

/// An opaque setting that cannot be read. What it would have said counts as not said.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{key}: expected {expected}, found {found}")]
pub struct SettingError {
    /// The key, after the keys of the objects around it.
    pub key: String,
    /// What was expected there.
    pub expected: &'static str,
    /// What was there instead.
    pub found: Found,
}

/// A value that was not expected.
#[derive(Clone, Debug, PartialEq)]
pub struct Found(Value);

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Value::Array(_) => f.write_str("a list"),
            Value::Object(_) => f.write_str("an object"),
            other => {
                let text = other.to_string();
                let cut: String = text.chars().take(64).collect();
                write!(f, "{cut}{}", if cut.len() < text.len() { "…" } else { "" })
            }
        }
    }
}

/// Reads the settings of one object and gathers what could not be read.
pub(crate) struct Reader<'a> {
    map: &'a Opaque,
    path: String,
    errors: Vec<SettingError>,
}

// === impl Reader ===

impl<'a> Reader<'a> {
    pub(crate) const fn new(map: &'a Opaque) -> Self {
        Self {
            map,
            path: String::new(),
            errors: Vec::new(),
        }
    }

    /// What could not be read.
    pub(crate) fn into_errors(self) -> Vec<SettingError> {
        self.errors
    }

    pub(crate) fn text(&mut self, key: &str) -> Option<String> {
        self.read(key, "a text", |value| match value {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(value) => Some(if *value { "1" } else { "0" }.to_owned()),
            _ => None,
        })
    }

    pub(crate) fn number(&mut self, key: &str) -> Option<i64> {
        self.read(key, "a whole number", integer)
    }

    /// A number that fits Envoy's `uint32`.
    pub(crate) fn count(&mut self, key: &str) -> Option<u32> {
        self.read(key, "a number from 0 to 4294967295", |value| {
            u32::try_from(integer(value)?).ok()
        })
    }

    pub(crate) fn duration(&mut self, key: &str) -> Option<GoDuration> {
        self.read(key, "a duration of zero or more", |value| {
            let duration = match value {
                Value::String(text) => text.parse().ok()?,
                other => GoDuration::from_nanos(integer(other)?),
            };
            (duration >= GoDuration::ZERO).then_some(duration)
        })
    }

    /// Reads an object within this one.
    pub(crate) fn object<T>(&mut self, key: &str, read: impl FnOnce(&mut Self) -> T) -> Option<T> {
        let value = find(self.map, key)?;
        let Value::Object(map) = value else {
            self.refuse(key, "an object", value);
            return None;
        };
        let mut inner = Self {
            map,
            path: format!("{}{key}.", self.path),
            errors: Vec::new(),
        };
        let read = read(&mut inner);
        self.errors.append(&mut inner.errors);
        Some(read)
    }

    fn read<T>(
        &mut self,
        key: &str,
        expected: &'static str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Option<T> {
        let value = find(self.map, key)?;
        let read = read(value);
        if read.is_none() {
            self.refuse(key, expected, value);
        }
        read
    }

    fn refuse(&mut self, key: &str, expected: &'static str, value: &Value) {
        self.errors.push(SettingError {
            key: format!("{}{key}", self.path),
            expected,
            found: Found(value.clone()),
        });
    }
}

/// The value of a key: to the letter, else without regard to case and underscores. `null` is no value.
fn find<'a>(map: &'a Opaque, key: &str) -> Option<&'a Value> {
    let folded = |key: &str| {
        key.bytes()
            .filter(|b| *b != b'_')
            .map(|b| b.to_ascii_lowercase())
            .collect::<Vec<_>>()
    };
    let exact = map.get(key);
    let value = exact.or_else(|| {
        let wanted = folded(key);
        map.iter()
            .find(|(other, _)| folded(other) == wanted)
            .map(|(_, value)| value)
    })?;
    (!value.is_null()).then_some(value)
}

fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Bool(value) => Some(i64::from(*value)),
        // A conversion from floating point saturates, which is as near as there is.
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a fraction is cut off, as Consul does"
        )]
        Value::Number(number) => number
            .as_i64()
            .or_else(|| number.as_f64().map(|float| float as i64)),
        Value::String(text) if text.is_empty() => Some(0),
        Value::String(text) => match text.strip_prefix("0x") {
            Some(digits) => i64::from_str_radix(digits, 16).ok(),
            None => text.parse().ok(),
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(value: Value) -> Opaque {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn settings_are_read_from_whatever_means_them() {
        let map = map(json!({
            "a": "750", "b": 1.5, "c": true, "d": 7, "e": null, "MaxFailures": 3, "interval": "10s", "nanos": 5, "f": "0x10", "g": ""
        }));
        let mut reader = Reader::new(&map);
        assert_eq!(reader.number("a"), Some(750));
        assert_eq!(reader.number("b"), Some(1));
        assert_eq!(reader.number("c"), Some(1));
        assert_eq!(reader.text("d").as_deref(), Some("7"));
        assert_eq!(reader.number("e"), None);
        assert_eq!(reader.count("max_failures"), Some(3));
        assert_eq!(reader.duration("interval"), Some(GoDuration::from_secs(10)));
        assert_eq!(reader.duration("nanos"), Some(GoDuration::from_nanos(5)));
        assert_eq!(reader.number("f"), Some(16));
        assert_eq!(reader.number("g"), Some(0));
        assert_eq!(reader.number("absent"), None);
        assert!(reader.into_errors().is_empty());
    }

    #[test]
    fn what_cannot_be_read_is_reported_with_its_path_and_counts_as_not_said() {
        let map = map(
            json!({"limits": {"max_connections": -1}, "connect_timeout_ms": "soon", "passive_health_check": [1]}),
        );
        let mut reader = Reader::new(&map);
        assert_eq!(
            reader.object("limits", |limits| limits.count("max_connections")),
            Some(None)
        );
        assert_eq!(reader.number("connect_timeout_ms"), None);
        assert_eq!(reader.object("passive_health_check", |_| ()), None);
        let said: Vec<_> = reader
            .into_errors()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            said,
            [
                "limits.max_connections: expected a number from 0 to 4294967295, found -1",
                "connect_timeout_ms: expected a whole number, found \"soon\"",
                "passive_health_check: expected an object, found a list",
            ]
        );
    }
}
