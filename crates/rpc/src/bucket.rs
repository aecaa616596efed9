//! How often something may be done.

use std::time::Instant;

/// Lets through so many a second, and more at once after a quiet time. The clock is the caller's.
#[derive(Clone, Debug)]
pub(crate) struct Bucket {
    rate: f64,
    burst: f64,
    level: f64,
    filled_at: Instant,
}

// === impl Bucket ===

impl Bucket {
    /// A full bucket. A rate that is negative or no number is no limit.
    pub(crate) const fn new(rate: f64, burst: f64, now: Instant) -> Self {
        Self {
            rate,
            burst,
            level: burst,
            filled_at: now,
        }
    }

    /// Whether one more may be done now.
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        if self.rate.is_nan() || self.rate < 0.0 {
            return true;
        }
        let elapsed = now.saturating_duration_since(self.filled_at);
        self.filled_at = self.filled_at.max(now);
        self.level = (self.level + elapsed.as_secs_f64() * self.rate).min(self.burst);
        let enough = self.level >= 1.0;
        if enough {
            self.level -= 1.0;
        }
        enough
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn taken(bucket: &mut Bucket, now: Instant) -> usize {
        (0..1_000).take_while(|_| bucket.take(now)).count()
    }

    #[test]
    fn what_was_not_taken_is_there_up_to_the_burst() {
        let start = Instant::now();
        let mut bucket = Bucket::new(10.0, 20.0, start);
        assert_eq!(taken(&mut bucket, start), 20);
        assert_eq!(taken(&mut bucket, start + Duration::from_millis(500)), 5);
        assert_eq!(taken(&mut bucket, start + Duration::from_secs(60)), 20);
    }

    #[test]
    fn a_clock_that_goes_back_fills_nothing() {
        let start = Instant::now() + Duration::from_secs(60);
        let mut bucket = Bucket::new(10.0, 10.0, start);
        assert_eq!(taken(&mut bucket, start), 10);
        assert_eq!(taken(&mut bucket, start - Duration::from_secs(30)), 0);
        assert_eq!(taken(&mut bucket, start), 0);
    }

    #[test]
    fn no_rate_is_no_limit_and_zero_is_nothing_after_the_burst() {
        let start = Instant::now();
        assert_eq!(taken(&mut Bucket::new(-1.0, 0.0, start), start), 1_000);
        let mut bucket = Bucket::new(0.0, 3.0, start);
        assert_eq!(taken(&mut bucket, start), 3);
        assert_eq!(taken(&mut bucket, start + Duration::from_secs(60)), 0);
    }
}
