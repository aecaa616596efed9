//! Derived values of servers, for a process that has no catalog.
//!
//! One stream carries all subscriptions. Where it breaks, another one takes its place, to whichever server is
//! asked then: it is told the hash of what is here, and answers with what differs.

mod outbox;
mod state;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::sleep;
use tonic::Status;
use tribune_derived::{Key, Sink, Source, Subscription};
use tribune_proto::rpc::v1::{WatchResponse, watch_response::Change};
use tribune_runtime::jitter;
use tribune_types::Token;

use super::pool::{Pool, Server};
use crate::convert::Malformed;
use outbox::Outbox;
use state::State;

/// Between two streams that failed one after the other.
const LEAST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// What is subscribed to, and what is known of it.
#[derive(Debug, Default)]
pub(super) struct Remote {
    state: Mutex<State>,
    /// Told when there is something to subscribe to.
    wanted: Notify,
}

/// A [`Source`] whose values come from servers.
pub(super) struct RemoteSource(pub(super) Arc<Remote>);

/// What subscribers hold.
struct Guard {
    remote: Arc<Remote>,
    id: u64,
    sink: u64,
}

/// Why a stream ended.
#[derive(Debug, thiserror::Error)]
enum Ended {
    /// Another server is asked now.
    #[error("another server is asked now")]
    Moved,
    /// It could not be begun.
    #[error(transparent)]
    Connect(#[from] io::Error),
    /// The server ended it.
    #[error("{}", .0.message())]
    Status(#[from] Status),
    /// The server is done.
    #[error("the server ended the stream")]
    Done,
    /// What came does not fit what is here.
    #[error("a difference to a value that is not here")]
    OutOfStep,
}

// === impl RemoteSource ===

impl Source for RemoteSource {
    fn subscribe(&self, key: &Key, token: &Token, sink: &Arc<dyn Sink>) -> Subscription {
        let (id, sink) = self.0.state().subscribe(key, token, sink);
        self.0.wanted.notify_one();
        Subscription::new(Guard {
            remote: self.0.clone(),
            id,
            sink,
        })
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let gone = self.remote.state().unsubscribe(self.id, self.sink);
        // a sink may hold other subscriptions, so it is dropped outside the lock
        drop(gone);
    }
}

// === impl Remote ===

impl Remote {
    /// No code that can panic runs under the lock.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns when there is something to subscribe to.
    async fn wanted(&self) {
        loop {
            let wanted = self.wanted.notified();
            if !self.state().is_empty() {
                return;
            }
            wanted.await;
        }
    }

    /// Takes what a server says.
    fn take(&self, response: WatchResponse) -> Result<(), Ended> {
        let id = response.id;
        let taken = match response.change {
            Some(Change::Unchanged(_)) => Ok(true),
            Some(Change::Full(full)) => self.state().replace(id, full),
            Some(Change::Difference(difference)) => self.state().apply(id, difference),
            // a newer version may say more than this one understands
            None => Ok(true),
        };
        match taken {
            Ok(true) => Ok(()),
            Ok(false) => Err(Ended::OutOfStep),
            Err(malformed) => {
                self.complain(id, &malformed);
                Ok(())
            }
        }
    }

    fn complain(&self, id: u64, malformed: &Malformed) {
        let key = self.state().key(id).cloned();
        tracing::error!(
            ?key,
            error = %malformed,
            "a server sent a value that cannot be used; the last one stays in use"
        );
    }
}

/// Keeps a stream open while there is something to subscribe to.
pub(super) async fn run(remote: Arc<Remote>, pool: Arc<Pool>, node: String) {
    let mut picks = pool.picks();
    let mut pause = LEAST_PAUSE;
    loop {
        remote.wanted().await;
        let Some(server) = picked(&mut picks).await else {
            return;
        };
        let mut heard = false;
        let ended = stream(&remote, &pool, &server, &node, &mut picks, &mut heard).await;
        if heard {
            pause = LEAST_PAUSE;
        }
        match ended {
            Ended::Moved => tracing::debug!(%server, "derived values come from another server now"),
            Ended::OutOfStep => {
                tracing::warn!(%server, error = %ended, "derived values are asked for anew")
            }
            Ended::Connect(_) | Ended::Status(_) | Ended::Done => {
                tracing::warn!(
                    %server,
                    error = %ended,
                    "no derived values come from the server; the last ones stay in use"
                );
                pool.failed(&server);
                sleep(pause / 2 + jitter(pause / 2)).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

/// The server that is asked now, as soon as there is one; `None` where there never will be.
async fn picked(picks: &mut watch::Receiver<Option<Server>>) -> Option<Server> {
    let picked = picks.wait_for(Option::is_some).await.ok()?;
    picked.clone()
}

/// One stream, until it ends.
async fn stream(
    remote: &Arc<Remote>,
    pool: &Pool,
    server: &Server,
    node: &str,
    picks: &mut watch::Receiver<Option<Server>>,
    heard: &mut bool,
) -> Ended {
    let open = async {
        let connection = pool.connect(server).await?;
        let outbox = Outbox::new(remote.clone(), node.to_owned());
        let responses = connection.stub().watch(outbox).await?;
        Ok::<_, Ended>(responses.into_inner())
    };
    let mut responses = match open.await {
        Ok(responses) => responses,
        Err(ended) => return ended,
    };
    loop {
        let elsewhere = picks.wait_for(|picked| {
            picked
                .as_ref()
                .is_some_and(|picked| picked.address != server.address)
        });
        let response = tokio::select! {
            biased;
            response = responses.message() => response,
            _ = elsewhere => return Ended::Moved,
        };
        let taken = match response {
            Ok(Some(response)) => remote.take(response),
            Ok(None) => return Ended::Done,
            Err(status) => return status.into(),
        };
        *heard = true;
        if let Err(ended) = taken {
            return ended;
        }
    }
}
