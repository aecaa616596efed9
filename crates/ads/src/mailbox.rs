//! What the source delivers to a stream while that does something else.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;
use tribune_derived::{Key, Sink, Value};

/// The latest value of each key that changed since it was emptied last.
///
/// Invariant: holds at most one value a key, so its size is bounded by what is subscribed to.
#[derive(Debug, Default)]
pub(crate) struct Mailbox {
    values: Mutex<HashMap<Key, Value>>,
    filled: Notify,
}

impl Mailbox {
    /// Waits until there is something to take. May be dropped at any point.
    pub(crate) async fn filled(&self) {
        self.filled.notified().await;
    }

    /// Takes everything out.
    pub(crate) fn take(&self) -> HashMap<Key, Value> {
        std::mem::take(&mut *self.values.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Sink for Mailbox {
    fn deliver(&self, key: &Key, value: &Value) {
        let mut values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        let was_empty = values.is_empty();
        match values.get_mut(key) {
            Some(known) => *known = value.clone(),
            None => {
                values.insert(key.clone(), value.clone());
            }
        }
        drop(values);
        if was_empty {
            self.filled.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_util::FutureExt;
    use tribune_derived::Mesh;

    use super::*;

    #[test]
    fn the_latest_value_of_a_key_is_what_is_taken() {
        let mailbox = Mailbox::default();
        assert!(mailbox.filled().now_or_never().is_none());
        let newer = Value::Mesh(Arc::new(Mesh::default()));
        mailbox.deliver(&Key::Mesh, &Value::Mesh(Arc::new(Mesh::default())));
        mailbox.deliver(&Key::Mesh, &newer);
        mailbox.deliver(&Key::Roots, &Value::Roots(None));
        assert!(mailbox.filled().now_or_never().is_some());
        let taken = mailbox.take();
        assert!(taken.len() == 2 && taken[&Key::Mesh].same(&newer));
        assert!(mailbox.filled().now_or_never().is_none(), "woken once");
        mailbox.deliver(&Key::Mesh, &newer);
        assert!(
            mailbox.filled().now_or_never().is_some(),
            "woken again after it was emptied"
        );
    }
}
