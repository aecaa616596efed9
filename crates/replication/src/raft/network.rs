//! The network, as openraft uses it.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use openraft::errors::{NetworkError, RPCError, ReplicationClosed, StreamingError, Unreachable};
use openraft::network::{RPCOption, RaftNetworkFactory, RaftNetworkV2};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, TransferLeaderRequest,
    TransferLeaderResponse, VoteRequest, VoteResponse,
};
use openraft::type_config::alias::SnapshotOf;
use openraft::{AnyError, OptionalSend};
use rand::RngExt;

use super::link::Link;
use super::message::{Chunk, ChunkAnswer, Request, Response};
use super::place::Place;
use super::runtime::generator;
use super::snapshot::{PIECE, SnapshotFile};
use super::types::{Types, Vote};
use super::{Server, TransportError};

/// How often a part of a snapshot is sent again before the whole transfer is given up.
const ATTEMPTS: usize = 5;

/// Makes the ways to other servers.
pub(crate) struct Network {
    pub(crate) link: Arc<Link>,
    pub(crate) place: Place,
}

/// The way to one other server.
pub(crate) struct Peer {
    link: Arc<Link>,
    place: Place,
    to: Server,
}

// === impl Network ===

impl RaftNetworkFactory<Types> for Network {
    type Network = Peer;

    async fn new_client(&mut self, _: u64, to: &Server) -> Peer {
        Peer {
            link: Arc::clone(&self.link),
            place: self.place.clone(),
            to: to.clone(),
        }
    }
}

// === impl Peer ===

impl Peer {
    async fn call(&self, request: Request, timeout: Duration) -> Result<Response, RPCError<Types>> {
        self.link
            .call(&self.to, request, timeout)
            .await
            .map_err(|error| match error {
                TransportError::Unreachable { .. } => {
                    RPCError::Unreachable(Unreachable::new(&error))
                }
                TransportError::Timeout | TransportError::Failed { .. } => {
                    RPCError::Network(NetworkError::new(&error))
                }
            })
    }

    async fn send_pieces(
        &self,
        vote: Vote,
        snapshot: SnapshotOf<Types, SnapshotFile>,
    ) -> Result<SnapshotResponse<Types>, StreamingError<Types>> {
        let kept = match snapshot.snapshot {
            SnapshotFile::Kept(kept) => kept,
            SnapshotFile::Received(_) => return Err(failed("the snapshot is not on the disk")),
        };
        let read = self.place.run(move || kept.pieces()).await;
        let pieces = read.map_err(|error| failed(&error.to_string()))?;
        let pieces = pieces.map_err(|error| failed(&error.to_string()))?;
        let whole: Vec<Bytes> = pieces.iter().flat_map(cut).collect();
        let mut chunk = Chunk {
            vote,
            meta: snapshot.meta,
            transfer: generator().random(),
            offset: 0,
            total: whole.iter().map(|piece| piece.len() as u64).sum(),
            bytes: Bytes::new(),
        };
        for piece in &whole {
            chunk.bytes = piece.clone();
            if let ChunkAnswer::Installed(vote) = self.send_piece(&chunk).await? {
                return Ok(SnapshotResponse::new(vote));
            }
            chunk.offset += piece.len() as u64;
        }
        Err(failed(
            "the other server has all of the snapshot and did not install it",
        ))
    }

    /// Sends a part until the other server has it.
    async fn send_piece(&self, chunk: &Chunk) -> Result<ChunkAnswer, StreamingError<Types>> {
        let end = chunk.offset + chunk.bytes.len() as u64;
        // The last one is answered when the snapshot is installed.
        let timeout = self.link.settings.message() * 4;
        let mut last = failed("nothing was sent");
        for _ in 0..ATTEMPTS {
            match self.call(Request::Chunk(chunk.clone()), timeout).await {
                Ok(Response::Chunk(answer @ ChunkAnswer::Installed(_))) => return Ok(answer),
                Ok(Response::Chunk(answer @ ChunkAnswer::Next(next))) if next == end => {
                    return Ok(answer);
                }
                // It has begun anew, or another leader sends it one.
                Ok(_) => return Err(failed("the other server wants another part")),
                Err(error) => {
                    last = error.into();
                    tokio::time::sleep(self.link.settings.heartbeat()).await;
                }
            }
        }
        Err(last)
    }
}

/// Parts that are small enough for a message.
fn cut(piece: &Bytes) -> impl Iterator<Item = Bytes> {
    (0..piece.len())
        .step_by(PIECE)
        .map(|start| piece.slice(start..piece.len().min(start + PIECE)))
}

fn failed(reason: &str) -> StreamingError<Types> {
    StreamingError::Network(NetworkError::from_string(reason))
}

/// The answer is none to what was asked.
fn mistaken<T>() -> Result<T, RPCError<Types>> {
    Err(RPCError::Network(NetworkError::new(&AnyError::error(
        "the answer belongs to another question",
    ))))
}

impl RaftNetworkV2<Types> for Peer {
    type SnapshotData = SnapshotFile;

    async fn append_entries(
        &mut self,
        append: AppendEntriesRequest<Types>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<Types>, RPCError<Types>> {
        let timeout = if append.entries.is_empty() {
            option.soft_ttl()
        } else {
            self.link.settings.message()
        };
        let before = append.prev_log_id;
        let last = append.entries.last().map(|entry| entry.log_id).or(before);
        match self.call(Request::Append(append), timeout).await? {
            Response::Append(answer) => match &answer {
                // openraft takes these for granted, and would panic or commit what is on no other server.
                AppendEntriesResponse::Conflict if before.is_none() => mistaken(),
                AppendEntriesResponse::PartialSuccess(matched)
                    if *matched < before || *matched > last =>
                {
                    mistaken()
                }
                AppendEntriesResponse::Success
                | AppendEntriesResponse::PartialSuccess(_)
                | AppendEntriesResponse::Conflict
                | AppendEntriesResponse::HigherVote(_) => Ok(answer),
            },
            _ => mistaken(),
        }
    }

    async fn vote(
        &mut self,
        vote: VoteRequest<Types>,
        _option: RPCOption,
    ) -> Result<VoteResponse<Types>, RPCError<Types>> {
        let timeout = self.link.settings.message();
        match self.call(Request::Vote(vote), timeout).await? {
            Response::Vote(answer) => Ok(answer),
            _ => mistaken(),
        }
    }

    async fn pre_vote(
        &mut self,
        vote: VoteRequest<Types>,
        _option: RPCOption,
    ) -> Result<VoteResponse<Types>, RPCError<Types>> {
        let timeout = self.link.settings.message();
        match self.call(Request::PreVote(vote), timeout).await? {
            Response::Vote(answer) => Ok(answer),
            _ => mistaken(),
        }
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: SnapshotOf<Types, SnapshotFile>,
        cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        _option: RPCOption,
    ) -> Result<SnapshotResponse<Types>, StreamingError<Types>> {
        tokio::select! {
            biased;
            closed = cancel => Err(closed.into()),
            sent = self.send_pieces(vote, snapshot) => sent,
        }
    }

    async fn transfer_leader(
        &mut self,
        transfer: TransferLeaderRequest<Types>,
        _option: RPCOption,
    ) -> Result<TransferLeaderResponse<Types>, RPCError<Types>> {
        let timeout = self.link.settings.message();
        match self.call(Request::Transfer(transfer), timeout).await? {
            Response::Transfer(answer) => Ok(answer),
            _ => mistaken(),
        }
    }
}
