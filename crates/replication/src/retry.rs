//! Trying again, where that is safe.

use std::time::Duration;

use tokio::time::sleep;
use tribune_state::{Command, Outcome};
use tribune_types::Index;

use crate::error::ProposeError;
use crate::handle::Handle;

/// Waits between tries. Elections take longer than all but the last of them.
const WAITS: [Duration; 5] = [
    Duration::from_millis(10),
    Duration::from_millis(50),
    Duration::from_millis(250),
    Duration::from_secs(1),
    Duration::from_secs(3),
];

/// Proposes until something is known. A command whose answer is lost is proposed again only if it names its
/// request, by which the log knows it again.
///
/// # Errors
/// What the last try said, or what trying again cannot change.
pub async fn propose_with_retry(
    handle: &Handle,
    command: Command,
) -> Result<(Index, Outcome), ProposeError> {
    for wait in WAITS {
        let error = match handle.propose(command.clone()).await {
            Ok(applied) => return Ok(applied),
            Err(error) => error,
        };
        let again = match error {
            ProposeError::Unknown => command.request_id.is_some(),
            ProposeError::Unavailable | ProposeError::NotLeader { .. } => true,
            ProposeError::TooLarge { .. } => false,
        };
        if !again {
            return Err(error);
        }
        sleep(wait).await;
    }
    handle.propose(command).await
}

#[cfg(test)]
mod tests;
