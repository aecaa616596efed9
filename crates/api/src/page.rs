//! Rows on their way out: those that may not be seen are left out, then those that the filter expression
//! does not match.

use serde::Serialize;
use tribune_filter::{Filter, Schema};
use tribune_types::Index;
use tribune_types::call::{Answer, CallError, Options};

/// Collects rows, and remembers whether one was left out for want of a permission.
#[derive(Debug)]
pub struct Filtered {
    filter: Option<Filter>,
    /// Whether the authoriser hid a row.
    pub hidden: bool,
}

impl Filtered {
    /// Rows of one schema, for one request.
    ///
    /// # Errors
    /// Where the filter expression does not fit the rows.
    pub fn new(options: &Options, schema: &'static Schema) -> Result<Self, CallError> {
        let compile = |text| Filter::compile(text, schema);
        let filter = Some(options.filter.as_str())
            .filter(|text| !text.is_empty())
            .map(compile)
            .transpose();
        let filter = filter.map_err(|error| CallError::Refused(error.to_string()))?;
        Ok(Self {
            filter,
            hidden: false,
        })
    }

    /// Rows that no filter expression is about.
    #[must_use]
    pub const fn unfiltered() -> Self {
        Self {
            filter: None,
            hidden: false,
        }
    }

    /// Whether a row goes out. `seen` says whether the caller may see it.
    pub fn keeps<T: Serialize>(&mut self, seen: bool, row: &T) -> bool {
        if !seen {
            self.hidden = true;
            return false;
        }
        let Some(filter) = &self.filter else {
            return true;
        };
        // rows are judged in the form in which clients know their fields
        serde_json::to_value(row).is_ok_and(|json| filter.matches(&json))
    }

    /// The rows that go out, of rows with whether the caller may see each.
    pub fn rows<R: Serialize>(&mut self, rows: impl Iterator<Item = (bool, R)>) -> Vec<R> {
        rows.filter(|(seen, row)| self.keeps(*seen, row))
            .map(|(_, row)| row)
            .collect()
    }

    /// An answer made of what went out.
    pub fn answer<T: Serialize + ?Sized>(&self, index: Index, body: &T) -> Answer {
        Answer {
            index: Some(index),
            filtered_by_acls: self.hidden,
            ..Answer::json(body)
        }
    }
}
