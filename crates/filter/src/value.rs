//! What rows look like to a filter.

/// A value inside a row, borrowed from it.
#[derive(Clone, Copy)]
pub enum Value<'a> {
    /// Nothing: reads as the empty value of whatever the schema says the field is.
    Null,
    /// A boolean.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Text.
    Str(&'a str),
    /// A list.
    List(&'a dyn Items),
    /// A structure or a map.
    Map(&'a dyn Fields),
}

/// A structure with named fields, or a map with keys.
pub trait Fields {
    /// The field or entry of that name; `None` where a map lacks the key and where a structure leaves the field out.
    fn field(&self, name: &str) -> Option<Value<'_>>;
    /// Whether it has no field or entry at all.
    fn is_empty(&self) -> bool;
}

/// A list.
pub trait Items {
    /// The element at that position, counted from 0; `None` past the end.
    fn item(&self, position: usize) -> Option<Value<'_>>;
}

// === impl for maps and lists of texts ===

impl Fields for std::collections::BTreeMap<String, String> {
    fn field(&self, name: &str) -> Option<Value<'_>> {
        self.get(name).map(|text| Value::Str(text))
    }

    fn is_empty(&self) -> bool {
        self.is_empty()
    }
}

impl Items for Vec<String> {
    fn item(&self, position: usize) -> Option<Value<'_>> {
        self.get(position).map(|text| Value::Str(text))
    }
}

// === impl for JSON ===

impl<'a> From<&'a serde_json::Value> for Value<'a> {
    fn from(json: &'a serde_json::Value) -> Self {
        match json {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(value) => Self::Bool(*value),
            // No selectable field holds a fraction or exceeds an i64.
            serde_json::Value::Number(number) => number.as_i64().map_or(Self::Null, Self::Int),
            serde_json::Value::String(text) => Self::Str(text),
            serde_json::Value::Array(items) => Self::List(items),
            serde_json::Value::Object(fields) => Self::Map(fields),
        }
    }
}

impl Fields for serde_json::Map<String, serde_json::Value> {
    fn field(&self, name: &str) -> Option<Value<'_>> {
        self.get(name).map(Value::from)
    }

    fn is_empty(&self) -> bool {
        self.is_empty()
    }
}

impl Items for Vec<serde_json::Value> {
    fn item(&self, position: usize) -> Option<Value<'_>> {
        self.get(position).map(Value::from)
    }
}
