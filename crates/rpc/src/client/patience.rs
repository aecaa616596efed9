//! How long and how often something is tried.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use tribune_runtime::jitter;

/// Between two tries, a part of the time that is held at most.
const TRIES: u32 = 16;

/// What keeps a request from being tried for ever.
pub(super) struct Patience {
    hold: Duration,
    until: Option<Instant>,
}

// === impl Patience ===

impl Patience {
    pub(super) const fn new(hold: Duration) -> Self {
        Self { hold, until: None }
    }

    /// Waits a little before the next try; says whether there may be one. Time counts from the first failure.
    pub(super) async fn wait(&mut self) -> bool {
        let until = *self.until.get_or_insert_with(|| Instant::now() + self.hold);
        let pause = self.hold / TRIES;
        let pause = pause / 2 + jitter(pause / 2);
        if Instant::now() + pause >= until {
            return false;
        }
        sleep(pause).await;
        true
    }
}
