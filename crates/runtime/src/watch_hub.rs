//! Waking exactly those who wait for what changed.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

#[cfg(test)]
mod tests;

/// How many keys of past changes are remembered, for those who read before them and register after.
/// Who comes later than that is woken at once, which is never wrong, only needless.
const REMEMBERED_KEYS: usize = 16_384;

/// Where changes of keys meet those who wait for them. Clones are the same hub.
///
/// A waiter says at which index it read; a change that came between its read and its registration is
/// not missed.
pub struct WatchHub<K> {
    inner: Arc<Mutex<Inner<K>>>,
}

struct Inner<K> {
    /// Index of the last change.
    index: u64,
    /// Who waits for a key.
    waiting: BTreeMap<K, BTreeSet<u64>>,
    waiters: HashMap<u64, Registered<K>>,
    next_id: u64,
    /// The last changes, oldest first.
    recent: VecDeque<(u64, Box<[K]>)>,
    /// How many keys there are in them.
    recent_keys: usize,
    /// Index of the last change that is no longer among them.
    forgotten: u64,
}

struct Registered<K> {
    keys: Box<[K]>,
    wake: oneshot::Sender<()>,
}

/// Waits for a change of one of its keys. It is forgotten when it is dropped.
pub struct Waiter<K: Ord> {
    hub: Arc<Mutex<Inner<K>>>,
    id: u64,
    woken: oneshot::Receiver<()>,
}

// === impl WatchHub ===

impl<K: Ord + Clone> WatchHub<K> {
    /// A hub where nothing changed yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            inner: Arc::default(),
        }
    }

    /// Waits for a change of one of `keys` after `index`, the index of the snapshot they were read from.
    /// Where there was one already, the waiter is woken from the start.
    pub fn register(&self, index: u64, keys: impl IntoIterator<Item = K>) -> Waiter<K> {
        let keys: Box<[K]> = keys.into_iter().collect();
        let (wake, woken) = oneshot::channel();
        let mut inner = lock(&self.inner);
        let id = inner.next_id;
        inner.next_id += 1;
        if inner.changed_since(index, &keys) {
            // Its other end only has to know that there is nothing to wait for.
            drop(wake);
        } else {
            for key in &keys {
                inner.waiting.entry(key.clone()).or_default().insert(id);
            }
            inner.waiters.insert(id, Registered { keys, wake });
        }
        Waiter {
            hub: Arc::clone(&self.inner),
            id,
            woken,
        }
    }

    /// Tells that `keys` changed at `index`, which is above all indexes told before, and wakes who waits
    /// for one of them.
    pub fn notify(&self, index: u64, keys: &[K]) {
        let mut inner = lock(&self.inner);
        inner.index = inner.index.max(index);
        if keys.is_empty() {
            return;
        }
        let mut ids = BTreeSet::new();
        for key in keys {
            ids.extend(inner.waiting.get(key).into_iter().flatten());
        }
        let woken: Vec<_> = ids.into_iter().filter_map(|id| inner.forget(id)).collect();
        inner.remember(index, keys);
        // Tasks are woken when nobody has to wait for the lock any more.
        drop(inner);
        for registered in woken {
            let _: Result<(), ()> = registered.wake.send(());
        }
    }

    /// Tells that anything may have changed at `index`, and wakes everybody.
    pub fn notify_all(&self, index: u64) {
        let mut inner = lock(&self.inner);
        inner.index = inner.index.max(index);
        inner.forgotten = inner.index;
        inner.recent.clear();
        inner.recent_keys = 0;
        inner.waiting.clear();
        let woken: Vec<_> = inner.waiters.drain().collect();
        // Tasks are woken when nobody has to wait for the lock any more.
        drop(inner);
        for (_, registered) in woken {
            let _: Result<(), ()> = registered.wake.send(());
        }
    }

    /// How many are waiting.
    #[must_use]
    pub fn waiters(&self) -> usize {
        lock(&self.inner).waiters.len()
    }
}

impl<K: Ord + Clone> Default for WatchHub<K> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K> Clone for WatchHub<K> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
        }
    }
}

impl<K> fmt::Debug for WatchHub<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = lock(&self.inner);
        f.debug_struct("WatchHub")
            .field("index", &inner.index)
            .field("waiters", &inner.waiters.len())
            .finish()
    }
}

// === impl Inner ===

impl<K> Default for Inner<K> {
    fn default() -> Self {
        Self {
            index: 0,
            waiting: BTreeMap::new(),
            waiters: HashMap::new(),
            next_id: 0,
            recent: VecDeque::new(),
            recent_keys: 0,
            forgotten: 0,
        }
    }
}

impl<K: Ord> Inner<K> {
    /// Takes a waiter from everything that it waits for.
    fn forget(&mut self, id: u64) -> Option<Registered<K>> {
        let registered = self.waiters.remove(&id)?;
        for key in &registered.keys {
            if let Some(ids) = self.waiting.get_mut(key) {
                ids.remove(&id);
                if ids.is_empty() {
                    self.waiting.remove(key);
                }
            }
        }
        Some(registered)
    }

    fn changed_since(&self, index: u64, keys: &[K]) -> bool {
        if index >= self.index {
            return false;
        }
        let later = self
            .recent
            .iter()
            .rev()
            .take_while(|(changed, _)| *changed > index);
        index < self.forgotten
            || later
                .into_iter()
                .any(|(_, changed)| keys.iter().any(|key| changed.contains(key)))
    }
}

impl<K: Ord + Clone> Inner<K> {
    fn remember(&mut self, index: u64, keys: &[K]) {
        self.recent.push_back((index, keys.into()));
        self.recent_keys += keys.len();
        while self.recent_keys > REMEMBERED_KEYS
            && let Some((index, keys)) = self.recent.pop_front()
        {
            self.recent_keys -= keys.len();
            self.forgotten = index;
        }
    }
}

/// Nothing that runs under the lock leaves it half-done, so a panic elsewhere does not matter.
fn lock<K>(inner: &Mutex<Inner<K>>) -> MutexGuard<'_, Inner<K>> {
    inner.lock().unwrap_or_else(PoisonError::into_inner)
}

// === impl Waiter ===

impl<K: Ord> Waiter<K> {
    /// Returns when one of the keys has changed, from then on at once. May be dropped and called again.
    pub async fn changed(&mut self) {
        if !self.woken.is_terminated() {
            // An error is the hub's way to say that there was a change already.
            let _: Result<(), oneshot::error::RecvError> = (&mut self.woken).await;
        }
    }
}

impl<K: Ord> Drop for Waiter<K> {
    fn drop(&mut self) {
        lock(&self.hub).forget(self.id);
    }
}

impl<K: Ord> fmt::Debug for Waiter<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiter")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}
