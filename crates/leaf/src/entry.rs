//! One subject's leaf, and getting the next one.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::Subject;
use crate::leaf::{Leaf, Problem};

/// First and longest pause between attempts that fail; each is twice the one before.
const PAUSE: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(60));

/// What is known about one subject's leaf.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    pub(crate) leaf: Option<Arc<Leaf>>,
    pub(crate) problem: Option<Arc<Problem>>,
    /// Attempts that ended, well or not.
    pub(crate) attempts: u64,
}

/// A subject in the manager's table.
pub(crate) struct Entry {
    pub(crate) subject: Subject,
    pub(crate) state: watch::Sender<State>,
    /// Held by whoever is getting the next leaf.
    pub(crate) issuing: tokio::sync::Mutex<()>,
    live: Mutex<Weak<Live>>,
    used: AtomicBool,
}

/// The renewal of one entry's leaf: runs while somebody has this.
pub(crate) struct Live {
    task: AbortHandle,
    count: Arc<AtomicUsize>,
}

// === impl State ===

impl State {
    /// When the next leaf is to be asked for.
    pub(crate) fn due(&self, active_key_id: Option<&Arc<str>>) -> SystemTime {
        let wanted = match &self.leaf {
            Some(leaf) if leaf.is_under(active_key_id) => leaf.renew_at,
            _ => UNIX_EPOCH,
        };
        match &self.problem {
            // Another root is a new chance: what failed before says nothing about it.
            Some(problem) if problem.active_key_id.as_ref() == active_key_id => {
                wanted.max(problem.retry_at)
            }
            _ => wanted,
        }
    }

    /// How many attempts failed in a row.
    pub(crate) fn failures(&self) -> u32 {
        self.problem.as_ref().map_or(0, |problem| problem.failures)
    }

    /// The leaf, if it has not expired.
    pub(crate) fn valid(&self, now: SystemTime) -> Option<&Arc<Leaf>> {
        self.leaf
            .as_ref()
            .filter(|leaf| now < leaf.certificate.not_after)
    }

    /// What a reader gets after an attempt.
    pub(crate) fn into_result(self, now: SystemTime) -> Result<Arc<Leaf>, Arc<Problem>> {
        match (self.valid(now).cloned(), self.problem) {
            (Some(leaf), _) => Ok(leaf),
            (None, Some(problem)) => Err(problem),
            // A lifetime shorter than its own issuance, or clocks that disagree: for the holder to judge.
            (None, None) => Ok(self
                .leaf
                .expect("an attempt that left no problem left a leaf")),
        }
    }
}

impl Leaf {
    /// Whether it was signed under the active root, as far as that is known.
    pub(crate) fn is_under(&self, active_key_id: Option<&Arc<str>>) -> bool {
        active_key_id.is_none_or(|active| *active == self.certificate.signing_key_id)
    }
}

/// How long to wait after so many failures in a row, with up to half of it left to chance.
pub(crate) fn pause(failures: u32, jitter: f64) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    let full = PAUSE.0.saturating_mul(1 << doublings).min(PAUSE.1);
    full.mul_f64(0.5 + 0.5 * jitter)
}

// === impl Entry ===

impl Entry {
    pub(crate) fn new(subject: Subject) -> Self {
        Self {
            subject,
            state: watch::Sender::new(State::default()),
            issuing: tokio::sync::Mutex::default(),
            live: Mutex::default(),
            used: AtomicBool::new(true),
        }
    }

    /// The renewal that runs, or else the one that `start` starts.
    pub(crate) fn live(&self, start: impl FnOnce() -> Live) -> Arc<Live> {
        let mut current = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        current.upgrade().unwrap_or_else(|| {
            let live = Arc::new(start());
            *current = Arc::downgrade(&live);
            live
        })
    }

    pub(crate) fn is_live(&self) -> bool {
        let live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        live.strong_count() > 0
    }

    pub(crate) fn mark_used(&self) {
        self.used.store(true, Ordering::Relaxed);
    }

    /// Whether it was used since this was asked last.
    pub(crate) fn take_used(&self) -> bool {
        self.used.swap(false, Ordering::Relaxed)
    }
}

// === impl Live ===

impl Live {
    pub(crate) fn new(task: AbortHandle, count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self {
            task,
            count: Arc::clone(count),
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.task.abort();
        self.count.fetch_sub(1, Ordering::Relaxed);
    }
}
