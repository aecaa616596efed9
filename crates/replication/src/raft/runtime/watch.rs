//! A value that is watched: whoever waits is woken in the order in which they came.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::ops::Deref;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
use std::task::{Context, Poll, Waker};

use openraft_rt::watch::{RecvError, SendError, Watch, WatchReceiver, WatchSender};
use openraft_rt::{OptionalSend, OptionalSync};

/// The kind of watch.
pub(crate) struct OrderedWatch;

struct Shared<T> {
    value: RwLock<Versioned<T>>,
    waiting: Mutex<Waiting>,
    senders: AtomicUsize,
    receivers: AtomicUsize,
}

struct Versioned<T> {
    version: u64,
    value: T,
}

/// Those who wait, by when they came.
#[derive(Default)]
struct Waiting {
    next: u64,
    wakers: BTreeMap<u64, Waker>,
    closed: bool,
}

/// Sets the value.
pub(crate) struct Sender<T>(Arc<Shared<T>>);

/// Waits for the value to change.
pub(crate) struct Receiver<T> {
    shared: Arc<Shared<T>>,
    seen: u64,
}

/// The value, locked.
pub(crate) struct Ref<'a, T>(RwLockReadGuard<'a, Versioned<T>>);

/// A place among those who wait, given up when it goes out of scope.
struct Place<'a, T> {
    shared: &'a Shared<T>,
    ticket: Option<u64>,
}

// === impl OrderedWatch ===

impl Watch for OrderedWatch {
    type Sender<T: OptionalSend + OptionalSync> = Sender<T>;
    type Receiver<T: OptionalSend + OptionalSync> = Receiver<T>;
    type Ref<'a, T: OptionalSend + 'a> = Ref<'a, T>;

    fn channel<T: OptionalSend + OptionalSync>(value: T) -> (Sender<T>, Receiver<T>) {
        let shared = Arc::new(Shared {
            value: RwLock::new(Versioned { version: 0, value }),
            waiting: Mutex::default(),
            senders: AtomicUsize::new(1),
            receivers: AtomicUsize::new(1),
        });
        let receiver = Receiver {
            shared: Arc::clone(&shared),
            seen: 0,
        };
        (Sender(shared), receiver)
    }
}

// === impl Shared ===

impl<T> Shared<T> {
    fn read(&self) -> Ref<'_, T> {
        Ref(self.value.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Only a map is changed under the lock.
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake_all(&self) {
        let woken = std::mem::take(&mut self.waiting().wakers);
        for waker in woken.into_values() {
            waker.wake();
        }
    }
}

// === impl Sender ===

impl<T: OptionalSend + OptionalSync> WatchSender<OrderedWatch, T> for Sender<T> {
    fn send(&self, value: T) -> Result<(), SendError<T>> {
        if self.0.receivers.load(Ordering::Acquire) == 0 {
            return Err(SendError(value));
        }
        self.send_if_modified(|current| {
            *current = value;
            true
        });
        Ok(())
    }

    fn send_if_modified<F>(&self, modify: F) -> bool
    where
        F: FnOnce(&mut T) -> bool,
    {
        let mut current = self.0.value.write().unwrap_or_else(PoisonError::into_inner);
        let modified = modify(&mut current.value);
        if modified {
            current.version += 1;
        }
        drop(current);
        if modified {
            self.0.wake_all();
        }
        modified
    }

    fn borrow_watched(&self) -> Ref<'_, T> {
        self.0.read()
    }

    fn subscribe(&self) -> Receiver<T> {
        self.0.receivers.fetch_add(1, Ordering::AcqRel);
        Receiver {
            seen: self.0.read().0.version,
            shared: Arc::clone(&self.0),
        }
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.0.senders.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(&self.0))
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        if self.0.senders.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.waiting().closed = true;
            self.0.wake_all();
        }
    }
}

// === impl Receiver ===

impl<T: OptionalSend + OptionalSync> WatchReceiver<OrderedWatch, T> for Receiver<T> {
    async fn changed(&mut self) -> Result<(), RecvError> {
        let mut place = Place {
            shared: &self.shared,
            ticket: None,
        };
        let seen = self.seen;
        let changed = poll_fn(|context| place.poll(seen, context)).await;
        drop(place);
        self.seen = changed.ok_or(RecvError(()))?;
        Ok(())
    }

    fn borrow_watched(&self) -> Ref<'_, T> {
        self.shared.read()
    }

    fn borrow_and_update(&mut self) -> Ref<'_, T> {
        let current = self.shared.read();
        self.seen = current.0.version;
        current
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        self.shared.receivers.fetch_add(1, Ordering::AcqRel);
        Self {
            shared: Arc::clone(&self.shared),
            seen: self.seen,
        }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.shared.receivers.fetch_sub(1, Ordering::AcqRel);
    }
}

// === impl Place ===

impl<T> Place<'_, T> {
    /// The version that is not `seen` when there is one, nothing when nobody can set one any more.
    fn poll(&mut self, seen: u64, context: &Context<'_>) -> Poll<Option<u64>> {
        // The place is taken before the version is looked at, so a change in between wakes it.
        let mut waiting = self.shared.waiting();
        let closed = waiting.closed;
        let ticket = *self.ticket.get_or_insert_with(|| {
            waiting.next += 1;
            waiting.next
        });
        waiting.wakers.insert(ticket, context.waker().clone());
        drop(waiting);
        let version = self.shared.read().0.version;
        if version != seen {
            Poll::Ready(Some(version))
        } else if closed {
            Poll::Ready(None)
        } else {
            Poll::Pending
        }
    }
}

impl<T> Drop for Place<'_, T> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            self.shared.waiting().wakers.remove(&ticket);
        }
    }
}

// === impl Ref ===

impl<T> Deref for Ref<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.value
    }
}
