//! Where reads wait for what they read to change.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// Changes that are remembered, for reads that begin to wait just after one.
const REMEMBERED: usize = 1024;

/// Wakes exactly those whose keys changed. A waiter costs memory and nothing else.
///
/// Clones are the same hub.
pub struct WatchHub<K>(Arc<Mutex<Table<K>>>);

struct Table<K> {
    waiting: HashMap<u64, Waiting<K>>,
    by_key: HashMap<K, Vec<u64>>,
    next_id: u64,
    /// The last changes, the oldest first.
    recent: VecDeque<(u64, Vec<K>)>,
    /// Index of the last change that is no longer remembered.
    forgotten: u64,
}

struct Waiting<K> {
    keys: Vec<K>,
    woken: bool,
    waker: Option<Waker>,
}

/// Ends when one of its keys changed. Dropping it ends the wait.
#[must_use]
pub struct Waiter<K: Eq + Hash> {
    hub: WatchHub<K>,
    id: u64,
}

impl<K> Clone for WatchHub<K> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K> Default for WatchHub<K> {
    fn default() -> Self {
        let (waiting, by_key, recent) = (HashMap::new(), HashMap::new(), VecDeque::new());
        Self(Arc::new(Mutex::new(Table {
            waiting,
            by_key,
            next_id: 0,
            recent,
            forgotten: 0,
        })))
    }
}

impl<K: Clone + Eq + Hash> WatchHub<K> {
    /// Nobody waits yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn table(&self) -> MutexGuard<'_, Table<K>> {
        // no operation on the table leaves it half-done, so a poisoned one is as good as new
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for one of `keys` to change after index `seen`, at which the waiter read. A change between
    /// that read and this call counts.
    pub fn register(&self, keys: impl IntoIterator<Item = K>, seen: u64) -> Waiter<K> {
        let keys: Vec<K> = keys.into_iter().collect();
        let mut table = self.table();
        let later = |(index, changed): &(u64, Vec<K>)| {
            *index > seen && changed.iter().any(|key| keys.contains(key))
        };
        let woken = seen < table.forgotten || table.recent.iter().rev().any(later);
        let id = table.next_id;
        table.next_id += 1;
        if !woken {
            for key in &keys {
                table.by_key.entry(key.clone()).or_default().push(id);
            }
        }
        let keys = if woken { Vec::new() } else { keys };
        table.waiting.insert(
            id,
            Waiting {
                keys,
                woken,
                waker: None,
            },
        );
        Waiter {
            hub: self.clone(),
            id,
        }
    }

    /// Wakes whoever waits for one of `keys`, which changed at `index`.
    pub fn notify(&self, index: u64, keys: &[K]) {
        if keys.is_empty() {
            return;
        }
        let mut wakers = Vec::new();
        let mut table = self.table();
        for key in keys {
            for id in table.by_key.remove(key).unwrap_or_default() {
                let Some(waiting) = table.waiting.get_mut(&id) else {
                    continue;
                };
                waiting.woken = true;
                wakers.extend(waiting.waker.take());
            }
        }
        if table.recent.len() == REMEMBERED {
            if let Some((index, _)) = table.recent.pop_front() {
                table.forgotten = index;
            }
        }
        table.recent.push_back((index, keys.to_vec()));
        drop(table);
        for waker in wakers {
            waker.wake();
        }
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table().waiting.len()
    }

    /// Whether nobody waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<K: Clone + Eq + Hash> Future for Waiter<K> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut table = self.hub.table();
        match table.waiting.get_mut(&self.id) {
            Some(waiting) if !waiting.woken => {
                waiting.waker = Some(context.waker().clone());
                Poll::Pending
            }
            _ => Poll::Ready(()),
        }
    }
}

impl<K: Eq + Hash> Drop for Waiter<K> {
    fn drop(&mut self) {
        let mut table = self.hub.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(waiting) = table.waiting.remove(&self.id) else {
            return;
        };
        for key in waiting.keys {
            let Some(ids) = table.by_key.get_mut(&key) else {
                continue;
            };
            ids.retain(|id| *id != self.id);
            if ids.is_empty() {
                table.by_key.remove(&key);
            }
        }
    }
}

impl<K> fmt::Debug for WatchHub<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WatchHub")
    }
}

impl<K: Eq + Hash> fmt::Debug for Waiter<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiter")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn only_those_whose_keys_changed_wake() {
        let hub = WatchHub::new();
        let mut web = hub.register(["web"], 1);
        let mut db = hub.register(["db", "cache"], 1);
        assert_eq!((&mut web).now_or_never(), None);
        hub.notify(2, &["cache"]);
        assert_eq!((&mut db).now_or_never(), Some(()));
        assert_eq!((&mut web).now_or_never(), None);
        hub.notify(3, &["web"]);
        assert_eq!((&mut web).now_or_never(), Some(()));
    }

    #[test]
    fn a_change_between_reading_and_waiting_is_not_missed() {
        let hub = WatchHub::new();
        hub.notify(5, &["web"]);
        assert_eq!(hub.register(["web"], 4).now_or_never(), Some(()));
        assert_eq!(hub.register(["web"], 5).now_or_never(), None);
        assert_eq!(hub.register(["db"], 4).now_or_never(), None);
    }

    #[test]
    fn a_read_from_before_what_is_remembered_does_not_wait() {
        let hub = WatchHub::new();
        for index in 1..=REMEMBERED as u64 + 10 {
            hub.notify(index, &["web"]);
        }
        assert_eq!(hub.register(["db"], 5).now_or_never(), Some(()));
        assert_eq!(hub.register(["db"], 500).now_or_never(), None);
    }

    #[test]
    fn nothing_stays_of_a_waiter_that_gave_up() {
        let hub = WatchHub::new();
        let waiters: Vec<_> = (0..20_000)
            .map(|_| hub.register(["web", "db"], 0))
            .collect();
        assert_eq!(hub.len(), 20_000);
        hub.notify(1, &["db"]);
        drop(waiters);
        assert!(hub.is_empty());
        assert!(hub.table().by_key.is_empty());
    }
}
