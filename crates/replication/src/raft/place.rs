//! Where what blocks is done.

use std::io;
use std::sync::Arc;
use std::time::Duration;

/// Where what blocks is done: on threads of its own, or, in tests that are to be the same every time, right
/// where it is asked for.
#[derive(Clone)]
pub(crate) enum Place {
    /// On other threads.
    Threads,
    /// On this thread, after the disk has taken its time.
    Here(Latency),
}

/// How long a disk takes to do what it is asked to, each time anew.
pub(crate) type Latency = Arc<dyn Fn() -> Duration + Send + Sync>;

// === impl Place ===

impl Place {
    /// Does something that blocks.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<T> {
        match self {
            Self::Threads => tokio::task::spawn_blocking(work)
                .await
                .map_err(io::Error::other),
            Self::Here(latency) => {
                tokio::time::sleep(latency()).await;
                Ok(work())
            }
        }
    }
}
