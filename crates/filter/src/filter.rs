//! A compiled expression and its evaluation.

use regex::Regex;

use crate::parser::{check_syntax, parse};
use crate::value::Fields;
use crate::{Error, Schema, Value};

#[cfg(test)]
mod tests;

/// A compiled filter expression.
#[derive(Debug, Clone)]
pub struct Filter(Expression);

#[derive(Debug, Clone)]
pub(crate) enum Expression {
    Any(Vec<Self>),
    All(Vec<Self>),
    Not(Box<Self>),
    Match(Match),
}

/// One comparison.
#[derive(Debug, Clone)]
pub(crate) struct Match {
    pub(crate) steps: Vec<Step>,
    pub(crate) test: Test,
    pub(crate) negated: bool,
}

/// One step on the way from a row to the selected field.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// A field that every such structure has: where the row leaves it out, it has its empty value.
    Field(String),
    /// A key that a map may lack.
    Key(String),
    /// Any element of a list.
    Each,
}

#[derive(Debug, Clone)]
pub(crate) enum Test {
    Equal(Literal),
    Substring(String),
    Element(String),
    HasKey(String),
    Matches(Regex),
    Empty,
}

#[derive(Debug, Clone)]
pub(crate) enum Literal {
    Str(String),
    Bool(bool),
    Int(i64),
}

// === impl Filter ===

impl Filter {
    /// Compiles `text` for rows of `schema` ([`crate::rows`] has those of the HTTP API).
    ///
    /// # Errors
    /// Where the text is malformed, selects a field that the rows lack, or compares a field with
    /// an operator or a value that does not fit its type.
    pub fn compile(text: &str, schema: &'static Schema) -> Result<Self, Error> {
        parse(text, schema).map(Self)
    }

    /// Whether `text` can be read at all, whatever rows it is for.
    ///
    /// # Errors
    /// Where the text is malformed.
    pub fn check_syntax(text: &str) -> Result<(), Error> {
        check_syntax(text)
    }

    /// Whether the row passes.
    #[must_use]
    pub fn matches<'a>(&self, row: impl Into<Value<'a>>) -> bool {
        self.0.matches(row.into())
    }
}

// === impl Expression ===

impl Expression {
    fn matches(&self, row: Value<'_>) -> bool {
        match self {
            Self::Any(operands) => operands.iter().any(|operand| operand.matches(row)),
            Self::All(operands) => operands.iter().all(|operand| operand.matches(row)),
            Self::Not(operand) => !operand.matches(row),
            Self::Match(comparison) => comparison.walk(&comparison.steps, row),
        }
    }
}

// === impl Match ===

impl Match {
    fn walk(&self, steps: &[Step], value: Value<'_>) -> bool {
        let Some((step, rest)) = steps.split_first() else {
            return self.test.holds(value) != self.negated;
        };
        match (step, value) {
            (Step::Field(name), Value::Map(fields)) => {
                self.walk(rest, fields.field(name).unwrap_or(Value::Null))
            }
            (Step::Field(_), _) => self.walk(rest, Value::Null),
            (Step::Key(name), Value::Map(fields)) => match fields.field(name) {
                Some(value) => self.walk(rest, value),
                None => self.without_key(),
            },
            (Step::Key(_), _) => self.without_key(),
            // A negated comparison, too, asks whether any element passes it.
            (Step::Each, Value::List(items)) => (0..)
                .map_while(|position| items.item(position))
                .any(|item| self.walk(rest, item)),
            (Step::Each, _) => false,
        }
    }

    /// What Consul answers where a map lacks the selected key: both `matches` and `not matches` pass.
    fn without_key(&self) -> bool {
        match self.test {
            Test::Equal(_) | Test::Substring(_) | Test::Element(_) | Test::HasKey(_) => {
                self.negated
            }
            Test::Empty => !self.negated,
            Test::Matches(_) => true,
        }
    }
}

// === impl Test ===

impl Test {
    fn holds(&self, value: Value<'_>) -> bool {
        match self {
            Self::Equal(Literal::Str(text)) => str_of(value) == text,
            Self::Equal(Literal::Bool(expected)) => matches!(value, Value::Bool(true)) == *expected,
            Self::Equal(Literal::Int(number)) => match value {
                Value::Int(value) => value == *number,
                _ => *number == 0,
            },
            Self::Substring(part) => str_of(value).contains(part.as_str()),
            Self::Element(text) => match value {
                Value::List(items) => (0..)
                    .map_while(|position| items.item(position))
                    .any(|item| str_of(item) == text),
                _ => false,
            },
            Self::HasKey(key) => matches!(value, Value::Map(fields) if fields.field(key).is_some()),
            Self::Matches(regex) => regex.is_match(str_of(value)),
            Self::Empty => match value {
                Value::List(items) => items.item(0).is_none(),
                Value::Map(fields) => Fields::is_empty(fields),
                Value::Null | Value::Bool(_) | Value::Int(_) | Value::Str(_) => true,
            },
        }
    }
}

/// The text of a value; what is not there reads as the empty text.
fn str_of(value: Value<'_>) -> &str {
    match value {
        Value::Str(text) => text,
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::List(_) | Value::Map(_) => "",
    }
}
