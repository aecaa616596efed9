//! Waiting for what can be observed, never for time to pass.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How long a step may take before it counts as not observed.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// Asks `look` until it sees something; gives what it saw and how long that took.
///
/// # Errors
/// When [`DEADLINE`] passes first: names `what` was waited for and, when `look` failed last, why.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Result<Option<T>>) -> Result<(T, Duration)> {
    let start = Instant::now();
    loop {
        let seen = look();
        let elapsed = start.elapsed();
        match seen {
            Ok(Some(seen)) => return Ok((seen, elapsed)),
            Ok(None) if elapsed > DEADLINE => bail!("{what}: not seen in {} s", DEADLINE.as_secs()),
            Err(error) if elapsed > DEADLINE => {
                return Err(error)
                    .with_context(|| format!("{what}: not seen in {} s", DEADLINE.as_secs()));
            }
            Ok(None) | Err(_) => std::thread::sleep(Duration::from_millis(2)),
        }
    }
}
