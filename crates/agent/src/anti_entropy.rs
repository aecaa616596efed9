//! Brings the agent's own services and checks into the catalog: at once when they change, and wholly from
//! time to time, in case somebody else changed the catalog.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tribune_local::{InCatalog, Sync};
use tribune_runtime::Shutdown;
use tribune_state::{Deregistration, Operation, Outcome, Registration, Removed, WatchSet};

use crate::agent::Agent;

/// Time between two comparisons with the whole catalog.
const FULL: Duration = Duration::from_secs(60);
/// Time after which what the catalog did not take is tried again.
const RETRY: Duration = Duration::from_secs(15);

/// Runs until shutdown.
pub(crate) async fn run(agent: Arc<Agent>, shutdown: Shutdown) {
    let mut next_full = Instant::now() + FULL + tribune_runtime::jitter(FULL);
    loop {
        if !partial(&agent).await {
            next_full = next_full.min(Instant::now() + RETRY + tribune_runtime::jitter(RETRY));
        }
        let timeout = agent.local().poll_timeout().map(Instant::from_std);
        let wake = timeout.map_or(next_full, |timeout| timeout.min(next_full));
        tokio::select! {
            () = shutdown.begun() => return,
            () = agent.unsynced.notified() => {}
            () = sleep_until(wake) => {}
        }
        let now = Instant::now();
        if timeout.is_some_and(|timeout| timeout <= now) {
            agent.change(|local, now| local.handle_timeout(now));
        }
        if now >= next_full {
            full(&agent);
            next_full = now + FULL + tribune_runtime::jitter(FULL);
        }
    }
}

/// Tells the catalog what it does not know yet. Whether it took everything.
pub(crate) async fn partial(agent: &Agent) -> bool {
    let _syncing = agent.syncing.lock().await;
    let mut all = true;
    // bound, not borrowed: the lock is free while the catalog is written
    while let Some(sync) = { agent.local().poll_sync() } {
        match agent.server.propose(operation(agent, &sync)).await {
            Ok((_, Outcome::Refused(error))) => {
                tracing::warn!(%error, "the catalog does not take a registration of this agent");
                agent.local().handle_sync_failed(&sync);
                all = false;
            }
            Ok(_) => agent.local().handle_synced(&sync),
            Err(error) => {
                tracing::warn!(%error, "the catalog cannot be written; trying again");
                agent.local().handle_sync_failed(&sync);
                return false;
            }
        }
    }
    all
}

fn operation(agent: &Agent, sync: &Sync) -> Operation {
    let deregister = |removed| {
        Operation::Deregister(Deregistration {
            node: agent.node_name().clone(),
            removed,
        })
    };
    match sync {
        Sync::Register {
            service, checks, ..
        } => Operation::Register(Box::new(Registration {
            node: agent.node.clone(),
            skip_node_update: true,
            service: service.as_deref().cloned(),
            checks: checks.iter().map(|check| (**check).clone()).collect(),
        })),
        Sync::DeregisterService { id, .. } => deregister(Removed::Service(id.clone())),
        Sync::DeregisterCheck { id, .. } => deregister(Removed::Check(id.clone())),
    }
}

/// Compares with the catalog.
fn full(agent: &Agent) {
    let snapshot = agent.server.snapshot();
    let mut watch = WatchSet::ignore();
    let services = snapshot
        .node_services(agent.node_name(), &mut watch)
        .value
        .map(|row| row.services);
    let checks = snapshot.node_checks(agent.node_name(), &mut watch).value;
    let catalog = InCatalog {
        services: services.unwrap_or_default(),
        checks,
    };
    agent.change(|local, now| local.handle_catalog(&catalog, now));
}
