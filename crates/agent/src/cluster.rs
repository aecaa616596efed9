//! The cluster that an agent is part of, as its operators see and change it.

mod alone;
pub(crate) mod gossip;
mod joined;
mod peers;
mod several;

use std::collections::BTreeMap;
use std::io::{self, Read, Seek, Write};
use std::pin::Pin;
use std::time::SystemTime;

use bytes::Bytes;
use futures_util::StreamExt as _;
use tokio::io::{AsyncSeekExt as _, AsyncWriteExt as _};
use tribune_rpc::Chunks;
use tribune_types::call::{Answer, CallError, OperatorRequest, Options};
use tribune_types::member::Member;
use tribune_types::proxy_status::Proxy;
use tribune_types::{Index, autopilot, keyring, raft};

pub(crate) use alone::Alone;
pub(crate) use joined::{Inside, Joined};
pub(crate) use peers::Peers;
pub(crate) use several::Several;

/// What a [`Cluster`] returns.
pub(crate) type ClusterFuture<'a, T> =
    Pin<Box<dyn Future<Output = Result<T, ClusterError>> + Send + 'a>>;

/// What stands behind the requests that operate a cluster.
///
/// Whoever calls has been authorised. What only a leader can do, an implementation has the leader do.
pub(crate) trait Cluster: Send + Sync + 'static {
    /// The members that this agent knows; where `wan`, the servers of all datacenters.
    fn members(&self, wan: bool) -> ClusterFuture<'_, Vec<Member>>;

    /// Meets the members that are reached through these addresses, and tells how many addresses answered.
    /// It fails only where none did.
    fn join(&self, addresses: Vec<String>, wan: bool) -> ClusterFuture<'_, usize>;

    /// Tells the others that this agent leaves, and waits until they know. The agent ends afterwards.
    fn leave(&self) -> ClusterFuture<'_, ()>;

    /// Makes a failed member count as one that has left.
    fn force_leave(&self, request: ForceLeave) -> ClusterFuture<'_, ()>;

    /// Looks at or changes the keys of every gossip pool.
    fn keyring<'a>(
        &'a self,
        request: &'a keyring::Request,
    ) -> ClusterFuture<'a, Vec<keyring::Answer>>;

    /// The servers of the log, as the leader knows them; where `stale`, as this one does.
    fn raft_configuration(&self, stale: bool) -> ClusterFuture<'_, raft::Configuration>;

    /// Takes a server out of the log.
    fn remove_peer<'a>(&'a self, peer: &'a raft::Selector) -> ClusterFuture<'a, ()>;

    /// Has another server lead: that of this ID, or whichever is best fit for it.
    fn transfer_leader<'a>(&'a self, id: Option<&'a str>) -> ClusterFuture<'a, ()>;

    /// Settings of autopilot.
    fn autopilot_configuration(&self, stale: bool) -> ClusterFuture<'_, autopilot::Configuration>;

    /// Changes them, and tells whether it did: not where they have another index than `cas`.
    fn set_autopilot_configuration(
        &self,
        configuration: autopilot::Configuration,
        cas: Option<Index>,
    ) -> ClusterFuture<'_, bool>;

    /// What autopilot knows of the servers.
    fn autopilot_state(&self) -> ClusterFuture<'_, autopilot::State>;

    /// Everything that the servers keep, as the leader has it; as this one has it where the options say that
    /// it may be stale.
    fn save_snapshot<'a>(&'a self, options: &'a Options) -> ClusterFuture<'a, State>;

    /// Puts this in the place of everything that the servers keep. It has been checked against its checksums.
    fn restore_snapshot<'a>(&'a self, state: State, options: &'a Options) -> ClusterFuture<'a, ()>;

    /// What there is to know about the log and the members, section by section.
    fn stats(&self) -> Stats;

    /// The proxies connected to the agents of the whole cluster.
    fn proxies<'a>(&'a self, options: &'a Options) -> ClusterFuture<'a, Vec<Proxy>>;

    /// Where another server has to answer: has it do so, which authorises again. `None` where this agent can.
    fn forward<'a>(
        &'a self,
        _request: &'a OperatorRequest,
        _options: &'a Options,
    ) -> Option<Forwarded<'a>> {
        None
    }
}

/// A server's answer.
pub(crate) type Forwarded<'a> =
    Pin<Box<dyn Future<Output = Result<Answer, CallError>> + Send + 'a>>;

/// Words and numbers for operators, by section and name.
pub(crate) type Stats = BTreeMap<&'static str, BTreeMap<&'static str, String>>;

/// A member to be forgotten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ForceLeave {
    /// Its node.
    pub(crate) node: String,
    /// Whether it disappears from the list of members, too.
    pub(crate) prune: bool,
    /// Whether the servers of all datacenters are meant.
    pub(crate) wan: bool,
}

/// Everything that the servers keep at one moment.
pub(crate) struct State {
    /// A name for it, which no other has.
    pub(crate) id: String,
    /// Index of the last entry of the log that is in it.
    pub(crate) index: Index,
    /// Term of that entry.
    pub(crate) term: u64,
    /// How many bytes there are.
    pub(crate) size: u64,
    /// The bytes.
    pub(crate) bytes: Box<dyn io::Read + Send>,
}

// === impl State ===

impl State {
    /// The tables in a nameless file, however large they are. It takes a while, so not where others wait.
    pub(crate) fn spooled(tables: &tribune_state::Snapshot, term: u64) -> io::Result<Self> {
        let mut file = tempfile::tempfile()?;
        let mut size = 0;
        for chunk in tables.encode() {
            file.write_all(&chunk)?;
            size += chunk.len() as u64;
        }
        file.rewind()?;
        let index = tables.index();
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let millis = since.unwrap_or_default().as_millis();
        Ok(Self {
            id: format!("{term}-{index}-{millis}"),
            index,
            term,
            size,
            bytes: Box::new(file),
        })
    }

    /// What comes over the network, when all of it is there.
    pub(crate) async fn received(mut chunks: Chunks, index: Index) -> Result<Self, CallError> {
        let mut file = tokio::fs::File::from_std(tempfile::tempfile().map_err(unkept)?);
        let mut size = 0;
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|failure| failure.error)?;
            file.write_all(&chunk).await.map_err(unkept)?;
            size += chunk.len() as u64;
        }
        file.rewind().await.map_err(unkept)?;
        Ok(Self {
            id: format!("{index}-{}", uuid::Uuid::new_v4()),
            index,
            term: 0,
            size,
            bytes: Box::new(file.into_std().await),
        })
    }

    /// All of its bytes.
    pub(crate) async fn pieces(mut self) -> io::Result<Vec<Bytes>> {
        let read = tokio::task::spawn_blocking(move || {
            let mut pieces = Vec::new();
            loop {
                let mut piece = Vec::new();
                let mut part = self.bytes.by_ref().take(PIECE);
                if part.read_to_end(&mut piece)? == 0 {
                    return Ok(pieces);
                }
                pieces.push(piece.into());
            }
        });
        read.await.map_err(io::Error::other).flatten()
    }
}

/// How many bytes of a snapshot are read at once.
const PIECE: u64 = 1 << 20;

fn unkept(error: io::Error) -> CallError {
    CallError::Refused(format!("the snapshot cannot be kept: {error}"))
}

/// Why a cluster does not do what it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ClusterError {
    /// There is no cluster.
    #[error(
        "this server is alone, as it runs in memory: {what} needs a cluster of servers that keep \
         their state on disk"
    )]
    Alone {
        /// What was asked for.
        what: &'static str,
    },
    /// Nobody was met.
    #[error("cannot join {address:?}: {reason}")]
    Join {
        /// The address that was tried last.
        address: String,
        /// Why that failed.
        reason: String,
    },
    /// There is no such member.
    #[error("agent: No node found with name '{0}'")]
    NoMember(String),
    /// The log has no such server.
    #[error("{0} was not found in the Raft configuration")]
    NoPeer(raft::Selector),
    /// Gossip is not encrypted.
    #[error("keyring is empty (encryption not enabled): set `encrypt` on every agent")]
    NotEncrypted,
    /// It was tried and did not work.
    #[error("{0}")]
    Failed(String),
}

// === impl ClusterError ===

impl From<ClusterError> for CallError {
    fn from(error: ClusterError) -> Self {
        match error {
            ClusterError::Alone { .. }
            | ClusterError::Join { .. }
            | ClusterError::NoMember(_)
            | ClusterError::NoPeer(_)
            | ClusterError::NotEncrypted
            | ClusterError::Failed(_) => Self::Refused(error.to_string()),
        }
    }
}
