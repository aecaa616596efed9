//! Where values wait for their stream.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};

use tribune_derived::{Key, Sink, Value};

/// The values that a stream has not looked at yet: the latest of each subscription.
#[derive(Debug, Default)]
pub(super) struct Mailbox {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// By subscription; nothing where its stream has looked at the latest.
    latest: HashMap<u64, Option<Value>>,
    /// Those with something, each once, in the order in which they got it.
    waiting: VecDeque<u64>,
    waker: Option<Waker>,
}

/// Takes the values of one subscription.
#[derive(Debug)]
pub(super) struct Slot {
    mailbox: Arc<Mailbox>,
    id: u64,
}

// === impl Mailbox ===

impl Mailbox {
    /// Takes values of a subscription from now on.
    pub(super) fn open(&self, id: u64) {
        self.lock().latest.insert(id, None);
    }

    /// Takes none any more.
    pub(super) fn close(&self, id: u64) {
        let gone = self.lock().latest.remove(&id);
        drop(gone);
    }

    /// The next value; where there is none, the task is woken when there is one.
    pub(super) fn take(&self, cx: &Context<'_>) -> Option<(u64, Value)> {
        let mut inner = self.lock();
        while let Some(id) = inner.waiting.pop_front() {
            if let Some(value) = inner.latest.get_mut(&id).and_then(Option::take) {
                return Some((id, value));
            }
        }
        inner.waker = Some(cx.waker().clone());
        None
    }

    fn put(&self, id: u64, value: &Value) {
        let mut inner = self.lock();
        let Some(latest) = inner.latest.get_mut(&id) else {
            return;
        };
        let older = latest.replace(value.clone());
        if older.is_none() {
            inner.waiting.push_back(id);
        }
        let waker = inner.waker.take();
        drop(inner);
        drop(older);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// No code that can panic runs under the lock.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Slot ===

impl Slot {
    pub(super) const fn new(mailbox: Arc<Mailbox>, id: u64) -> Self {
        Self { mailbox, id }
    }
}

impl Sink for Slot {
    fn deliver(&self, _key: &Key, value: &Value) {
        self.mailbox.put(self.id, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_latest_value_of_a_subscription_waits() {
        let mailbox = Arc::new(Mailbox::default());
        let cx = Context::from_waker(Waker::noop());
        let slots: Vec<_> = (0..2)
            .map(|id| {
                mailbox.open(id);
                Slot::new(mailbox.clone(), id)
            })
            .collect();
        for _ in 0..1_000 {
            slots[1].deliver(&Key::Mesh, &Value::Mesh(Arc::default()));
            slots[0].deliver(&Key::Roots, &Value::Roots(None));
        }
        assert_eq!(mailbox.lock().waiting.len(), 2);
        let ids = [(); 3].map(|()| mailbox.take(&cx).map(|(id, _)| id));
        assert_eq!(ids, [Some(1), Some(0), None], "first come, first served");
    }

    #[test]
    fn a_value_for_nobody_is_dropped() {
        let mailbox = Arc::new(Mailbox::default());
        let cx = Context::from_waker(Waker::noop());
        mailbox.open(7);
        let slot = Slot::new(mailbox.clone(), 7);
        slot.deliver(&Key::Roots, &Value::Roots(None));
        mailbox.close(7);
        slot.deliver(&Key::Roots, &Value::Roots(None));
        assert_eq!(mailbox.take(&cx), None);
    }
}
