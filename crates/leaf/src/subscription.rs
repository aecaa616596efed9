//! Holding a leaf.

use std::fmt;
use std::sync::Arc;

use tokio::sync::watch;

use crate::entry::{Entry, Live, State};
use crate::leaf::{Leaf, Problem};

/// Keeps one subject's leaf renewed for as long as it is held, and yields each leaf.
pub struct Subscription {
    state: watch::Receiver<State>,
    /// Index of the leaf that [`Subscription::next`] yielded last.
    seen: u64,
    /// Holds the sender of `state`.
    entry: Arc<Entry>,
    _live: Arc<Live>,
}

impl Subscription {
    pub(crate) fn new(entry: Arc<Entry>, live: Arc<Live>) -> Self {
        Self {
            state: entry.state.subscribe(),
            seen: 0,
            entry,
            _live: live,
        }
    }

    /// The leaf as it is now.
    pub fn current(&self) -> Option<Arc<Leaf>> {
        self.state.borrow().leaf.clone()
    }

    /// What is wrong at present, if anything: the leaf stays in use, but no newer one could be had.
    pub fn problem(&self) -> Option<Arc<Problem>> {
        self.state.borrow().problem.clone()
    }

    /// The first leaf, or what the first attempt to get one ended with. May be dropped at any point.
    ///
    /// # Errors
    /// The problem; attempts go on, and [`Subscription::next`] yields the leaf once there is one.
    pub async fn ready(&mut self) -> Result<Arc<Leaf>, Arc<Problem>> {
        let state = self.wait_for(|state| state.attempts > 0).await;
        state.leaf.ok_or_else(|| {
            state
                .problem
                .expect("an attempt that left no leaf left a problem")
        })
    }

    /// The next leaf that this has not yielded yet: at first the current one. May be dropped at any point.
    pub async fn next(&mut self) -> Arc<Leaf> {
        let leaf = self.newer_than(self.seen).await;
        self.seen = leaf.index;
        leaf
    }

    /// A leaf with a greater index than `index`. May be dropped at any point.
    pub async fn newer_than(&mut self, index: u64) -> Arc<Leaf> {
        let is_newer = |state: &State| state.leaf.as_ref().is_some_and(|leaf| leaf.index > index);
        let state = self.wait_for(is_newer).await;
        state.leaf.expect("waited for a state with a leaf")
    }

    async fn wait_for(&mut self, condition: impl FnMut(&State) -> bool) -> State {
        self.state
            .wait_for(condition)
            .await
            .expect("the entry, which is held here, owns the sender")
            .clone()
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("subject", &self.entry.subject)
            .field("state", &*self.state.borrow())
            .finish_non_exhaustive()
    }
}
