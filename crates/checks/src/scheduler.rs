//! The one task that runs every probe.

use std::future::Future;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tribune_local::{Probe, ProbeResult};
use tribune_types::{Name, Status};

use crate::plan::Plan;
use crate::probe;

/// Probes that run at once. One that hangs holds its place for as long as its timeout allows.
const AT_ONCE: usize = 256;

/// Says which probes are wanted. Dropping it ends its [`Runner`].
#[derive(Debug)]
pub struct Scheduler {
    wanted: watch::Sender<Vec<(Name, Probe)>>,
}

/// Runs what a [`Scheduler`] wants.
#[derive(Debug)]
#[must_use = "nothing is probed until it runs"]
pub struct Runner {
    wanted: watch::Receiver<Vec<(Name, Probe)>>,
    results: mpsc::Sender<(Name, ProbeResult)>,
}

// === impl Scheduler ===

impl Scheduler {
    /// A scheduler that wants nothing yet, and what runs it. Results go to `results`; while it is full no
    /// more are taken, so a slow reader slows the probes down.
    pub fn new(results: mpsc::Sender<(Name, ProbeResult)>) -> (Self, Runner) {
        let (sender, wanted) = watch::channel(Vec::new());
        (Self { wanted: sender }, Runner { wanted, results })
    }

    /// Replaces what is wanted: each probe under the ID of its check. What is wanted as before goes on
    /// undisturbed; what is new or has changed is probed at once.
    pub fn set(&self, probes: Vec<(Name, Probe)>) {
        self.wanted.send_replace(probes);
    }
}

// === impl Runner ===

impl Runner {
    /// Probes until the scheduler or the reader of the results is gone. Probes that still run are then
    /// stopped.
    pub async fn run(self) {
        self.run_with(probe::run).await;
    }

    async fn run_with<A>(mut self, ask: impl Fn(Probe) -> A)
    where
        A: Future<Output = ProbeResult> + Send + 'static,
    {
        let mut plan = Plan::default();
        let mut running = JoinSet::new();
        loop {
            while running.len() < AT_ONCE
                && let Some((name, generation, probe)) = plan.start(Instant::now())
            {
                let (id, probing) = (name.clone(), ask(probe));
                let abort = running.spawn(async move { (id, generation, probing.await) });
                plan.started(&name, abort);
            }
            let next = plan.next().filter(|_| running.len() < AT_ONCE);
            tokio::select! {
                changed = self.wanted.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    let wanted = self.wanted.borrow_and_update().clone();
                    plan.set(wanted, Instant::now());
                }
                Some(done) = running.join_next() => match done {
                    Ok((name, generation, result)) => {
                        let passed = result.status == Status::Passing;
                        if plan.finish(&name, generation, passed, Instant::now())
                            && self.results.send((name, result)).await.is_err()
                        {
                            return;
                        }
                    }
                    // A panic is for whoever supervises this task; else it was stopped.
                    Err(error) => if let Ok(panic) = error.try_into_panic() {
                        std::panic::resume_unwind(panic);
                    },
                },
                () = async { sleep_until(next.unwrap_or_else(Instant::now)).await }, if next.is_some() => {}
                () = self.results.closed() => return,
            }
        }
    }
}

#[cfg(test)]
mod tests;
