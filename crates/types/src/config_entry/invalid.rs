//! Why a raw entry is no entry.

use std::fmt;

/// A raw entry breaks rules of its kind; all of those that were found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// What is wrong, never empty.
    pub problems: Vec<Problem>,
}

impl std::error::Error for Invalid {}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.problems.iter().enumerate() {
            if i > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

/// One broken rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where, as a path such as `Sources[0].Permissions[1].HTTP.PathExact`.
    pub field: String,
    /// Which rule.
    pub reason: Reason,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.reason)
    }
}

/// A rule that a field breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// There must be a value.
    #[error("is required")]
    Required,
    /// There must be a value because of another field.
    #[error("is required with {0}")]
    RequiredBy(&'static str),
    /// It must be PEM. The value is not told: it may be a secret.
    #[error("is not PEM: it has no block from \"-----BEGIN …-----\" to \"-----END …-----\"")]
    NoPem,
    /// There must be no value.
    #[error("must be omitted {0}")]
    Forbidden(&'static str),
    /// The wildcard is no value here.
    #[error("must be one name, not the wildcard \"*\"")]
    Wildcard,
    /// The wildcard is a whole value or none.
    #[error("the wildcard \"*\" cannot be part of a value")]
    PartialWildcard,
    /// It is none of the words that are allowed.
    #[error("{value:?} is none of {}", quoted(allowed))]
    NotOneOf {
        /// The value.
        value: String,
        /// What is allowed.
        allowed: &'static [&'static str],
    },
    /// It is longer than allowed.
    #[error("exceeds maximum length {0} (bytes)")]
    TooLong(usize),
    /// It has more elements than allowed.
    #[error("exceeds maximum element count {0}")]
    TooMany(usize),
    /// It is not within its range.
    #[error("{value} is not between {least} and {most}")]
    OutOfRange {
        /// The value.
        value: i64,
        /// The least one that is allowed.
        least: i64,
        /// The greatest one that is allowed.
        most: i64,
    },
    /// It is there twice.
    #[error("{0:?} is there more than once")]
    Duplicate(String),
    /// It can't be together with another field.
    #[error("cannot be set together with {0}")]
    Excludes(&'static str),
    /// Of several fields, none is set.
    #[error("needs at least one of {0}")]
    AtLeastOne(&'static str),
    /// Of several fields, more than one is set.
    #[error("can have only one of {0}")]
    AtMostOne(&'static str),
    /// Of several fields, not exactly one is set.
    #[error("needs exactly one of {0}")]
    ExactlyOne(&'static str),
    /// Shares are more or less than the whole, in hundredths of a percent.
    #[error("the weights have to add up to 100, and add up to {}", hundredths(*.0))]
    WrongSum(i64),
    /// A subset is named that the entry does not define.
    #[error("{subset:?} is no subset of {service:?}: define it under Subsets")]
    UnknownSubset {
        /// The subset.
        subset: String,
        /// The service.
        service: String,
    },
    /// It is not written as it has to be.
    #[error("{value:?} is not {expected}")]
    Malformed {
        /// The value.
        value: String,
        /// What it should be.
        expected: &'static str,
    },
    /// Only the control plane writes it.
    #[error("is written by the control plane alone: write the api-gateway and its routes")]
    Internal,
    /// Consul has it in its Enterprise edition only.
    #[error("is a Consul Enterprise feature")]
    Enterprise,
}

fn hundredths(sum: i64) -> String {
    let (sign, sum) = (if sum < 0 { "-" } else { "" }, sum.unsigned_abs());
    format!("{sign}{}.{:02}", sum / 100, sum % 100)
}

fn quoted(words: &[&str]) -> String {
    words
        .iter()
        .map(|word| format!("{word:?}"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// Collects problems.
#[derive(Debug, Default)]
pub(super) struct Problems(Vec<Problem>);

impl Problems {
    pub(super) fn add(&mut self, field: impl Into<String>, reason: Reason) {
        self.0.push(Problem {
            field: field.into(),
            reason,
        });
    }

    /// Adds `reason` where `broken`.
    pub(super) fn add_if(&mut self, broken: bool, field: &str, reason: Reason) {
        if broken {
            self.add(field, reason);
        }
    }

    /// Adds a problem where `value` is none of `allowed`.
    pub(super) fn one_of(&mut self, field: &str, value: &str, allowed: &'static [&'static str]) {
        if !allowed.contains(&value) {
            self.add(
                field,
                Reason::NotOneOf {
                    value: value.to_owned(),
                    allowed,
                },
            );
        }
    }

    /// Adds a problem where `value` is not from `least` to `most`.
    pub(super) fn range(&mut self, field: &str, value: i64, least: i64, most: i64) {
        if !(least..=most).contains(&value) {
            self.add(field, Reason::OutOfRange { value, least, most });
        }
    }

    pub(super) fn finish(self) -> Result<(), Invalid> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Invalid { problems: self.0 })
        }
    }
}
