//! The handle.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use tokio::sync::watch;
use tribune_state::{Changes, Command, Outcome, Snapshot, Store};
use tribune_types::Index;

use crate::error::{ProposeError, ReadError};
use crate::faults::{Fault, Faults};

/// Largest command, in bytes as [`weight`] counts them: half a mebibyte, as the reference's log takes.
const COMMAND_LIMIT: usize = 512 << 10;

/// Is told what was applied, in order, before whoever proposed it is.
pub trait Observer: Send + Sync + 'static {
    /// A command was applied: how everything is now, and what of it changed. It stores what it needs, wakes
    /// whoever works on it, and returns: nothing else is applied meanwhile.
    fn applied(&self, snapshot: &Snapshot, changes: &Changes);
}

/// How fresh a read must be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Consistency {
    /// As fresh as the leader's lease lets it be.
    #[default]
    Default,
    /// Whatever this server has.
    Stale,
    /// The leader has made sure that it is one.
    Consistent,
}

/// Who leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leadership {
    /// Counts elections: work begun in one term stops in another.
    pub term: u64,
    /// Whether this server leads.
    pub leader: bool,
}

/// In front of the log. Clones are the same.
#[derive(Clone)]
pub struct Handle(Arc<Inner>);

struct Inner {
    store: Mutex<Store>,
    snapshot: ArcSwap<Snapshot>,
    applied: watch::Sender<Index>,
    leadership: watch::Sender<Leadership>,
    observer: Arc<dyn Observer>,
    faults: Option<Box<dyn Faults>>,
    proposals: AtomicU64,
}

impl Handle {
    /// An empty log in memory, on one server, which leads.
    #[must_use]
    pub fn open(observer: Arc<dyn Observer>) -> Self {
        Self::build(observer, None)
    }

    /// The same with faults.
    #[must_use]
    pub fn with_faults(observer: Arc<dyn Observer>, faults: impl Faults) -> Self {
        Self::build(observer, Some(Box::new(faults)))
    }

    fn build(observer: Arc<dyn Observer>, faults: Option<Box<dyn Faults>>) -> Self {
        let store = Store::new();
        let snapshot = ArcSwap::from_pointee(store.snapshot());
        let leadership = watch::Sender::new(Leadership {
            term: 1,
            leader: true,
        });
        Self(Arc::new(Inner {
            store: Mutex::new(store),
            snapshot,
            applied: watch::Sender::new(0),
            leadership,
            observer,
            faults,
            proposals: AtomicU64::new(0),
        }))
    }

    /// Applies a command; what came of it, and at which index.
    ///
    /// # Errors
    /// Where it was not applied, or nobody knows. [`ProposeError::Unknown`] may be tried again, if the
    /// command names its request.
    pub async fn propose(&self, command: Command) -> Result<(Index, Outcome), ProposeError> {
        let size = weight(&command);
        if size > COMMAND_LIMIT {
            return Err(ProposeError::TooLarge {
                size,
                limit: COMMAND_LIMIT,
            });
        }
        if !self.0.leadership.borrow().leader {
            return Err(ProposeError::Unavailable);
        }
        let number = self.0.proposals.fetch_add(1, Ordering::Relaxed);
        match self
            .0
            .faults
            .as_ref()
            .map_or(Fault::None, |faults| faults.next(number))
        {
            Fault::None => Ok(self.0.apply(command)),
            Fault::Delay(delay) => {
                tokio::time::sleep(delay).await;
                Ok(self.0.apply(command))
            }
            Fault::LoseRequest => Err(ProposeError::Unknown),
            Fault::LoseAnswer => {
                self.0.apply(command);
                Err(ProposeError::Unknown)
            }
            Fault::NotLeader(hint) => Err(ProposeError::NotLeader { hint }),
            Fault::Unavailable => Err(ProposeError::Unavailable),
        }
    }

    /// Waits until a read of [`Handle::snapshot`] is as fresh as asked for.
    ///
    /// # Errors
    /// Where it cannot be.
    pub async fn read_barrier(&self, consistency: Consistency) -> Result<(), ReadError> {
        match consistency {
            Consistency::Stale => Ok(()),
            Consistency::Default | Consistency::Consistent if self.0.leadership.borrow().leader => {
                Ok(())
            }
            Consistency::Default | Consistency::Consistent => Err(ReadError::Unavailable),
        }
    }

    /// How everything is after the last command applied here.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::clone(&self.0.snapshot.load())
    }

    /// Tells the index of the last command applied here.
    #[must_use]
    pub fn applied(&self) -> watch::Receiver<Index> {
        self.0.applied.subscribe()
    }

    /// Tells who leads.
    #[must_use]
    pub fn leadership(&self) -> watch::Receiver<Leadership> {
        self.0.leadership.subscribe()
    }

    /// Moves leadership to this server or away from it, in a new term.
    pub fn lead(&self, leader: bool) {
        self.0.leadership.send_modify(|leadership| {
            leadership.term += 1;
            leadership.leader = leader;
        });
    }
}

impl Inner {
    fn apply(&self, command: Command) -> (Index, Outcome) {
        // a panic while applying cannot be: `Store::apply` is total; while observing, the store is whole
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        let index = store.index() + 1;
        let applied = store.apply(index, command);
        let snapshot = store.snapshot();
        self.snapshot.store(Arc::new(snapshot.clone()));
        if !applied.changes.keys.is_empty() {
            self.observer.applied(&snapshot, &applied.changes);
        }
        self.applied.send_replace(index);
        (applied.index, applied.outcome)
    }
}

/// About how many bytes a command has in the log.
fn weight(command: &Command) -> usize {
    // the texts of a command are what makes it large, and its debug form has each of them once
    struct Counter(usize);
    impl fmt::Write for Counter {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0 += text.len();
            // no need to go on counting what is too large already
            if self.0 > 4 * COMMAND_LIMIT {
                Err(fmt::Error)
            } else {
                Ok(())
            }
        }
    }
    let mut counter = Counter(0);
    let _ = fmt::write(&mut counter, format_args!("{command:?}"));
    counter.0
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let applied = *self.0.applied.borrow();
        f.debug_struct("Handle")
            .field("applied", &applied)
            .finish_non_exhaustive()
    }
}
