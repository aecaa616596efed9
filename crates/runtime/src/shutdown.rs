//! The end of the process, told to everything that runs in it.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Tells that it is time to end. Clones tell the same.
#[derive(Clone, Debug)]
pub struct Shutdown(watch::Sender<bool>);

impl Default for Shutdown {
    fn default() -> Self {
        Self(watch::Sender::new(false))
    }
}

impl Shutdown {
    /// Tells it at the first interrupt or termination signal.
    ///
    /// # Errors
    /// Where the process cannot listen for signals.
    pub fn on_signals() -> io::Result<Self> {
        let shutdown = Self::default();
        let (mut interrupt, mut terminate) = (
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
        );
        let trigger = shutdown.clone();
        tokio::spawn(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            trigger.trigger();
        });
        Ok(shutdown)
    }

    /// Tells everybody.
    pub fn trigger(&self) {
        self.0.send_replace(true);
    }

    /// Whether everybody has been told.
    #[must_use]
    pub fn is_triggered(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until everybody is told; at once where that was before.
    pub async fn triggered(&self) {
        // an error means that nobody can tell any more, which cannot be while this is a sender itself
        let _ = self.0.subscribe().wait_for(|triggered| *triggered).await;
    }
}
