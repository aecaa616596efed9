//! Randomness that nothing depends on.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

/// A random duration up to `max`, for things that should not all happen at once.
#[must_use]
pub fn jitter(max: Duration) -> Duration {
    // every `RandomState` has keys of its own, so its hash of nothing is a random number
    let random = RandomState::new().build_hasher().finish() >> 11;
    let fraction = random as f64 / (1_u64 << 53) as f64;
    max.mul_f64(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_stays_below_its_maximum_and_differs() {
        let max = Duration::from_secs(10);
        let samples: Vec<_> = (0..100).map(|_| jitter(max)).collect();
        assert!(samples.iter().all(|sample| *sample <= max));
        assert!(samples.iter().any(|sample| *sample != samples[0]));
        assert_eq!(jitter(Duration::ZERO), Duration::ZERO);
    }
}
