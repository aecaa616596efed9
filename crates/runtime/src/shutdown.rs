//! Telling everything to end.

use std::sync::Arc;

use tokio::sync::watch;

/// A signal that is given once and stays given. Clones are the same signal.
#[derive(Clone, Debug)]
pub struct Shutdown {
    begun: Arc<watch::Sender<bool>>,
}

impl Shutdown {
    /// A signal that has not been given.
    #[must_use]
    pub fn new() -> Self {
        Self {
            begun: Arc::new(watch::Sender::new(false)),
        }
    }

    /// Gives the signal.
    pub fn begin(&self) {
        self.begun.send_replace(true);
    }

    /// Whether it has been given.
    #[must_use]
    pub fn is_begun(&self) -> bool {
        *self.begun.borrow()
    }

    /// Returns when it has been given.
    pub async fn begun(&self) {
        // There is an error only without a sender, and `self` is one.
        let _: Result<_, watch::error::RecvError> =
            self.begun.subscribe().wait_for(|begun| *begun).await;
    }

    /// What comes of `work`, or `None` where the signal is given first. `work` is dropped then.
    pub async fn unless<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.begun() => None,
            done = work => Some(done),
        }
    }
}

impl Default for Shutdown {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_signal_reaches_who_waits_and_who_comes_later() {
        let shutdown = Shutdown::new();
        let waiting = tokio::spawn({
            let shutdown = shutdown.clone();
            async move { shutdown.unless(std::future::pending::<()>()).await }
        });
        assert_eq!(shutdown.unless(async { 1 }).await, Some(1));
        shutdown.begin();
        assert_eq!(waiting.await.unwrap(), None);
        shutdown.begun().await;
        assert!(shutdown.is_begun());
        assert_eq!(shutdown.unless(async { 1 }).await, None);
    }
}
