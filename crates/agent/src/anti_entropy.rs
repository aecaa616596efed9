//! Brings the agent's own services and checks into the catalog: at once when they change, and wholly from
//! time to time, in case somebody else changed the catalog.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tribune_local::Sync;
use tribune_runtime::Shutdown;
use tribune_types::Token;
use tribune_types::call::{CallError, Options, Write};

use crate::agent::Agent;
use crate::servers;

/// Time between two comparisons with the whole catalog.
const FULL: Duration = Duration::from_secs(60);
/// Time after which what the catalog did not take is tried again.
const RETRY: Duration = Duration::from_secs(15);

/// Runs until shutdown.
pub(crate) async fn run(agent: Arc<Agent>, shutdown: Shutdown) {
    let mut next_full = Instant::now() + FULL + tribune_runtime::jitter(FULL);
    loop {
        let Some(all) = shutdown.unless(partial(&agent)).await else {
            return;
        };
        if !all {
            next_full = next_full.min(Instant::now() + RETRY + tribune_runtime::jitter(RETRY));
        }
        let timeout = agent.local().poll_timeout().map(Instant::from_std);
        let wake = timeout.map_or(next_full, |timeout| timeout.min(next_full));
        tokio::select! {
            () = shutdown.begun() => return,
            () = agent.unsynced.notified() => {}
            // others may know less than those who were asked before
            () = agent.servers_changed.notified() => next_full = Instant::now(),
            () = sleep_until(wake) => {}
        }
        let now = Instant::now();
        if timeout.is_some_and(|timeout| timeout <= now) {
            agent.change(|local, now| local.handle_timeout(now));
        }
        if now >= next_full {
            let Some(compared) = shutdown.unless(full(&agent)).await else {
                return;
            };
            let pause = if compared { FULL } else { RETRY };
            next_full = now + pause + tribune_runtime::jitter(pause);
        }
    }
}

/// Tells the catalog what it does not know yet. Whether it took everything.
pub(crate) async fn partial(agent: &Agent) -> bool {
    let _syncing = agent.syncing.lock().await;
    if !agent.node_known.load(Ordering::Acquire) {
        let options = Options {
            token: agent.own_token(),
            ..Options::default()
        };
        let node = servers::register_node(&agent.node);
        match agent.servers.write(node, &options).await {
            Ok(_) => agent.node_known.store(true, Ordering::Release),
            Err(error) => {
                tracing::warn!(%error, "the catalog does not take this agent's node; trying again");
                return false;
            }
        }
    }
    let mut all = true;
    // bound, not borrowed: the lock is free while the catalog is written
    while let Some(sync) = { agent.local().poll_sync() } {
        let (write, token) = told(agent, &sync);
        let options = Options {
            token: agent.token_or_default(token),
            ..Options::default()
        };
        match agent.servers.write(write, &options).await {
            Ok(_) => agent.local().handle_synced(&sync),
            Err(error @ (CallError::Unavailable(_) | CallError::TooMany(_))) => {
                tracing::warn!(%error, "the catalog cannot be written; trying again");
                agent.local().handle_sync_failed(&sync);
                return false;
            }
            Err(error) => {
                tracing::warn!(%error, "the catalog does not take a registration of this agent");
                agent.local().handle_sync_failed(&sync);
                all = false;
            }
        }
    }
    all
}

/// What the catalog is told, and with which token.
fn told<'a>(agent: &Agent, sync: &'a Sync) -> (Write, &'a Token) {
    let node = agent.node_name();
    match sync {
        Sync::Register {
            service,
            checks,
            token,
        } => (
            servers::register(&agent.node, service.as_deref(), checks),
            token,
        ),
        Sync::DeregisterService { id, token } => {
            (servers::deregistration_of_service(node, id), token)
        }
        Sync::DeregisterCheck { id, token } => (servers::deregistration_of_check(node, id), token),
    }
}

/// Compares with the catalog. Whether it could be read.
async fn full(agent: &Agent) -> bool {
    let options = Options {
        token: agent.own_token(),
        ..Options::default()
    };
    match servers::in_catalog(&*agent.servers, &agent.node, &options).await {
        Ok((catalog, known)) => {
            agent.node_known.store(known, Ordering::Release);
            agent.change(|local, now| local.handle_catalog(&catalog, now));
            true
        }
        Err(error) => {
            tracing::warn!(%error, "the catalog cannot be compared with; trying again");
            false
        }
    }
}
