//! The loop that runs while this server leads.

use std::time::Duration;

use tokio::sync::watch;
use tribune_membership::Membership;
use tribune_replication::{Handle, Leadership, ProposeError};
use tribune_runtime::Shutdown;
use tribune_state::{Command, Operation, Outcome};
use tribune_types::call::Consistency;

use super::reconcile::{Local, reconcile};

/// How often the catalog is compared with the members though neither changed.
const ROUND: Duration = Duration::from_secs(60);
/// Wait after a failure; it doubles with each one, up to [`ROUND`].
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// How long one change is tried for.
const PATIENCE: Duration = Duration::from_secs(7);

/// What keeps the catalog's nodes as gossip sees them, on the leader alone.
#[derive(Clone, Debug)]
pub struct Duties {
    /// The log.
    pub replication: Handle,
    /// The members.
    pub membership: Membership,
    /// This server.
    pub local: Local,
}

/// Why a round ended early.
#[derive(Debug, thiserror::Error)]
enum RoundError {
    #[error("what is known here may be old: {0}")]
    Barrier(tribune_replication::ReadError),
    #[error("{0}")]
    Propose(ProposeError),
}

// === impl Duties ===

impl Duties {
    /// Does what a leader does in every term that this server leads, until `shutdown`.
    ///
    /// In each term it starts with a barrier, so that it sees all that earlier leaders wrote.
    pub async fn run(self, shutdown: Shutdown) {
        let mut leadership = self.replication.leadership();
        loop {
            let term = leadership.borrow_and_update().clone();
            let duties = async {
                if term.is_here() {
                    tracing::info!(term = term.term, "this server leads");
                    self.lead().await;
                }
                std::future::pending::<()>().await;
            };
            tokio::select! {
                biased;
                () = shutdown.begun() => return,
                () = until_other(&mut leadership, &term) => {}
                () = duties => {}
            }
            if leadership.has_changed().is_err() {
                return;
            }
        }
    }

    /// Compares and writes, again and again. Dropped when the term ends.
    async fn lead(&self) {
        let mut changes = self.membership.changes();
        let mut wait = FIRST_WAIT;
        let mut is_new = true;
        loop {
            changes.mark_unchanged();
            match self.round(is_new).await {
                Ok(()) => {
                    (is_new, wait) = (false, FIRST_WAIT);
                    // whether the members changed or the time is over is the same
                    let _: Result<_, _> = tokio::time::timeout(ROUND, changes.changed()).await;
                }
                Err(error) => {
                    tracing::warn!(%error, again_in = ?wait, "the catalog's nodes may not be as the members are");
                    tokio::time::sleep(wait).await;
                    wait = (wait * 2).min(ROUND);
                }
            }
        }
    }

    async fn round(&self, is_new: bool) -> Result<(), RoundError> {
        if is_new {
            let barrier = self.replication.read_barrier(Consistency::Consistent).await;
            barrier.map_err(RoundError::Barrier)?;
        }
        let members = self.membership.members();
        let operations = reconcile(&self.local, &members, &self.replication.snapshot());
        for operation in operations {
            self.write(operation).await?;
        }
        Ok(())
    }

    async fn write(&self, operation: Operation) -> Result<(), RoundError> {
        let command = Command::with_id(uuid::Uuid::new_v4().as_u128(), operation);
        let proposed = self.replication.propose_with_retry(command, PATIENCE).await;
        let (_, outcome) = proposed.map_err(RoundError::Propose)?;
        // one that is refused is tried again in the next round, and keeps no other back
        match outcome {
            Outcome::Done | Outcome::Cas(true) => {}
            Outcome::Cas(false) => tracing::warn!("a node of the catalog changed meanwhile"),
            Outcome::Refused(error) => {
                tracing::warn!(%error, "a member cannot be put into the catalog")
            }
        }
        Ok(())
    }
}

/// Waits until another term begins or another server leads this one.
async fn until_other(leadership: &mut watch::Receiver<Leadership>, term: &Leadership) {
    let other = leadership.wait_for(|now| now != term).await;
    if other.is_err() {
        // the log has ended
        tracing::debug!("there is no log any more");
    }
}
