//! A text that says something about the configuration.

use serde_json::{Value as Json, json};
use tribune_hcl::{Format, Value};

use crate::error::{Problem, Wrong};
use crate::{Flag, Takes};

/// One text and what to call it in messages.
#[derive(Clone, PartialEq, Eq)]
pub struct Source {
    name: String,
    text: String,
    format: Option<Format>,
    /// Lines and columns mean something to the user.
    positions: bool,
}

// === impl Source ===

impl Source {
    /// A file, or a fragment in the words of one. Without a format, JSON is told from HCL by its first character.
    pub fn file(name: impl Into<String>, text: impl Into<String>, format: Option<Format>) -> Self {
        Self {
            name: name.into(),
            text: text.into(),
            format,
            positions: true,
        }
    }

    /// A flag of the command line with its value; a flag without one is `true`.
    pub fn flag(flag: &Flag, value: &str) -> Self {
        let value = match flag.takes {
            Takes::Bool | Takes::Text => json!(value),
            Takes::List => json!([value]),
            Takes::Pair => {
                let (key, value) = value.split_once(':').unwrap_or((value, ""));
                json!({ key: value })
            }
        };
        let nested = flag
            .key
            .rsplit('.')
            .fold(value, |inner, key| json!({ key: inner }));
        let (name, text) = (format!("-{}", flag.name), nested.to_string());
        Self {
            name,
            text,
            format: Some(Format::Json),
            positions: false,
        }
    }

    /// What it is called in messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its text as a value.
    pub(crate) fn value(&self) -> Result<Value, Problem> {
        let value = match self.format {
            Some(format) => tribune_hcl::parse(&self.text, format),
            None => tribune_hcl::parse_auto(&self.text),
        };
        let value = value.map_err(|error| self.problem(error))?;
        if value.as_object().is_none() {
            let found = Json::from(&value);
            let found = if found.is_array() {
                "a list"
            } else {
                "a single value"
            };
            return Err(self.problem(Wrong::NoObject { found }));
        }
        Ok(value)
    }

    /// A problem of this source.
    pub(crate) fn problem(&self, wrong: impl Into<Wrong>) -> Problem {
        Problem::in_source(self.name.clone(), self.positions, wrong.into())
    }
}

/// The text may hold secrets.
impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
