//! Where derived values come from: a server's views, an agent's stream to a server, an embedder's own
//! registry.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use tribune_types::Token;

use crate::{Key, Value};

/// Yields derived values to whoever subscribes.
pub trait Source: Send + Sync + 'static {
    /// Delivers the current value of `key` to `sink` before it returns where it is known already, and
    /// every change after it, until the subscription is dropped. Changes of one key arrive in order;
    /// a value that a newer one has replaced may be left out.
    ///
    /// What `token` may not see is delivered as if it were not there.
    fn subscribe(&self, key: &Key, token: &Token, sink: &Arc<dyn Sink>) -> Subscription;
}

/// Takes derived values. A sink is called from wherever a change was made: it stores what it gets,
/// wakes whoever works on it, and returns.
pub trait Sink: Send + Sync + 'static {
    /// Takes the value that `key` has now.
    fn deliver(&self, key: &Key, value: &Value);
}

/// A subscription, which ends when it is dropped.
pub struct Subscription(
    #[expect(dead_code, reason = "kept for what its drop does")] Box<dyn Any + Send + Sync>,
);

impl Subscription {
    /// A subscription that lasts as long as `guard`.
    pub fn new(guard: impl Any + Send + Sync) -> Self {
        Self(Box::new(guard))
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Subscription")
    }
}
