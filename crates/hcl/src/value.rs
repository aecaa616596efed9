//! The tree that both readers produce.

use std::fmt;

/// Where something begins in its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// Line, counted from 1.
    pub line: u32,
    /// Column in characters, counted from 1.
    pub column: u32,
}

/// A value and where it begins.
///
/// Equality includes the position; to compare contents alone, convert to [`serde_json::Value`].
#[derive(Debug, Clone, PartialEq)]
pub struct Value {
    /// What it is.
    pub kind: Kind,
    /// Where it begins.
    pub span: Span,
}

/// What a [`Value`] is.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// JSON's `null`; HCL has none.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number written without fraction and exponent, if it fits.
    Integer(i64),
    /// Any other number; always finite.
    Float(f64),
    /// A string, its escapes resolved.
    String(String),
    /// A list. Repeated blocks of HCL are one too.
    List(Vec<Value>),
    /// An object or a block of HCL, in the order written. No key occurs twice.
    Object(Vec<Entry>),
}

/// One key of an object with its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key as written.
    pub key: String,
    /// Where the key begins.
    pub key_span: Span,
    /// What it stands for.
    pub value: Value,
}

// === impl Value ===

impl Value {
    /// The value under exactly this key, if this is an object that has it.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.as_object()?
            .iter()
            .find(|entry| entry.key == key)
            .map(|entry| &entry.value)
    }

    /// Takes the entry with exactly this key out of an object.
    pub fn remove(&mut self, key: &str) -> Option<Entry> {
        let Kind::Object(entries) = &mut self.kind else {
            return None;
        };
        let at = entries.iter().position(|entry| entry.key == key)?;
        Some(entries.remove(at))
    }

    /// The entries, if this is an object.
    pub fn as_object(&self) -> Option<&[Entry]> {
        if let Kind::Object(entries) = &self.kind {
            Some(entries)
        } else {
            None
        }
    }

    /// The elements, if this is a list.
    pub fn as_list(&self) -> Option<&[Self]> {
        if let Kind::List(items) = &self.kind {
            Some(items)
        } else {
            None
        }
    }

    /// The text, if this is a string.
    pub fn as_str(&self) -> Option<&str> {
        if let Kind::String(text) = &self.kind {
            Some(text)
        } else {
            None
        }
    }

    /// Whether this is JSON's `null`.
    pub fn is_null(&self) -> bool {
        matches!(self.kind, Kind::Null)
    }

    /// What this is, in the words of an error message: `the string "x"`, `a list`.
    pub fn describe(&self) -> String {
        match &self.kind {
            Kind::Null => "null".to_owned(),
            Kind::Bool(value) => value.to_string(),
            Kind::Integer(number) => format!("the number {number}"),
            Kind::Float(number) => format!("the number {number:?}"),
            Kind::String(text) => format!("the string {}", quoted(text)),
            Kind::List(items) if items.is_empty() => "an empty list".to_owned(),
            Kind::List(_) => "a list".to_owned(),
            Kind::Object(_) => "an object".to_owned(),
        }
    }
}

/// A number as the integer that it is, where that loses nothing.
///
/// JSON knows one kind of number, so `2.0` and `2` are the same to those who print opaque values.
pub(crate) fn whole(number: f64) -> Option<i64> {
    /// Up to here every whole number has its own `f64`.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    (number.fract() == 0.0 && number.abs() < EXACT).then_some(number as i64)
}

/// Text in quotes, control characters escaped, cut where it gets too long for a message.
pub(crate) fn quoted(text: &str) -> String {
    const SHOWN: usize = 60;
    match text.char_indices().nth(SHOWN) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?}…", &text[..end]),
    }
}

impl From<&Value> for serde_json::Value {
    /// Keys stay as written, repeated blocks stay lists of objects, positions are dropped.
    fn from(value: &Value) -> Self {
        match &value.kind {
            Kind::Null => Self::Null,
            Kind::Bool(value) => Self::Bool(*value),
            Kind::Integer(number) => Self::from(*number),
            Kind::Float(number) => whole(*number).map_or_else(|| Self::from(*number), Self::from),
            Kind::String(text) => Self::String(text.clone()),
            Kind::List(items) => items.iter().map(Self::from).collect(),
            Kind::Object(entries) => Self::Object(
                entries
                    .iter()
                    .map(|e| (e.key.clone(), Self::from(&e.value)))
                    .collect(),
            ),
        }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}
