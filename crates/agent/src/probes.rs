//! Runs the probes of the agent's own checks.

use std::sync::Arc;

use tokio::sync::mpsc;
use tribune_checks::Scheduler;
use tribune_local::Probe;
use tribune_runtime::Shutdown;
use tribune_types::Name;

use crate::agent::Agent;

/// Results that may wait until the agent takes them.
const RESULTS: usize = 256;

/// Runs until shutdown.
pub(crate) async fn run(agent: Arc<Agent>, shutdown: Shutdown) {
    let (results, mut found) = mpsc::channel(RESULTS);
    let (scheduler, runner) = Scheduler::new(results);
    let mut changes = agent.changes();
    let mut wanted = 0;
    let mut runner = std::pin::pin!(runner.run());
    loop {
        let version = agent.local().probes_version();
        if version != wanted {
            scheduler.set(probes(&agent));
            wanted = version;
        }
        tokio::select! {
            () = shutdown.begun() => return,
            () = &mut runner => return,
            changed = changes.changed() => {
                if changed.is_err() {
                    return;
                }
            }
            Some((check, result)) = found.recv() => {
                agent.change(|local, now| local.handle_probe(&check, &result, now));
            }
        }
    }
}

fn probes(agent: &Agent) -> Vec<(Name, Probe)> {
    let local = agent.local();
    local
        .probes()
        .map(|(id, probe)| (id.clone(), probe.clone()))
        .collect()
}
