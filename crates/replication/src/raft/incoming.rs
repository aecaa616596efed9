//! What other servers say, and snapshots that they send.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use openraft::EntryPayload;
use openraft::errors::RaftError;
use openraft::raft::{AppendEntriesRequest, AppendEntriesResponse, VoteRequest};
use tribune_state::Store;

use super::HandleError;
use super::core::Core;
use super::message::{Chunk, ChunkAnswer, Envelope, Request, Response};
use super::server::number;
use super::snapshot::{self, SnapshotFile};
use super::types::{Types, Vote};
use crate::disk::WriteError;

/// The largest snapshot that is taken.
const LARGEST: u64 = 64 << 30;

/// The snapshot that is being received, if one is.
#[derive(Default)]
pub(crate) struct Incoming {
    receiving: Mutex<Option<Receiving>>,
}

struct Receiving {
    transfer: u64,
    total: u64,
    have: u64,
    pieces: Vec<Bytes>,
}

/// What a part of a snapshot comes to.
enum Taken {
    /// There is more to come, from here on.
    Next(u64),
    /// That was all of it.
    Whole(Vec<Bytes>),
}

// === impl Core ===

impl Core {
    /// See [`Raft::handle`](super::Raft::handle).
    pub(crate) async fn handle(&self, from: &str, message: Bytes) -> Result<Bytes, HandleError> {
        let envelope = Envelope::decode(message, &self.link.settings.cluster)?;
        tracing::trace!(from, id = envelope.from, "message");
        if !envelope.to.eq_ignore_ascii_case(&self.link.me.id) {
            return Err(HandleError::OtherServer);
        }
        if let Some(reason) = self.stopped() {
            return Err(HandleError::Unavailable { reason });
        }
        let answer = self.answer(&envelope.from, envelope.request).await?;
        Ok(answer.encode())
    }

    async fn answer(&self, from: &str, request: Request) -> Result<Response, HandleError> {
        match request {
            Request::Append(append) => self.append(append).await,
            Request::Vote(vote) => {
                self.check_vote(&vote)?;
                Ok(Response::Vote(
                    self.raft.vote(vote).await.map_err(unavailable)?,
                ))
            }
            Request::PreVote(vote) => {
                self.check_vote(&vote)?;
                Ok(Response::Vote(
                    self.raft.pre_vote(vote).await.map_err(unavailable)?,
                ))
            }
            Request::Transfer(transfer) => {
                let answer = self.raft.handle_transfer_leader(transfer).await;
                Ok(Response::Transfer(answer.map_err(|error| {
                    HandleError::Unavailable {
                        reason: error.to_string(),
                    }
                })?))
            }
            Request::Chunk(chunk) => Ok(Response::Chunk(self.chunk(chunk).await?)),
            Request::Propose(propose) => {
                self.check_member(from)?;
                if propose.commands.iter().any(|data| data.prepare().is_err()) {
                    return Err(HandleError::Malformed {
                        reason: "a command that this version does not know",
                    });
                }
                Ok(Response::Propose(self.proposed(propose).await))
            }
            Request::ReadIndex { confirmed } => {
                self.check_member(from)?;
                Ok(Response::ReadIndex(self.read_index(confirmed).await))
            }
            Request::Meet => Ok(Response::Meet(self.is_initialized().await?)),
            Request::Begin(members) => self.begun(from, members).await,
        }
    }

    async fn append(&self, append: AppendEntriesRequest<Types>) -> Result<Response, HandleError> {
        // What this version does not know is refused before it can be committed with this server's help.
        for entry in &append.entries {
            if let EntryPayload::Normal(data) = &entry.payload
                && data.prepare().is_err()
            {
                return Err(HandleError::Malformed {
                    reason: "a command that this version does not know",
                });
            }
        }
        if !append.entries.is_empty()
            && let Some(reason) = self.stuck()
        {
            return Err(HandleError::Unavailable { reason });
        }
        let last = append
            .entries
            .last()
            .map(|entry| entry.log_id)
            .or(append.prev_log_id);
        let (commit, entries) = (append.leader_commit, !append.entries.is_empty());
        let answer = self
            .raft
            .append_entries(append)
            .await
            .map_err(unavailable)?;
        if !matches!(answer, AppendEntriesResponse::HigherVote(_)) {
            self.link.hear_leader();
        }
        if let Some(commit) = commit {
            self.hear_of(commit.index);
        }
        if matches!(answer, AppendEntriesResponse::Success) {
            if entries {
                self.incoming.drop_old();
            }
            // Everything that was committed when the leader sent this is here now.
            if commit.is_some() && last >= commit {
                self.settle().await.map_err(refused)?;
            }
        }
        Ok(Response::Append(answer))
    }

    /// See [`Core::may_vote`]. A leader that hands over has given up its lease before.
    fn check_vote(&self, vote: &VoteRequest<Types>) -> Result<(), HandleError> {
        let settled = self
            .caution
            .settled
            .load(std::sync::atomic::Ordering::Acquire);
        if self.may_vote() || (vote.leadership_transfer && settled) {
            return Ok(());
        }
        Err(HandleError::Unavailable {
            reason: "this server has just started and may not vote yet".to_owned(),
        })
    }

    /// Whoever has something proposed or read is a server of the cluster.
    fn check_member(&self, from: &str) -> Result<(), HandleError> {
        let known = self.metrics(|metrics| {
            let server = metrics
                .membership_config
                .membership()
                .get_node(&number(from));
            server.is_some_and(|server| server.id.eq_ignore_ascii_case(from))
        });
        if known {
            return Ok(());
        }
        Err(HandleError::UnknownServer {
            from: from.to_owned(),
        })
    }

    async fn chunk(&self, chunk: Chunk) -> Result<ChunkAnswer, HandleError> {
        self.link.hear_leader();
        let vote = self.metrics(|metrics| metrics.vote);
        if vote > chunk.vote {
            return Ok(ChunkAnswer::Installed(vote));
        }
        let (applied, last) = (self.view.last_entry(), chunk.meta.last_log_id);
        if last.is_none_or(|last| applied >= Some(last.index)) {
            return Ok(ChunkAnswer::Installed(vote));
        }
        let (vote, meta) = (chunk.vote, chunk.meta.clone());
        let pieces = match self.incoming.take(chunk)? {
            Taken::Next(offset) => return Ok(ChunkAnswer::Next(offset)),
            Taken::Whole(pieces) => pieces,
        };
        let installed = self.install(vote, meta, pieces).await.map_err(refused)?;
        Ok(ChunkAnswer::Installed(installed))
    }

    /// Installs a snapshot that is there whole, if it is right: it is kept before it replaces anything.
    async fn install(
        &self,
        vote: Vote,
        meta: super::types::SnapshotMeta,
        pieces: Vec<Bytes>,
    ) -> io::Result<Vote> {
        let (shelf, kept_meta) = (Arc::clone(&self.shelf), meta.clone());
        let kept = self.place.run(move || {
            let store = Store::restore(&pieces).map_err(snapshot::invalid)?;
            io::Result::Ok((store, shelf.keep(&kept_meta, &pieces)))
        });
        let (store, kept) = kept.await??;
        match kept {
            Ok(()) => {}
            // No snapshot could be kept any more, so this server would be behind for good.
            Err(error @ WriteError::Poisoned { .. }) => {
                self.fail(&error.to_string()).await;
                return Err(io::Error::other(error.to_string()));
            }
            Err(error) => return Err(io::Error::other(error.to_string())),
        }
        let snapshot = openraft::Snapshot {
            meta,
            snapshot: SnapshotFile::Received(Arc::new(Mutex::new(Some(store)))),
        };
        let installed = self.raft.install_full_snapshot(vote, snapshot).await;
        Ok(installed
            .map_err(|error| io::Error::other(error.to_string()))?
            .vote)
    }
}

fn unavailable(error: RaftError<Types>) -> HandleError {
    HandleError::Unavailable {
        reason: error.to_string(),
    }
}

fn refused(error: io::Error) -> HandleError {
    HandleError::Unavailable {
        reason: error.to_string(),
    }
}

// === impl Incoming ===

impl Incoming {
    fn take(&self, chunk: Chunk) -> Result<Taken, HandleError> {
        let end = chunk.offset.saturating_add(chunk.bytes.len() as u64);
        if end > chunk.total || chunk.total > LARGEST {
            return Err(HandleError::Malformed {
                reason: "a part of a snapshot that lies outside of it",
            });
        }
        let mut receiving = self.receiving();
        let new = receiving
            .as_ref()
            .is_none_or(|old| old.transfer != chunk.transfer);
        if new && chunk.offset != 0 {
            return Ok(Taken::Next(0));
        }
        if new {
            *receiving = Some(Receiving {
                transfer: chunk.transfer,
                total: chunk.total,
                have: 0,
                pieces: Vec::new(),
            });
        }
        let Some(current) = receiving.as_mut() else {
            return Ok(Taken::Next(0));
        };
        if chunk.total != current.total || chunk.offset > current.have {
            return Ok(Taken::Next(current.have));
        }
        if end <= current.have && current.have < current.total {
            // It was here before, and the answer was lost.
            return Ok(Taken::Next(end));
        }
        if chunk.offset == current.have {
            current.have = end;
            current.pieces.push(chunk.bytes);
        }
        if current.have < current.total {
            return Ok(Taken::Next(current.have));
        }
        let whole = receiving.take().map(|whole| whole.pieces);
        Ok(Taken::Whole(whole.unwrap_or_default()))
    }

    /// Lets go of a snapshot that will not be sent any more, since the leader sends entries.
    fn drop_old(&self) {
        *self.receiving() = None;
    }

    /// Nothing that can fail is done under the lock.
    fn receiving(&self) -> MutexGuard<'_, Option<Receiving>> {
        self.receiving
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
