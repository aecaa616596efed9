//! Shares of traffic.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A share of traffic in hundredths of a percent. Consul keeps a float of 32 bits and rounds it to two
/// places; what is computed with it here is rounded as it is there, so that both come to the same number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Weight(i32);

impl Weight {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// All of it.
    pub const ALL: Self = Self(10_000);

    /// A number of hundredths of a percent.
    #[must_use]
    pub const fn from_hundredths(hundredths: i32) -> Self {
        Self(hundredths)
    }

    /// The number of hundredths of a percent; negative where somebody wrote so, which Consul allows.
    #[must_use]
    pub const fn hundredths(self) -> i32 {
        self.0
    }

    /// Whether it is nothing.
    #[must_use]
    pub const fn is_zero(&self) -> bool {
        self.0 == 0
    }

    /// This share of another one.
    #[must_use]
    pub fn of(self, whole: Self) -> Self {
        Self::round(whole.percent() * self.percent() / 100.0)
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "weights beyond the precision of 32 bits round as Consul's do"
    )]
    fn percent(self) -> f32 {
        self.0 as f32 / 100.0
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "the cast saturates, and no sum of saturated weights is 100 %"
    )]
    fn round(percent: f32) -> Self {
        Self(f64::from(percent * 100.0).round() as i32)
    }
}

impl fmt::Display for Weight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", f64::from(self.0) / 100.0)
    }
}

impl Serialize for Weight {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 % 100 == 0 {
            serializer.serialize_i32(self.0 / 100)
        } else {
            serializer.serialize_f64(f64::from(self.0) / 100.0)
        }
    }
}

impl<'de> Deserialize<'de> for Weight {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        f32::deserialize(deserializer).map(Self::round)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn weights_are_rounded_to_two_places_and_print_no_more() {
        let rows = [
            (json!(100), json!(100)),
            (json!(33.333), json!(33.33)),
            (json!(33.3349), json!(33.33)),
            (json!(33.335), json!(33.34)),
            (json!(49.995), json!(50)),
            (json!(0.5), json!(0.5)),
            (json!(-10), json!(-10)),
            (json!(1e30), json!(21_474_836.47)),
        ];
        for (written, printed) in rows {
            let weight: Weight = serde_json::from_value(written.clone()).unwrap();
            assert_eq!(serde_json::to_value(weight).unwrap(), printed, "{written}");
        }
    }

    #[test]
    fn a_share_of_a_share_is_rounded_again() {
        let half = Weight::from_hundredths(5_000);
        assert_eq!(half.of(Weight::ALL), half);
        assert_eq!(half.of(half), Weight::from_hundredths(2_500));
        let third = Weight::from_hundredths(3_333);
        assert_eq!(third.of(third), Weight::from_hundredths(1_111));
    }
}
