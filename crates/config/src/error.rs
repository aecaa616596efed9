//! What is wrong with a configuration.

use std::fmt;

use tribune_hcl::Span;

/// A configuration can't be used. All problems that could be found are named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// The problems, at least one.
    pub problems: Vec<Problem>,
}

/// One problem and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    source: Option<String>,
    positions: bool,
    wrong: Wrong,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Wrong {
    #[error("expected keys and values, found {found}")]
    NoObject { found: &'static str },
    #[error("{0}")]
    Value(#[from] tribune_hcl::Error),
    #[error("unknown key{}", nearest.as_ref().map_or_else(String::new, |n| format!("; did you mean `{n}`?")))]
    UnknownKey {
        key: String,
        span: Span,
        nearest: Option<String>,
    },
    #[error("this key of Consul's is not supported yet{}", reason.map_or_else(String::new, |reason| format!(": {reason}")))]
    UnsupportedKey {
        key: String,
        span: Span,
        reason: Option<&'static str>,
    },
    #[error("{reason}")]
    At {
        key: String,
        span: Span,
        reason: String,
    },
    #[error("{reason}")]
    Rule { key: String, reason: String },
}

// === impl Problem ===

impl Problem {
    pub(crate) fn in_source(source: String, positions: bool, wrong: Wrong) -> Self {
        Self {
            source: Some(source),
            positions,
            wrong,
        }
    }

    /// A rule that the merged configuration breaks.
    pub(crate) fn rule(key: impl Into<String>, reason: impl fmt::Display) -> Self {
        let wrong = Wrong::Rule {
            key: key.into(),
            reason: reason.to_string(),
        };
        Self {
            source: None,
            positions: false,
            wrong,
        }
    }

    /// The file or flag that it is in, if it is in one alone.
    pub fn source(&self) -> Option<&str> {
        self.source.as_deref()
    }

    /// Where in the file.
    pub fn span(&self) -> Option<Span> {
        let span = match &self.wrong {
            Wrong::Value(error) => error.span(),
            Wrong::UnknownKey { span, .. }
            | Wrong::UnsupportedKey { span, .. }
            | Wrong::At { span, .. } => Some(*span),
            Wrong::NoObject { .. } | Wrong::Rule { .. } => None,
        };
        span.filter(|_| self.positions)
    }

    /// The key, as a path like `ports.http`.
    pub fn key(&self) -> String {
        match &self.wrong {
            Wrong::Value(error) => error.path(),
            Wrong::UnknownKey { key, .. }
            | Wrong::UnsupportedKey { key, .. }
            | Wrong::At { key, .. }
            | Wrong::Rule { key, .. } => key.clone(),
            Wrong::NoObject { .. } => String::new(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(source) = &self.source {
            write!(f, "{source}: ")?;
        }
        if let Some(span) = self.span() {
            write!(f, "{span}: ")?;
        }
        let key = self.key();
        if !key.is_empty() {
            write!(f, "{key}: ")?;
        }
        match &self.wrong {
            Wrong::Value(error) => write!(f, "{}", error.problem()),
            wrong => write!(f, "{wrong}"),
        }
    }
}

impl std::error::Error for Error {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.problems.iter().enumerate() {
            write!(f, "{}{problem}", if at > 0 { "\n" } else { "" })?;
        }
        Ok(())
    }
}
