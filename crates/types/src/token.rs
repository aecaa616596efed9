//! The secret that a request is made with.

use std::fmt;
use std::sync::Arc;

/// Secret ID of an ACL token; empty for a request without one. It is never printed.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(Option<Arc<str>>);

impl Token {
    /// The secret itself.
    #[must_use]
    pub fn secret(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }

    /// Whether the request came without a token.
    #[must_use]
    pub const fn is_anonymous(&self) -> bool {
        self.0.is_none()
    }
}

impl From<&str> for Token {
    fn from(secret: &str) -> Self {
        Self((!secret.is_empty()).then(|| secret.into()))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_anonymous() {
            "Token(anonymous)"
        } else {
            "Token(hidden)"
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_never_printed() {
        assert_eq!(format!("{:?}", Token::from("s3cret")), "Token(hidden)");
        assert_eq!(Token::from("s3cret").secret(), "s3cret");
    }
}
