//! Reads an opaque map field by field: whatever the case of its keys, with types that are not stretched.

use serde_json::Value;

use super::super::invalid::{Problems, Reason};
use crate::{GoDuration, Opaque};

/// A map at a path, and where problems with it go.
pub(super) struct Reader<'p, 'a> {
    problems: &'p mut Problems,
    at: String,
    map: Option<&'a Opaque>,
}

impl<'p, 'a> Reader<'p, 'a> {
    pub(super) const fn new(problems: &'p mut Problems, at: String, map: &'a Opaque) -> Self {
        Self {
            problems,
            at,
            map: Some(map),
        }
    }

    fn path(&self, field: &str) -> String {
        if field.is_empty() {
            self.at.clone()
        } else {
            format!("{}.{field}", self.at)
        }
    }

    pub(super) fn add(&mut self, field: &str, reason: Reason) {
        let path = self.path(field);
        self.problems.add(path, reason);
    }

    pub(super) fn add_if(&mut self, broken: bool, field: &str, reason: Reason) {
        if broken {
            self.add(field, reason);
        }
    }

    pub(super) fn one_of(&mut self, field: &str, value: &str, allowed: &'static [&'static str]) {
        let path = self.path(field);
        self.problems.one_of(&path, value, allowed);
    }

    /// The value of a field; what is `null` is not there.
    pub(super) fn value(&self, field: &str) -> Option<&'a Value> {
        let same = |key: &str| {
            let plain = key.bytes().filter(|byte| *byte != b'_');
            plain
                .map(|byte| byte.to_ascii_lowercase())
                .eq(field.bytes().map(|byte| byte.to_ascii_lowercase()))
        };
        let mut entries = self.map?.iter();
        let (_, value) = entries.find(|(key, _)| same(key))?;
        (!value.is_null()).then_some(value)
    }

    fn refuse(&mut self, field: &str, value: &Value, expected: &'static str) {
        let value = value.to_string();
        self.add(field, Reason::Malformed { value, expected });
    }

    /// A text; empty where there is none.
    pub(super) fn text(&mut self, field: &str) -> String {
        match self.value(field) {
            None => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => {
                self.refuse(field, other, "a text");
                String::new()
            }
        }
    }

    pub(super) fn flag(&mut self, field: &str) -> Option<bool> {
        match self.value(field)? {
            Value::Bool(flag) => Some(*flag),
            other => {
                self.refuse(field, other, "true or false");
                None
            }
        }
    }

    pub(super) fn integer(&mut self, field: &str) -> Option<i64> {
        let value = self.value(field)?;
        let number = value.as_i64();
        if number.is_none() {
            self.refuse(field, value, "a whole number");
        }
        number
    }

    /// A duration as text.
    pub(super) fn duration(&mut self, field: &str) -> Option<GoDuration> {
        let text = self.text(field);
        if text.is_empty() {
            return None;
        }
        let duration = text.parse().ok();
        if duration.is_none() {
            let expected = "a duration such as \"1m30s\"";
            self.add(
                field,
                Reason::Malformed {
                    value: text,
                    expected,
                },
            );
        }
        duration
    }

    /// A list; one value stands for a list of it.
    pub(super) fn list(&self, field: &str) -> &'a [Value] {
        match self.value(field) {
            None => &[],
            Some(Value::Array(list)) => list,
            Some(one) => std::slice::from_ref(one),
        }
    }

    pub(super) fn texts(&mut self, field: &str) -> Vec<String> {
        let mut texts = Vec::new();
        for value in self.list(field) {
            match value {
                Value::String(text) => texts.push(text.clone()),
                other => self.refuse(field, other, "a text"),
            }
        }
        texts
    }

    /// A map of anything, its keys as they are written.
    pub(super) fn map(&mut self, field: &str) -> Opaque {
        match self.value(field) {
            None => Opaque::new(),
            Some(Value::Object(map)) => map.clone(),
            Some(other) => {
                self.refuse(field, other, "an object");
                Opaque::new()
            }
        }
    }

    /// Reads the object of a field, if there is one.
    pub(super) fn object<T>(
        &mut self,
        field: &str,
        read: impl FnOnce(&mut Reader<'_, 'a>) -> T,
    ) -> Option<T> {
        match self.value(field)? {
            Value::Object(map) => Some(read(&mut Reader {
                at: self.path(field),
                map: Some(map),
                problems: self.problems,
            })),
            other => {
                self.refuse(field, other, "an object");
                None
            }
        }
    }

    /// Reads the object of a field, or one without fields where there is none.
    pub(super) fn within<T>(
        &mut self,
        field: &str,
        read: impl FnOnce(&mut Reader<'_, 'a>) -> T,
    ) -> T {
        let value = self.value(field);
        if let Some(other) = value.filter(|value| !value.is_object()) {
            self.refuse(field, other, "an object");
        }
        read(&mut Reader {
            at: self.path(field),
            map: value.and_then(Value::as_object),
            problems: self.problems,
        })
    }

    /// Reads each object of a list.
    pub(super) fn objects<T>(
        &mut self,
        field: &str,
        mut read: impl FnMut(&mut Reader<'_, 'a>) -> T,
    ) -> Vec<T> {
        let mut read_all = Vec::new();
        for (i, value) in self.list(field).iter().enumerate() {
            let place = format!("{field}[{i}]");
            match value {
                Value::Object(map) => read_all.push(read(&mut Reader {
                    at: self.path(&place),
                    map: Some(map),
                    problems: self.problems,
                })),
                other => self.refuse(&place, other, "an object"),
            }
        }
        read_all
    }
}
