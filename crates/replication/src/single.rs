//! A log in the memory of one server, which always leads.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use tokio::sync::{Mutex as TurnLock, oneshot, watch};
use tribune_state::{Command, Outcome, Snapshot, Store};
use tribune_types::Index;
use tribune_types::call::Consistency;

use crate::error::{ProposeError, ReadError};
use crate::handle::{Handle, Leader, Leadership, Log, LogFuture, Observer, Proposed};

#[cfg(test)]
mod tests;

/// What a log takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How large a command may be, in bytes.
    pub largest_command: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            largest_command: 1 << 20,
        }
    }
}

/// Starts a log over `store`. `observer` hears of every change from now on.
#[must_use]
pub fn single(store: Store, settings: Settings, observer: Arc<dyn Observer>) -> Handle {
    Handle::new(Single {
        settings,
        pending: Mutex::default(),
        snapshot: ArcSwap::from_pointee(store.snapshot()),
        applied: watch::Sender::new(store.index()),
        leadership: watch::Sender::new(Leadership {
            term: 1,
            leader: Leader::This,
        }),
        owner: TurnLock::new(Owner { store, observer }),
    })
}

/// Commands are applied by one of those who propose them: whoever gets the turn applies all that are
/// waiting, and finds its own answered where another one did so before. No other thread has to wake up.
struct Single {
    settings: Settings,
    pending: Mutex<Vec<Pending>>,
    owner: TurnLock<Owner>,
    snapshot: ArcSwap<Snapshot>,
    applied: watch::Sender<Index>,
    leadership: watch::Sender<Leadership>,
}

struct Owner {
    store: Store,
    observer: Arc<dyn Observer>,
}

struct Pending {
    command: Command,
    answer: oneshot::Sender<(Index, Outcome)>,
}

impl Single {
    async fn propose(&self, command: Command) -> Proposed {
        let (size, limit) = (command.approximate_size(), self.settings.largest_command);
        if size > limit {
            return Err(ProposeError::TooLarge { size, limit });
        }
        let (answer, answered) = oneshot::channel();
        self.pending().push(Pending { command, answer });
        let mut owner = self.owner.lock().await;
        if answered.is_empty() && !answered.is_terminated() {
            let group = std::mem::take(&mut *self.pending());
            self.apply(&mut owner, group);
        }
        drop(owner);
        // There is no answer only where the observer panicked under whoever had the turn.
        answered.await.map_err(|_| ProposeError::Unknown)
    }

    /// Applies commands in order and tells of them together, first the observer, then who proposed them.
    fn apply(&self, owner: &mut Owner, group: Vec<Pending>) {
        let mut answers = Vec::with_capacity(group.len());
        let mut changes = None;
        // Whoever has given up in the meantime is told nothing, so nothing is done.
        for Pending { command, answer } in group
            .into_iter()
            .filter(|pending| !pending.answer.is_closed())
        {
            let applied = owner.store.apply(owner.store.index() + 1, command);
            changes = Some(match changes.take() {
                None => applied.changes,
                Some(earlier) => tribune_state::Changes::and(earlier, applied.changes),
            });
            answers.push((answer, (applied.index, applied.outcome)));
        }
        let Some(changes) = changes else { return };
        let snapshot = owner.store.snapshot();
        self.snapshot.store(Arc::new(snapshot.clone()));
        self.applied.send_replace(snapshot.index());
        owner.observer.applied(&snapshot, &changes);
        for (answer, outcome) in answers {
            let _: Result<(), _> = answer.send(outcome);
        }
    }

    /// Only a vector is pushed to and taken under the lock.
    fn pending(&self) -> MutexGuard<'_, Vec<Pending>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Log for Single {
    fn propose(&self, command: Command) -> LogFuture<'_, Proposed> {
        Box::pin(self.propose(command))
    }

    fn read_barrier(&self, _consistency: Consistency) -> LogFuture<'_, Result<(), ReadError>> {
        // What was answered is applied, and nobody else answers.
        Box::pin(std::future::ready(Ok(())))
    }

    fn leadership(&self) -> watch::Receiver<Leadership> {
        self.leadership.subscribe()
    }

    fn applied(&self) -> watch::Receiver<Index> {
        self.applied.subscribe()
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot::clone(&self.snapshot.load())
    }
}
