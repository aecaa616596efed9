//! Tasks that are accounted for.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::AbortHandle;

use crate::shutdown::Shutdown;

/// The tasks of a process, or of a part of it. Clones are the same tasks.
///
/// A task that panics is logged by its name and ends alone.
#[derive(Clone, Debug)]
pub struct Tasks {
    shutdown: Shutdown,
    running: Arc<Running>,
}

#[derive(Debug, Default)]
struct Running {
    tasks: Mutex<Table>,
    none_left: Notify,
}

#[derive(Debug, Default)]
struct Table {
    next_id: u64,
    running: HashMap<u64, Task>,
}

#[derive(Debug)]
struct Task {
    name: &'static str,
    /// `None` for the moment between its start and the moment when its handle is known.
    abort: Option<AbortHandle>,
}

/// Tasks that had not ended when the time to do so was over, by name, and how many of each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StillRunning(pub BTreeMap<&'static str, usize>);

impl Tasks {
    /// No tasks yet. Those that come are told to end by `shutdown`.
    #[must_use]
    pub fn new(shutdown: Shutdown) -> Self {
        Self {
            shutdown,
            running: Arc::default(),
        }
    }

    /// The signal that tells these tasks to end.
    #[must_use]
    pub const fn shutdown(&self) -> &Shutdown {
        &self.shutdown
    }

    /// Starts a task.
    pub fn spawn(&self, name: &'static str, work: impl Future<Output = ()> + Send + 'static) {
        let id = {
            let mut table = self.running.lock();
            let id = table.next_id;
            table.next_id += 1;
            table.running.insert(id, Task { name, abort: None });
            id
        };
        let ended = Ended {
            running: Arc::clone(&self.running),
            id,
            name,
        };
        let handle = tokio::spawn(async move {
            let _ended = ended;
            work.await;
        });
        if let Some(task) = self.running.lock().running.get_mut(&id) {
            task.abort = Some(handle.abort_handle());
        }
    }

    /// How many are running.
    #[must_use]
    pub fn running(&self) -> usize {
        self.running.lock().running.len()
    }

    /// Tells all tasks to end, waits until they have, and drops those that have not within `grace`.
    ///
    /// # Errors
    /// The tasks that had to be dropped.
    pub async fn end(&self, grace: Duration) -> Result<(), StillRunning> {
        self.shutdown.begin();
        let ended = tokio::time::timeout(grace, self.running.ended()).await;
        if ended.is_ok() {
            return Ok(());
        }
        let mut names = BTreeMap::new();
        for task in self.running.lock().running.values() {
            *names.entry(task.name).or_default() += 1;
            task.abort.iter().for_each(AbortHandle::abort);
        }
        Err(StillRunning(names))
    }
}

impl Running {
    /// No code that can panic runs under the lock.
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn ended(&self) {
        loop {
            let none_left = self.none_left.notified();
            if self.lock().running.is_empty() {
                return;
            }
            none_left.await;
        }
    }
}

impl fmt::Display for StillRunning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("tasks did not end in time:")?;
        self.0
            .iter()
            .try_for_each(|(name, count)| write!(f, " {name} ({count})"))
    }
}

impl std::error::Error for StillRunning {}

/// Dropped with a task's future, however it ends.
struct Ended {
    running: Arc<Running>,
    id: u64,
    name: &'static str,
}

impl Drop for Ended {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!(
                task = self.name,
                "a task panicked and is gone; everything else goes on"
            );
        }
        let mut table = self.running.lock();
        table.running.remove(&self.id);
        if table.running.is_empty() {
            self.running.none_left.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn tasks_end_when_told_to() {
        let tasks = Tasks::new(Shutdown::new());
        for _ in 0..3 {
            let shutdown = tasks.shutdown().clone();
            tasks.spawn("obedient", async move { shutdown.begun().await });
        }
        assert_eq!(tasks.running(), 3);
        assert_eq!(tasks.end(Duration::from_secs(5)).await, Ok(()));
        assert_eq!(tasks.running(), 0);
        assert_eq!(tasks.end(Duration::from_secs(5)).await, Ok(()), "and again");
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_does_not_end_is_named_and_dropped() {
        let tasks = Tasks::new(Shutdown::new());
        tasks.spawn("stubborn", std::future::pending());
        let left = tasks.end(Duration::from_secs(5)).await.unwrap_err();
        assert_eq!(left.to_string(), "tasks did not end in time: stubborn (1)");
        assert_eq!(
            tasks.end(Duration::from_secs(5)).await,
            Ok(()),
            "it was dropped"
        );
    }

    #[tokio::test]
    async fn a_task_that_panics_ends_alone() {
        let tasks = Tasks::new(Shutdown::new());
        tasks.spawn("doomed", async { panic!("on purpose") });
        let (told, heard) = tokio::sync::oneshot::channel();
        tasks.spawn("sound", async move { told.send(()).unwrap() });
        heard.await.unwrap();
        assert_eq!(tasks.end(Duration::from_secs(5)).await, Ok(()));
    }
}
