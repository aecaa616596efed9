//! What a server has applied, as everybody but the state machine sees it.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use tokio::sync::{oneshot, watch};
use tribune_state::{Outcome, Snapshot};
use tribune_types::Index;

/// What is applied here, and those who wait for more.
pub(crate) struct View {
    pub(crate) snapshot: ArcSwap<Snapshot>,
    /// Index of the last command that was applied.
    pub(crate) applied: watch::Sender<Index>,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    /// The index after the last entry of the log that was applied, commands or not.
    end: u64,
    next: u64,
    /// By the index that they wait for, and by when they came.
    reads: BTreeMap<(u64, u64), oneshot::Sender<()>>,
    /// Proposals that this server has forwarded, by request.
    proposals: HashMap<u128, oneshot::Sender<(Index, Outcome)>>,
}

/// A proposal that was forwarded, until it is applied here or given up.
pub(crate) struct Forwarded<'a> {
    view: &'a View,
    request: u128,
    applied: oneshot::Receiver<(Index, Outcome)>,
}

// === impl View ===

impl View {
    pub(crate) fn new(snapshot: Snapshot, end: u64) -> Arc<Self> {
        Arc::new(Self {
            applied: watch::Sender::new(snapshot.index()),
            snapshot: ArcSwap::from_pointee(snapshot),
            waiting: Mutex::new(Waiting {
                end,
                ..Waiting::default()
            }),
        })
    }

    /// Waits until the entry with this index is applied here. Gives nothing when it never will be, since the
    /// log is closed.
    pub(crate) async fn wait(&self, index: u64) -> Option<()> {
        let reached = {
            let mut waiting = self.waiting();
            if index < waiting.end {
                return Some(());
            }
            waiting.next += 1;
            let place = (index, waiting.next);
            let (tell, reached) = oneshot::channel();
            waiting.reads.insert(place, tell);
            reached
        };
        reached.await.ok()
    }

    /// Index of the last entry applied, commands or not.
    pub(crate) fn last_entry(&self) -> Option<u64> {
        self.waiting().end.checked_sub(1)
    }

    /// Waits for a proposal that another server was asked to make.
    pub(crate) fn forwarded(&self, request: u128) -> Forwarded<'_> {
        let (tell, applied) = oneshot::channel();
        self.waiting().proposals.insert(request, tell);
        Forwarded {
            view: self,
            request,
            applied,
        }
    }

    /// Answers those proposals that are known to be applied.
    pub(crate) fn answer(&self, outcomes: impl IntoIterator<Item = (u128, (Index, Outcome))>) {
        let mut waiting = self.waiting();
        if waiting.proposals.is_empty() {
            return;
        }
        for (request, outcome) in outcomes {
            if let Some(tell) = waiting.proposals.remove(&request) {
                let _: Result<(), _> = tell.send(outcome);
            }
        }
    }

    /// The proposals that are waited for.
    pub(crate) fn awaited(&self) -> Vec<u128> {
        let mut awaited: Vec<u128> = self.waiting().proposals.keys().copied().collect();
        awaited.sort_unstable();
        awaited
    }

    /// Tells that everything before an index is applied.
    pub(crate) fn reached(&self, end: u64) {
        let reached = {
            let mut waiting = self.waiting();
            waiting.end = waiting.end.max(end);
            let end = waiting.end;
            let later = waiting.reads.split_off(&(end, 0));
            std::mem::replace(&mut waiting.reads, later)
        };
        for tell in reached.into_values() {
            let _: Result<(), _> = tell.send(());
        }
    }

    /// Lets go of everybody who waits: nothing will be applied any more.
    pub(crate) fn close(&self) {
        let mut waiting = self.waiting();
        waiting.reads.clear();
        waiting.proposals.clear();
    }

    /// Only maps are changed under the lock.
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Forwarded ===

impl Forwarded<'_> {
    /// Waits until it is applied here. Where the log is closed, that never is.
    pub(crate) async fn applied(&mut self) -> (Index, Outcome) {
        if !self.applied.is_terminated()
            && let Ok(applied) = (&mut self.applied).await
        {
            return applied;
        }
        std::future::pending().await
    }

    /// What came of it, where it is applied here.
    pub(crate) fn now(&mut self) -> Option<(Index, Outcome)> {
        self.applied.try_recv().ok()
    }
}

impl Drop for Forwarded<'_> {
    fn drop(&mut self) {
        self.view.waiting().proposals.remove(&self.request);
    }
}
