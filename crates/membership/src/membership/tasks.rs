//! The tasks of a member.

use std::sync::Arc;

use tokio::time::Instant;

use crate::core::{Core, START};
use crate::transport::Incoming;

use super::Shared;

/// Bytes of the largest datagram that there can be.
const DATAGRAM: usize = 65_536;

/// Sends and receives datagrams, and does what is due.
pub(super) async fn datagrams(shared: Arc<Shared>) {
    let shutdown = shared.tasks.shutdown().clone();
    let mut buffer = vec![0; DATAGRAM];
    while !shutdown.is_begun() {
        shared.flush().await;
        begin_exchanges(&shared);
        tokio::select! {
            biased;
            () = shutdown.begun() => return,
            () = shared.wake.notified() => {}
            () = until_due(&shared) => shared.act_quietly(Core::handle_timeout),
            received = shared.transport.receive(&mut buffer) => match received {
                Ok((length, from)) => {
                    shared.act_quietly(|core, now| core.handle_datagram(now, from, &buffer[..length]));
                }
                // the system reports here what became of datagrams that were sent
                Err(error) => tracing::debug!(%error, "no datagram"),
            },
        }
    }
}

fn begin_exchanges(shared: &Arc<Shared>) {
    loop {
        let Some(with) = shared.lock().poll_exchange() else {
            return;
        };
        let shared = Arc::clone(shared);
        shared.tasks.clone().spawn("gossip exchange", async move {
            let shutdown = shared.tasks.shutdown().clone();
            if let Some(Err(failure)) = shutdown.unless(shared.synchronise(with, false)).await {
                tracing::warn!(%with, %failure, "cannot exchange with a member");
            }
        });
    }
}

async fn until_due(shared: &Shared) {
    let due: Option<Instant> = {
        let core = shared.lock();
        core.poll_timeout()
            .map(|at| shared.started + at.saturating_sub(START))
    };
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

/// Serves the streams of others.
pub(super) async fn streams(shared: Arc<Shared>) {
    let shutdown = shared.tasks.shutdown().clone();
    while let Some(incoming) = shutdown.unless(shared.transport.accept()).await {
        let shared = Arc::clone(&shared);
        shared.tasks.clone().spawn("gossip stream", async move {
            let Incoming {
                stream,
                from,
                permit,
            } = incoming;
            let serve =
                tokio::time::timeout(shared.timing.sync_timeout, shared.serve(stream, from));
            let served = shared.tasks.shutdown().unless(serve).await;
            if let Some(Ok(Err(error))) = served {
                tracing::debug!(%from, %error, "a gossip stream ends early");
            }
            drop(permit);
        });
    }
}
