//! Why an expression was refused.

/// An expression that cannot be used, and where in it the trouble is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Failed to create boolean expression evaluator: column {column}: {reason}")]
pub struct Error {
    /// Where in the expression, counted in characters from 1.
    pub column: usize,
    /// What is wrong there.
    pub reason: Reason,
}

/// What is wrong with an expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// A character that starts nothing the language knows.
    #[error("unexpected character {0:?}")]
    Character(char),
    /// Digits that are no number, such as `01` or `5x`.
    #[error("Invalid number literal")]
    Number,
    /// A string without its closing quote.
    #[error("Unterminated string literal")]
    Unterminated,
    /// A backslash in a double-quoted string that is no escape sequence; back quotes take backslashes as they are.
    #[error(
        "invalid escape sequence in string literal (use back quotes for text with backslashes)"
    )]
    Escape,
    /// A `[` that is not followed by a quoted key.
    #[error("Invalid index")]
    Index,
    /// A `[` without its `]`.
    #[error("Unclosed index expression")]
    UnclosedIndex,
    /// A dot, or the place where a selector must stand, without an identifier.
    #[error("Invalid selector")]
    Selector,
    /// A parenthesis without its partner.
    #[error("Unmatched parentheses")]
    Parentheses,
    /// Parentheses and `not` nested too deeply.
    #[error("expression is nested more than {limit} levels deep")]
    TooDeep {
        /// The number of levels that are allowed.
        limit: usize,
    },
    /// Something else was needed here.
    #[error("expected {0}")]
    Expected(&'static str),
    /// The rows have no such field, or not one that can be compared.
    #[error("Selector {0:?} is not valid")]
    UnknownSelector(String),
    /// The operator cannot be applied to that field.
    #[error("Invalid match operator {operator:?} for selector {selector:?}")]
    Operator {
        /// The operator as written.
        operator: &'static str,
        /// The selector as written, its parts joined with dots.
        selector: String,
    },
    /// The value is not of the field's type.
    #[error("Failed to coerce value {value:?} to {kind}")]
    Coerce {
        /// The value as written.
        value: String,
        /// The type of the field.
        kind: &'static str,
    },
    /// The regular expression is malformed, or too large once compiled.
    #[error("invalid regular expression: {0}")]
    Regex(String),
}
