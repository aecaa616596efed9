//! Proposing again where that is safe.

use std::time::Duration;

use tokio::time::Instant;
use tribune_state::Command;

use crate::error::ProposeError;
use crate::handle::{Handle, Proposed};

/// Wait before the first repetition; it doubles with each one.
const FIRST_WAIT: Duration = Duration::from_millis(5);

/// Longest wait between two repetitions.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

impl Handle {
    /// Proposes a command again and again until it is answered or `patience` is over, but only where it
    /// cannot be applied twice: when nobody took the proposal, or when the command names its request.
    ///
    /// Where leadership moves, it is proposed again at once.
    ///
    /// # Errors
    /// The last error, when `patience` is over or the command cannot be proposed again.
    pub async fn propose_with_retry(&self, command: Command, patience: Duration) -> Proposed {
        let until = Instant::now() + patience;
        let mut leadership = self.leadership();
        let mut wait = FIRST_WAIT;
        loop {
            leadership.mark_unchanged();
            let error = match tokio::time::timeout_at(until, self.propose(command.clone())).await {
                Ok(Ok(done)) => return Ok(done),
                Ok(Err(error)) => error,
                Err(_) => return Err(ProposeError::Unknown),
            };
            let repeatable = match &error {
                ProposeError::NotLeader { .. }
                | ProposeError::Unavailable
                | ProposeError::Full { .. } => true,
                ProposeError::Unknown => command.request_id.is_some(),
                ProposeError::TooLarge { .. } => false,
            };
            if !repeatable || Instant::now() + wait >= until {
                return Err(error);
            }
            tokio::select! {
                Ok(()) = leadership.changed() => {}
                () = tokio::time::sleep(wait) => {}
            }
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }
}
