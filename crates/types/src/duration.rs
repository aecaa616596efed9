//! Durations in the textual form that Consul takes and prints, which is that of Go's `time.Duration`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A signed length of time in nanoseconds; read from a string (`1h30m`, `250ms`) or from a number of
/// nanoseconds, printed as a string.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GoDuration(i64);

const UNITS: [(&str, i64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Why a text is no duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is not a duration: write a number with a unit (ns, us, ms, s, m, h), as in \"1m30s\""
)]
pub struct ParseDurationError {
    text: String,
}

impl GoDuration {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// A number of nanoseconds.
    #[must_use]
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// A number of milliseconds; what is out of range is cut off at the range's end.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// A number of seconds; what is out of range is cut off at the range's end.
    #[must_use]
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1_000_000_000))
    }

    /// The number of nanoseconds.
    #[must_use]
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// Whether it is exactly no time; for `skip_serializing_if`.
    #[must_use]
    pub const fn is_zero(&self) -> bool {
        self.0 == 0
    }

    /// As an unsigned duration; a negative one is none at all.
    #[must_use]
    pub fn to_std(self) -> Duration {
        Duration::from_nanos(u64::try_from(self.0).unwrap_or(0))
    }
}

impl From<Duration> for GoDuration {
    fn from(duration: Duration) -> Self {
        Self(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX))
    }
}

impl FromStr for GoDuration {
    type Err = ParseDurationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseDurationError {
            text: text.to_owned(),
        };
        let (negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        if rest == "0" {
            return Ok(Self::ZERO);
        }
        let mut rest = (!rest.is_empty()).then_some(rest).ok_or_else(error)?;
        let mut total = 0_i64;
        while !rest.is_empty() {
            let end = rest
                .find(|c: char| !c.is_ascii_digit() && c != '.')
                .ok_or_else(error)?;
            let (number, tail) = rest.split_at(end);
            let unit_end = tail
                .find(|c: char| c.is_ascii_digit() || c == '.')
                .unwrap_or(tail.len());
            let (unit, tail) = tail.split_at(unit_end);
            let (_, scale) = UNITS
                .iter()
                .find(|(name, _)| *name == unit)
                .ok_or_else(error)?;
            let part = scaled(number, *scale).ok_or_else(error)?;
            total = total.checked_add(part).ok_or_else(error)?;
            rest = tail;
        }
        Ok(Self(if negative { -total } else { total }))
    }
}

/// `number` (digits with at most one point) times `scale`, cut off below a nanosecond.
fn scaled(number: &str, scale: i64) -> Option<i64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
        return None;
    }
    let whole: i64 = if whole.is_empty() {
        0
    } else {
        whole.parse().ok()?
    };
    let mut total = whole.checked_mul(scale)?;
    let mut unit = scale;
    for digit in fraction.bytes() {
        unit /= 10;
        total = total.checked_add(i64::from(digit - b'0') * unit)?;
    }
    Some(total)
}

impl fmt::Display for GoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.unsigned_abs();
        if self.0 < 0 {
            f.write_str("-")?;
        }
        if nanos == 0 {
            return f.write_str("0s");
        }
        let (scale, unit) = match nanos {
            0..1_000 => (1, "ns"),
            1_000..1_000_000 => (1_000, "µs"),
            1_000_000..1_000_000_000 => (1_000_000, "ms"),
            _ => (1_000_000_000, "s"),
        };
        let (mut whole, rest) = (nanos / scale, nanos % scale);
        if unit == "s" {
            let (hours, minutes) = (whole / 3600, whole / 60 % 60);
            if hours > 0 {
                write!(f, "{hours}h")?;
            }
            if hours > 0 || minutes > 0 {
                write!(f, "{minutes}m")?;
            }
            whole %= 60;
        }
        write!(f, "{whole}")?;
        if rest > 0 {
            let width = scale.ilog10() as usize;
            let digits = format!("{rest:0width$}");
            write!(f, ".{}", digits.trim_end_matches('0'))?;
        }
        f.write_str(unit)
    }
}

impl Serialize for GoDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for GoDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = GoDuration;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration such as \"1m30s\", or a number of nanoseconds")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<GoDuration, E> {
                if text.is_empty() {
                    return Ok(GoDuration::ZERO);
                }
                text.parse().map_err(E::custom)
            }

            fn visit_i64<E: Error>(self, nanos: i64) -> Result<GoDuration, E> {
                Ok(GoDuration(nanos))
            }

            fn visit_u64<E: Error>(self, nanos: u64) -> Result<GoDuration, E> {
                i64::try_from(nanos)
                    .map(GoDuration)
                    .map_err(|_| E::custom("a duration of more than 292 years"))
            }

            fn visit_f64<E: Error>(self, nanos: f64) -> Result<GoDuration, E> {
                // a float beyond the range saturates, which is the nearest duration there is
                Ok(GoDuration(nanos as i64))
            }
        }
        deserializer.deserialize_any(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_print_as_go_prints_them() {
        let rows = [
            (0, "0s"),
            (1, "1ns"),
            (1_500, "1.5µs"),
            (250_000_000, "250ms"),
            (5_000_000_000, "5s"),
            (90_000_000_000, "1m30s"),
            (259_200_000_000_000, "72h0m0s"),
            (-1_500_000_000, "-1.5s"),
        ];
        for (nanos, text) in rows {
            assert_eq!(GoDuration(nanos).to_string(), text);
            assert_eq!(text.parse(), Ok(GoDuration(nanos)), "{text}");
        }
    }

    #[test]
    fn durations_read_every_form_that_go_reads() {
        let rows = [
            ("0", 0),
            ("1h30m", 5_400_000_000_000),
            ("1.5h", 5_400_000_000_000),
            (".5s", 500_000_000),
            ("+1us", 1_000),
        ];
        for (text, nanos) in rows {
            assert_eq!(text.parse(), Ok(GoDuration(nanos)), "{text}");
        }
        for text in ["", "-", "1", "s", "1x", "1..5s", ".s", "9999999999h", "1s2"] {
            assert!(text.parse::<GoDuration>().is_err(), "{text}");
        }
    }

    #[test]
    fn durations_read_strings_and_nanoseconds_from_json() {
        let read = |json: &str| serde_json::from_str::<GoDuration>(json).map_err(|e| e.to_string());
        assert_eq!(read("\"10s\""), Ok(GoDuration::from_secs(10)));
        assert_eq!(read("10000000000"), Ok(GoDuration::from_secs(10)));
        assert!(read("\"ten\"").unwrap_err().contains("is not a duration"));
        assert!(read("true").unwrap_err().contains("expected a duration"));
    }
}
