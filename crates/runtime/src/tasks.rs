//! Tasks that run beside the main one.

use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::task::JoinHandle;

use crate::Shutdown;

/// How long tasks have to end once they were told to.
const GRACE: Duration = Duration::from_secs(5);

/// Tasks that belong together. One that panics ends all of them: a process without a part of itself is
/// worse than none, which its supervisor starts again.
#[derive(Debug)]
pub struct Tasks {
    shutdown: Shutdown,
    running: Mutex<Vec<JoinHandle<()>>>,
}

impl Tasks {
    /// No tasks yet.
    #[must_use]
    pub const fn new(shutdown: Shutdown) -> Self {
        Self {
            shutdown,
            running: Mutex::new(Vec::new()),
        }
    }

    /// Runs a task.
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let shutdown = self.shutdown.clone();
        let supervised = async move {
            if let Err(panic) = AssertUnwindSafe(task).catch_unwind().await {
                tracing::error!(
                    task = name,
                    panic = message(&*panic),
                    "a task panicked; shutting down"
                );
                shutdown.trigger();
            }
        };
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.push(tokio::spawn(supervised));
    }

    /// Waits until all have ended, and stops those that do not in time.
    pub async fn join(self) {
        let running = self
            .running
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        let deadline = tokio::time::Instant::now() + GRACE;
        for task in running {
            let stop = task.abort_handle();
            if tokio::time::timeout_at(deadline, task).await.is_err() {
                stop.abort();
            }
        }
    }
}

/// Runs a task whose end concerns nobody else, such as one connection of many.
pub(crate) fn detached(name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(async move {
        if let Err(panic) = AssertUnwindSafe(task).catch_unwind().await {
            tracing::error!(
                task = name,
                panic = message(&*panic),
                "a task panicked; the others go on"
            );
        }
    });
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_in_a_task_ends_the_others() {
        let shutdown = Shutdown::default();
        let tasks = Tasks::new(shutdown.clone());
        let waiting = shutdown.clone();
        tasks.spawn("waits", async move { waiting.triggered().await });
        tasks.spawn("panics", async { panic!("on purpose") });
        shutdown.triggered().await;
        tasks.join().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_does_not_end_is_stopped() {
        let tasks = Tasks::new(Shutdown::default());
        tasks.spawn("never ends", std::future::pending());
        tasks.join().await;
    }
}
