//! What time it is.

use std::time::SystemTime;

use tokio::time::Instant;

/// Tells the time of day and the time that passes. Cheap to copy.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock {
    /// Where the time of day is simulated: what it was, and when.
    simulated: Option<(SystemTime, Instant)>,
}

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub const fn system() -> Self {
        Self { simulated: None }
    }

    /// A clock whose time of day is `start` now and goes on with the runtime's time: it stands while that
    /// is paused.
    #[must_use]
    pub fn simulated(start: SystemTime) -> Self {
        Self {
            simulated: Some((start, Instant::now())),
        }
    }

    /// The time of day.
    #[must_use]
    pub fn wall(&self) -> SystemTime {
        match self.simulated {
            None => SystemTime::now(),
            Some((start, at)) => start + at.elapsed(),
        }
    }

    /// The time that passes: never set back, of no meaning outside this process.
    #[must_use]
    pub fn monotonic(&self) -> Instant {
        Instant::now()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_simulated_clock_goes_with_the_runtime() {
        let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        let (clock, before) = (Clock::simulated(start), Clock::system().monotonic());
        assert_eq!(clock.wall(), start);
        tokio::time::advance(Duration::from_secs(72 * 3600)).await;
        assert_eq!(clock.wall(), start + Duration::from_secs(72 * 3600));
        assert_eq!(clock.monotonic() - before, Duration::from_secs(72 * 3600));
    }
}
