//! The newest value of one derived key, wherever the servers are.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;
use tribune_derived::{Key, Sink, Source, Subscription, Value};
use tribune_types::Token;

/// How long the first value may take. Servers in this process have it at once; where others do not answer in
/// time, the caller goes on with what the agent knows itself.
const PATIENCE: Duration = Duration::from_secs(2);

/// A subscription and what came of it.
pub(crate) struct Latest {
    value: watch::Receiver<Option<Value>>,
    _subscription: Subscription,
}

struct Cell(watch::Sender<Option<Value>>);

impl Sink for Cell {
    fn deliver(&self, _: &Key, value: &Value) {
        self.0.send_replace(Some(value.clone()));
    }
}

impl Latest {
    pub(crate) fn subscribe(source: &dyn Source, key: &Key, token: &Token) -> Self {
        let (cell, value) = watch::channel(None);
        let sink: Arc<dyn Sink> = Arc::new(Cell(cell));
        let subscription = source.subscribe(key, token, &sink);
        Self {
            value,
            _subscription: subscription,
        }
    }

    /// The value now, once there is one; `None` where none comes.
    pub(crate) async fn value(&mut self) -> Option<Value> {
        let known = self.value.borrow_and_update().clone();
        if known.is_some() {
            return known;
        }
        let first = timeout(PATIENCE, self.value.wait_for(Option::is_some)).await;
        first.ok()?.ok()?.clone()
    }

    /// Waits until the value is another one than the last that was read.
    pub(crate) async fn changed(&mut self) {
        if self.value.changed().await.is_err() {
            // the source is gone, and with it all change
            std::future::pending::<()>().await;
        }
    }
}
