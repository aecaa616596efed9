//! Which selectors a kind of row has.

pub mod rows;

/// The fields of a structure that an expression may select. Made of statics, so that one row type can be part of another.
#[derive(Debug)]
pub struct Schema(&'static [(&'static str, Kind)]);

/// The type of a selectable field.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// Text: `==`, `!=`, `in` and `contains` for a part of it, `matches`.
    Str,
    /// A boolean: `==`, `!=`.
    Bool,
    /// A whole number: `==`, `!=`.
    Int,
    /// A list of texts: `in`, `contains`, `is empty`.
    StrList,
    /// A map from text to text: `in` and `contains` for keys, `is empty`, and a text under each key.
    StrMap,
    /// A structure: only its fields can be selected.
    Struct(&'static Schema),
    /// A list of structures: `is empty`; a field of it stands for that field of any element.
    List(&'static Schema),
    /// A map from text to structures: `in` and `contains` for keys, `is empty`, and a structure under each key.
    Map(&'static Schema),
}

// === impl Schema ===

impl Schema {
    /// A schema of these fields.
    #[must_use]
    pub const fn of(fields: &'static [(&'static str, Kind)]) -> Self {
        Self(fields)
    }

    pub(crate) fn kind(&self, field: &str) -> Option<Kind> {
        self.0
            .iter()
            .find(|(name, _)| *name == field)
            .map(|(_, kind)| *kind)
    }
}
