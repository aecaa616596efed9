//! When a certificate is due for renewal.

use std::time::SystemTime;

/// The part of a lifetime after which renewal begins, and the part by which it must have begun.
const WINDOW: (f64, f64) = (0.6, 0.9);

/// When to renew a certificate: a point between 60 % and 90 % of its lifetime, as Consul has it.
///
/// `jitter` from 0 to 1 picks the point, so that certificates issued together are not renewed
/// together; what is outside is taken as the nearer end. A lifetime that is none is due at once.
pub fn renewal(not_before: SystemTime, not_after: SystemTime, jitter: f64) -> SystemTime {
    let lifetime = not_after.duration_since(not_before).unwrap_or_default();
    // Not `clamp`, which would let a NaN through.
    let jitter = if jitter > 0.0 { jitter.min(1.0) } else { 0.0 };
    let part = WINDOW.0 + (WINDOW.1 - WINDOW.0) * jitter;
    not_before + lifetime.mul_f64(part)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn after(lifetime: Duration, jitter: f64) -> Duration {
        let start = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        renewal(start, start + lifetime, jitter)
            .duration_since(start)
            .unwrap()
    }

    #[test]
    fn the_window_is_60_to_90_percent_of_any_lifetime() {
        for seconds in [10, 3_600, 72 * 3_600] {
            let lifetime = Duration::from_secs(seconds);
            let close = |jitter, part| {
                let difference = after(lifetime, jitter).abs_diff(lifetime.mul_f64(part));
                assert!(difference < Duration::from_millis(1), "{seconds} {jitter}");
            };
            close(0.0, 0.6);
            close(0.5, 0.75);
            close(1.0, 0.9);
        }
    }

    #[test]
    fn jitter_out_of_range_stays_within_the_window() {
        let hour = Duration::from_secs(3_600);
        assert_eq!(after(hour, -3.0), after(hour, 0.0));
        assert_eq!(after(hour, 7.0), after(hour, 1.0));
        assert_eq!(after(hour, f64::NAN), after(hour, 0.0));
    }

    #[test]
    fn a_certificate_without_a_lifetime_is_due_at_once() {
        let start = UNIX_EPOCH + Duration::from_secs(100);
        assert_eq!(renewal(start, UNIX_EPOCH, 0.5), start);
    }
}
