//! The log of a cluster of servers: [`raft`] opens it.
//!
//! What is proposed goes into the log of the server that leads, and counts when a quorum has it on its disks.
//! openraft decides who leads and what counts; everything that it needs to write, to send and to apply is here, and
//! everything that it takes for granted is seen to before it hears of it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;
use tribune_state::{Command, Snapshot, Store};
use tribune_types::Index;
use tribune_types::call::Consistency;

mod codec;
mod core;
mod error;
mod incoming;
mod link;
mod machine;
mod meet;
mod members;
mod message;
mod network;
mod open;
mod place;
mod propose;
mod read;
mod runtime;
mod server;
mod settings;
mod snapshot;
mod start;
mod status;
mod storage;
mod transport;
mod types;
mod view;

pub use error::{HandleError, MembershipError, OpenError};
pub use open::Storage;
pub use runtime::seed_this_thread;
pub use server::{Member, Role, Server};
pub use settings::RaftSettings;
pub use status::{RaftHealth, RaftStatus};
pub use transport::{LARGEST_MESSAGE, Transport, TransportError, TransportFuture};

use self::core::Core;
use crate::disk::Files;
use crate::error::ReadError;
use crate::handle::{Handle, Leadership, Log, LogFuture, Observer, Proposed};
use link::Link;
use storage::writer::{Health, Job};

/// How long the tasks of a server have to end.
const GRACE: Duration = Duration::from_secs(5);

/// One server's part in the log of a cluster. Clones are the same server.
#[derive(Clone)]
pub struct Raft {
    core: Arc<Core>,
}

/// Opens the log of a server, and takes part in its cluster, where it has one. `store` is empty; what
/// the disk has is restored into it.
///
/// A new server is part of no cluster. Either [`Raft::initialize`] makes one, or the leader of one
/// adds it with [`Raft::add_voter`] or [`Raft::add_nonvoter`].
///
/// # Errors
/// Where what is on the disk cannot be read, or the settings make no sense.
pub async fn raft<F: Files>(
    settings: RaftSettings,
    storage: Storage<F>,
    transport: Arc<dyn Transport>,
    store: Store,
    observer: Arc<dyn Observer>,
) -> Result<(Handle, Raft), OpenError> {
    let config = Arc::new(settings.config()?);
    let place = storage.place();
    let opened = storage.open(&settings.me, store).await?;
    let link = Link::new(settings, transport);
    let core = start::start(config, opened, place, (link, observer)).await?;
    Ok((Handle::new(Replicated(Arc::clone(&core))), Raft { core }))
}

/// The log behind a [`Handle`].
struct Replicated(Arc<Core>);

// === impl Raft ===

impl Raft {
    /// Handles a message that another server sent through its [`Transport`], and gives the answer to send back.
    /// `from` is whatever the transport knows of who sent it, for what is logged.
    ///
    /// # Errors
    /// Where it is no message for this server, or cannot be handled now. The transport of whoever sent it then says
    /// [`TransportError::Failed`].
    pub async fn handle(&self, from: &str, message: Bytes) -> Result<Bytes, HandleError> {
        self.core.handle(from, message).await
    }

    /// Stops taking part, without handing over leadership first. What was acknowledged is on the disk.
    pub async fn shutdown(&self) {
        let stopped = self.core.raft.shutdown().await;
        if let Err(error) = stopped {
            tracing::error!(%error, "the log did not stop as it should");
        }
        // Where the writer has stopped by itself, nothing has to be told.
        let _: Result<(), _> = self.core.jobs.send(Job::Stop);
        if let Err(left) = self.core.tasks.end(GRACE).await {
            tracing::warn!(?left, "tasks of the log were dropped");
        }
        self.core.view.close();
    }
}

impl std::fmt::Debug for Raft {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Raft")
            .field("me", &self.core.link.me)
            .finish_non_exhaustive()
    }
}

impl Log for Replicated {
    fn propose(&self, command: Command) -> LogFuture<'_, Proposed> {
        Box::pin(self.0.propose(command))
    }

    fn read_barrier(&self, consistency: Consistency) -> LogFuture<'_, Result<(), ReadError>> {
        Box::pin(self.0.read_barrier(consistency))
    }

    fn leadership(&self) -> watch::Receiver<Leadership> {
        self.0.leadership.subscribe()
    }

    fn applied(&self) -> watch::Receiver<Index> {
        self.0.view.applied.subscribe()
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot::clone(&self.0.view.snapshot.load())
    }
}

/// An error of the disk, with where it is.
fn storage_error(error: impl std::fmt::Display) -> OpenError {
    OpenError::Storage {
        reason: error.to_string(),
    }
}
