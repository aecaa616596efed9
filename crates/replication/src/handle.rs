//! What everybody but the log itself sees of it.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::watch;
use tribune_state::{Changes, Command, Outcome, Snapshot};
use tribune_types::Index;
use tribune_types::call::Consistency;

use crate::error::{ProposeError, ReadError};

/// Index and outcome of a proposal that was applied.
pub type Proposed = Result<(Index, Outcome), ProposeError>;

/// What a [`Log`] returns.
pub type LogFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A log of commands. Its methods are those of [`Handle`], which says what they do.
#[expect(missing_docs, reason = "documented where they are called")]
pub trait Log: Send + Sync + 'static {
    fn propose(&self, command: Command) -> LogFuture<'_, Proposed>;
    fn read_barrier(&self, consistency: Consistency) -> LogFuture<'_, Result<(), ReadError>>;
    fn leadership(&self) -> watch::Receiver<Leadership>;
    fn applied(&self) -> watch::Receiver<Index>;
    fn snapshot(&self) -> Snapshot;
}

/// A log of commands and the tables that they make. Clones are the same log.
#[derive(Clone)]
pub struct Handle {
    log: Arc<dyn Log>,
}

/// Hears of every change.
pub trait Observer: Send + Sync + 'static {
    /// Takes the tables as they are now and what has changed since the last call. Commands that were
    /// applied together are told of together.
    ///
    /// Called in order, once at a time, after the snapshot can be read from the handle and before those
    /// who proposed are answered: so quickly, and without proposing anything itself.
    fn applied(&self, snapshot: &Snapshot, changes: &Changes);
}

impl<F: Fn(&Snapshot, &Changes) + Send + Sync + 'static> Observer for F {
    fn applied(&self, snapshot: &Snapshot, changes: &Changes) {
        self(snapshot, changes);
    }
}

/// Who leads, as far as this server knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leadership {
    /// Grows with every election, so what was begun in one term can be told from what another needs.
    pub term: u64,
    /// The leader of this term.
    pub leader: Leader,
}

/// The leader of a term.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leader {
    /// This server.
    This,
    /// The server that is reached there.
    Other(String),
    /// Nobody yet.
    None,
}

impl Leadership {
    /// Whether this server leads.
    #[must_use]
    pub const fn is_here(&self) -> bool {
        matches!(self.leader, Leader::This)
    }

    /// Where the leader may be reached.
    pub(crate) fn hint(&self) -> Option<String> {
        match &self.leader {
            Leader::Other(address) => Some(address.clone()),
            Leader::This | Leader::None => None,
        }
    }
}

// === impl Handle ===

impl Handle {
    /// A handle of a log.
    pub fn new(log: impl Log) -> Self {
        Self { log: Arc::new(log) }
    }

    /// Has a command applied, and returns its index and outcome when the tables read from this handle
    /// have it. A command whose request was applied before gives the index and the outcome of then.
    ///
    /// Where the returned future is dropped, the command may or may not be applied.
    ///
    /// # Errors
    /// Where the command was not applied, or nobody knows.
    pub async fn propose(&self, command: Command) -> Proposed {
        self.log.propose(command).await
    }

    /// Waits until a snapshot taken afterwards is as fresh as asked for. Anything will do for a stale read.
    ///
    /// # Errors
    /// Where that cannot be made sure of here.
    pub async fn read_barrier(&self, consistency: Consistency) -> Result<(), ReadError> {
        self.log.read_barrier(consistency).await
    }

    /// Who leads.
    #[must_use]
    pub fn leadership(&self) -> watch::Receiver<Leadership> {
        self.log.leadership()
    }

    /// Index of the last command that was applied here.
    #[must_use]
    pub fn applied(&self) -> watch::Receiver<Index> {
        self.log.applied()
    }

    /// The tables as they are now, without waiting for anybody.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.log.snapshot()
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let applied = *self.applied().borrow();
        let leadership = self.leadership().borrow().clone();
        f.debug_struct("Handle")
            .field("applied", &applied)
            .field("leadership", &leadership)
            .finish()
    }
}
