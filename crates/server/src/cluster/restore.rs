//! All that the servers keep, taken out and put back.

use bytes::Bytes;
use tribune_replication::ReadError;
use tribune_state::{ApplyError, DecodeError, Operation, Outcome, RestorePart, Snapshot, Store};
use tribune_types::call::Consistency;

use super::{Cluster, OperatorError};

/// How many bytes go into one entry of the log.
const PART: usize = 256 << 10;

/// Why nothing was restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The bytes are no tables, or a later version's.
    #[error("this is no state of servers: {0}")]
    Malformed(DecodeError),
    /// Nothing could be written.
    #[error("{0}")]
    Propose(OperatorError),
    /// It was refused: another restoration began meanwhile.
    #[error("{0}")]
    Refused(ApplyError),
    /// The bytes could not be looked at.
    #[error("the state to restore could not be looked at: {0}")]
    Check(String),
}

// === impl Cluster ===

impl Cluster {
    /// All that the servers keep, as fresh as asked for, and the term that it was read in.
    /// [`Snapshot::encode`] gives the bytes that [`Self::restore`] takes.
    ///
    /// # Errors
    /// Where that cannot be made sure of here.
    pub async fn save(&self, consistency: Consistency) -> Result<(Snapshot, u64), ReadError> {
        let parts = &self.shared.parts;
        parts.log.read_barrier(consistency).await?;
        let term = parts.log.leadership().borrow().term;
        Ok((parts.log.snapshot(), term))
    }

    /// Puts these bytes, split anywhere, in the place of all that the servers keep. They are looked at whole before
    /// anything is written, and take effect on every server at one index of the log. Any server can do it.
    ///
    /// # Errors
    /// Where nothing was restored, or, where an answer was lost, nobody knows.
    pub async fn restore(&self, bytes: Vec<Bytes>) -> Result<(), RestoreError> {
        let checked = tokio::task::spawn_blocking(move || {
            let checked = Store::restore(&bytes).map(|_| ());
            checked.map(|()| bytes)
        });
        let bytes = checked
            .await
            .map_err(|error| RestoreError::Check(error.to_string()))?
            .map_err(RestoreError::Malformed)?;
        let id = uuid::Uuid::new_v4().as_u128();
        let total: usize = bytes.iter().map(Bytes::len).sum();
        let mut offset = 0;
        for part in parts(bytes) {
            let end = offset + part.len();
            let operation = Operation::Restore(RestorePart {
                id,
                offset: offset as u64,
                bytes: part.to_vec(),
                last: end == total,
            });
            let outcome = self.propose(operation).await;
            match outcome.map_err(RestoreError::Propose)? {
                Outcome::Done | Outcome::Cas(_) => {}
                Outcome::Refused(error) => return Err(RestoreError::Refused(error)),
            }
            offset = end;
        }
        tracing::info!(bytes = total, "all that the servers keep is replaced");
        Ok(())
    }
}

/// The same bytes in parts that fit into entries of the log.
fn parts(bytes: Vec<Bytes>) -> impl Iterator<Item = Bytes> {
    bytes.into_iter().flat_map(|mut piece| {
        std::iter::from_fn(move || {
            let length = piece.len().min(PART);
            (length > 0).then(|| piece.split_to(length))
        })
    })
}
