//! Lifetimes of certificates and the bounds that Consul sets them.

use std::time::Duration;

use tribune_types::GoDuration;

const HOUR: Duration = Duration::from_secs(3_600);

/// Shortest `LeafCertTTL` that Consul accepts.
pub const MIN_LEAF_TTL: Duration = HOUR;

/// Shortest `LeafCertTTL` in development mode and in tests, so that renewal can be watched.
pub const DEV_MIN_LEAF_TTL: Duration = Duration::from_secs(10);

const MAX_LEAF_TTL: Duration = Duration::from_secs(8_760 * 3_600);
const MIN_INTERMEDIATE_TTL: Duration = Duration::from_secs(3 * 3_600);

/// How long certificates live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ttls {
    /// `LeafCertTTL`, 72 hours unless said otherwise.
    pub leaf: Duration,
    /// `IntermediateCertTTL`, a year unless said otherwise.
    pub intermediate: Duration,
    /// `RootCertTTL`, ten years unless said otherwise.
    pub root: Duration,
}

/// Why lifetimes do not go together, in Consul's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TtlError {
    /// Roots would expire before the intermediates under them.
    #[error(
        "root cert TTL is set and is not greater than intermediate cert ttl. root cert ttl: {root}, intermediate cert ttl: {intermediate}"
    )]
    Root {
        /// `RootCertTTL`.
        root: GoDuration,
        /// `IntermediateCertTTL`.
        intermediate: GoDuration,
    },
    /// Leaves are too short-lived.
    #[error("leaf cert TTL must be greater or equal than {min}")]
    LeafTooShort {
        /// The shortest that is accepted.
        min: GoDuration,
    },
    /// Leaves are too long-lived.
    #[error("leaf cert TTL must be less than {max}")]
    LeafTooLong {
        /// The longest that is accepted.
        max: GoDuration,
    },
    /// Intermediates are too short-lived.
    #[error("Intermediate Cert TTL must be greater or equal than 3h")]
    IntermediateTooShort,
    /// Intermediates are too short-lived for the leaves under them.
    #[error("Intermediate Cert TTL must be greater or equal than 3 * LeafCertTTL (>={min}).")]
    IntermediateForLeaf {
        /// Three times `LeafCertTTL`.
        min: GoDuration,
    },
}

impl Default for Ttls {
    fn default() -> Self {
        Self {
            leaf: 72 * HOUR,
            intermediate: 8_760 * HOUR,
            root: 87_600 * HOUR,
        }
    }
}

impl Ttls {
    /// Checks the lifetimes against each other, in Consul's order.
    ///
    /// `min_leaf` is [`MIN_LEAF_TTL`] in production and [`DEV_MIN_LEAF_TTL`] in development mode.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn check(&self, min_leaf: Duration) -> Result<(), TtlError> {
        if self.root < self.intermediate {
            return Err(TtlError::Root {
                root: self.root.into(),
                intermediate: self.intermediate.into(),
            });
        }
        if self.leaf < min_leaf {
            return Err(TtlError::LeafTooShort {
                min: min_leaf.into(),
            });
        }
        if self.leaf > MAX_LEAF_TTL {
            return Err(TtlError::LeafTooLong {
                max: MAX_LEAF_TTL.into(),
            });
        }
        if self.intermediate < MIN_INTERMEDIATE_TTL {
            return Err(TtlError::IntermediateTooShort);
        }
        let min = 3 * self.leaf;
        if self.intermediate < min {
            return Err(TtlError::IntermediateForLeaf { min: min.into() });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(change: impl FnOnce(&mut Ttls)) -> String {
        let mut ttls = Ttls::default();
        change(&mut ttls);
        ttls.check(MIN_LEAF_TTL).unwrap_err().to_string()
    }

    #[test]
    fn the_defaults_are_accepted() {
        assert_eq!(Ttls::default().check(MIN_LEAF_TTL), Ok(()));
    }

    #[test]
    fn each_bound_is_refused_in_consuls_words() {
        assert_eq!(
            refusal(|ttls| ttls.root = HOUR),
            "root cert TTL is set and is not greater than intermediate cert ttl. root cert ttl: 1h0m0s, intermediate cert ttl: 8760h0m0s"
        );
        assert_eq!(
            refusal(|ttls| ttls.leaf = HOUR - Duration::from_secs(1)),
            "leaf cert TTL must be greater or equal than 1h0m0s"
        );
        assert_eq!(
            refusal(|ttls| ttls.leaf = 8_761 * HOUR),
            "leaf cert TTL must be less than 8760h0m0s"
        );
        assert_eq!(
            refusal(|ttls| ttls.intermediate = 2 * HOUR),
            "Intermediate Cert TTL must be greater or equal than 3h"
        );
        assert_eq!(
            refusal(|ttls| ttls.intermediate = 215 * HOUR),
            "Intermediate Cert TTL must be greater or equal than 3 * LeafCertTTL (>=216h0m0s)."
        );
    }

    #[test]
    fn ten_seconds_are_enough_in_development_mode_only() {
        let ttls = Ttls {
            leaf: Duration::from_secs(10),
            ..Ttls::default()
        };
        assert_eq!(ttls.check(DEV_MIN_LEAF_TTL), Ok(()));
        assert!(ttls.check(MIN_LEAF_TTL).is_err());
    }
}
