//! What is wrong with a text or a value, where, and in which field.

use std::fmt::{self, Write as _};

use serde::de::{Expected, Unexpected};

use crate::value::quoted;
use crate::{Span, nearest};

/// Why a text could not be read, or a value not become the type that was asked for.
///
/// Displays as one line: position, field path, problem, each where known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    problem: Box<Problem>,
    span: Option<Span>,
    /// Steps from the innermost out: they are added while the error travels up.
    steps: Vec<Step>,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The text is not of its format.
    #[error("expected {expected}, found {found}")]
    Syntax {
        /// What may stand here.
        expected: String,
        /// What stands here.
        found: String,
    },
    /// Lists and objects nest too deep.
    #[error("nested more than {limit} levels deep")]
    TooDeep {
        /// How deep they may.
        limit: usize,
    },
    /// A key that its object already has.
    #[error("the key {} was already given at {first}", quoted(key))]
    DuplicateKey {
        /// The key.
        key: String,
        /// Where it was given first.
        first: Span,
    },
    /// A second spelling of a field that its object already has.
    #[error(
        "{} is the same field as {} at {first}",
        quoted(spelling),
        quoted(first_spelling)
    )]
    DuplicateField {
        /// The later spelling.
        spelling: String,
        /// The earlier spelling.
        first_spelling: String,
        /// Where that was.
        first: Span,
    },
    /// A field that the type does not have.
    #[error("unknown field {}{}", quoted(name), did_you_mean(nearest.as_deref()))]
    UnknownField {
        /// Its name as written.
        name: String,
        /// The known name that is most alike.
        nearest: Option<String>,
    },
    /// A word that is none of those which the type knows.
    #[error("expected {expected}, found the string {}{}", quoted(found), did_you_mean(nearest.as_deref()))]
    UnknownVariant {
        /// What is written.
        found: String,
        /// The known words.
        expected: String,
        /// The known word that is most alike.
        nearest: Option<String>,
    },
    /// A field that must be there is not.
    #[error("the field `{name}` is missing")]
    MissingField {
        /// Its name.
        name: &'static str,
    },
    /// A value of another type or outside the range.
    #[error("expected {expected}, found {found}")]
    Type {
        /// What the field takes.
        expected: String,
        /// What it was given.
        found: String,
    },
    /// What the type itself has to say against the value.
    #[error("{message}")]
    Invalid {
        /// Its words.
        message: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |name| format!("; did you mean `{name}`?"))
}

// === impl Error ===

impl Error {
    pub(crate) fn new(problem: Problem) -> Self {
        Self {
            problem: Box::new(problem),
            span: None,
            steps: Vec::new(),
        }
    }

    /// What is wrong.
    pub fn problem(&self) -> &Problem {
        &self.problem
    }

    /// Where in the text.
    pub fn span(&self) -> Option<Span> {
        self.span
    }

    /// In which field, like `Proxy.Upstreams[2].LocalBindPort`; empty at the top.
    pub fn path(&self) -> String {
        let mut path = String::new();
        for step in self.steps.iter().rev() {
            match step {
                Step::Index(index) => _ = write!(path, "[{index}]"),
                Step::Key(key) if plain(key) => {
                    let dot = if path.is_empty() { "" } else { "." };
                    _ = write!(path, "{dot}{key}");
                }
                Step::Key(key) => _ = write!(path, "[{}]", quoted(key)),
            }
        }
        path
    }

    /// Sets the position, unless a more exact one is known.
    pub(crate) fn at(mut self, span: Span) -> Self {
        self.span.get_or_insert(span);
        self
    }

    pub(crate) fn in_key(mut self, key: &str) -> Self {
        self.steps.push(Step::Key(key.to_owned()));
        self
    }

    pub(crate) fn in_index(mut self, index: usize) -> Self {
        self.steps.push(Step::Index(index));
        self
    }
}

/// Whether a key needs no quotes in a path.
fn plain(key: &str) -> bool {
    (1..=64).contains(&key.len())
        && key
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

impl std::error::Error for Error {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(span) = self.span {
            write!(f, "{span}: ")?;
        }
        if !self.steps.is_empty() {
            write!(f, "{}: ", self.path())?;
        }
        write!(f, "{}", self.problem)
    }
}

// === impl serde::de::Error ===

impl serde::de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(Problem::Invalid {
            message: message.to_string(),
        })
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(Problem::Type {
            expected: expected.to_string(),
            found: describe(found),
        })
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn unknown_variant(found: &str, known: &'static [&'static str]) -> Self {
        let words: Vec<String> = known.iter().map(|word| format!("{word:?}")).collect();
        let expected = match words.as_slice() {
            [] => "nothing".to_owned(),
            [one] => one.clone(),
            [all @ .., last] => format!("{} or {last}", all.join(", ")),
        };
        let nearest = nearest(found, known.iter().copied()).map(str::to_owned);
        Self::new(Problem::UnknownVariant {
            found: found.to_owned(),
            expected,
            nearest,
        })
    }

    fn unknown_field(name: &str, known: &'static [&'static str]) -> Self {
        let nearest = nearest(name, known.iter().copied()).map(str::to_owned);
        Self::new(Problem::UnknownField {
            name: name.to_owned(),
            nearest,
        })
    }

    fn missing_field(name: &'static str) -> Self {
        Self::new(Problem::MissingField { name })
    }

    fn duplicate_field(name: &'static str) -> Self {
        Self::new(Problem::Invalid {
            message: format!("the field `{name}` is given twice, under two names"),
        })
    }
}

fn describe(found: Unexpected<'_>) -> String {
    match found {
        Unexpected::Bool(value) => value.to_string(),
        Unexpected::Unsigned(number) => format!("the number {number}"),
        Unexpected::Signed(number) => format!("the number {number}"),
        Unexpected::Float(number) => format!("the number {number:?}"),
        Unexpected::Str(text) => format!("the string {}", quoted(text)),
        Unexpected::Unit | Unexpected::Option => "null".to_owned(),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "an object".to_owned(),
        other => other.to_string(),
    }
}
