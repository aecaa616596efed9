//! Snapshots in pieces, with proof that none is missing.

use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt};
use ring::digest;
use tonic::{Status, Streaming};
use tribune_proto::rpc::v1::{
    SnapshotEnd, SnapshotRestoreRequest, SnapshotSaveResponse,
    snapshot_restore_request::Message as Restored, snapshot_save_response::Message as Saved,
};
use tribune_types::Token;
use tribune_types::call::CallError;

use crate::convert::call::{failure, failure_message};
use crate::{Chunks, Failure, Snapshot};

/// Most bytes that are sent in one piece.
const PIECE: usize = 256 << 10;

/// What went over the network so far.
struct Tally {
    length: u64,
    digest: digest::Context,
}

/// What comes of a stream of pieces.
enum Piece {
    Chunk(Bytes),
    End(SnapshotEnd),
    Failed(Failure),
}

// === impl Tally ===

impl Tally {
    fn new() -> Self {
        Self {
            length: 0,
            digest: digest::Context::new(&digest::SHA256),
        }
    }

    fn add(&mut self, chunk: &[u8]) {
        // no machine has room for more bytes than a u64 counts
        self.length += chunk.len() as u64;
        self.digest.update(chunk);
    }

    fn end(&self) -> SnapshotEnd {
        SnapshotEnd {
            length: self.length,
            sha256: Bytes::copy_from_slice(self.digest.clone().finish().as_ref()),
        }
    }

    fn check(&self, end: &SnapshotEnd) -> Result<(), Failure> {
        if self.end() == *end {
            return Ok(());
        }
        Err(broken(format!(
            "{} bytes came and {} were sent, or their checksum differs",
            self.length, end.length
        )))
    }
}

fn broken(why: impl std::fmt::Display) -> Failure {
    CallError::Unavailable(format!(
        "the snapshot is not complete: {why}; nothing was restored, try again"
    ))
    .into()
}

/// A backend's chunks with what proves them behind, in pieces that fit a message.
fn proved(chunks: Chunks) -> BoxStream<'static, Piece> {
    let pieces = chunks.flat_map(|chunk| match chunk {
        Ok(chunk) => stream::iter(split(chunk).into_iter().map(Ok).collect::<Vec<_>>()),
        Err(failure) => stream::iter(vec![Err(failure)]),
    });
    stream::unfold(Some((pieces, Tally::new())), |state| async {
        let (mut pieces, mut tally) = state?;
        Some(match pieces.next().await {
            Some(Ok(chunk)) => {
                tally.add(&chunk);
                (Piece::Chunk(chunk), Some((pieces, tally)))
            }
            Some(Err(failure)) => (Piece::Failed(failure), None),
            None => (Piece::End(tally.end()), None),
        })
    })
    .boxed()
}

fn split(mut chunk: Bytes) -> Vec<Bytes> {
    let mut pieces = Vec::new();
    while chunk.len() > PIECE {
        pieces.push(chunk.split_to(PIECE));
    }
    pieces.push(chunk);
    pieces
}

/// Pieces as chunks again; an error where they are not what was sent.
fn checked(pieces: impl Stream<Item = Piece> + Send + 'static) -> Chunks {
    stream::unfold(Some((pieces.boxed(), Tally::new())), |state| async {
        let (mut pieces, mut tally) = state?;
        match pieces.next().await {
            Some(Piece::Chunk(chunk)) => {
                tally.add(&chunk);
                Some((Ok(chunk), Some((pieces, tally))))
            }
            Some(Piece::End(end)) => match tally.check(&end) {
                Ok(()) => None,
                Err(failure) => Some((Err(failure), None)),
            },
            Some(Piece::Failed(failure)) => Some((Err(failure), None)),
            None => Some((Err(broken("the stream ended before its end")), None)),
        }
    })
    .boxed()
}

/// What a server sends of a snapshot.
pub(crate) fn send(
    saved: Result<Snapshot, Failure>,
) -> BoxStream<'static, Result<SnapshotSaveResponse, Status>> {
    let message = |message| {
        Ok(SnapshotSaveResponse {
            message: Some(message),
        })
    };
    match saved {
        Err(failure) => {
            let failed = message(Saved::Error(failure_message(failure)));
            stream::iter([failed]).boxed()
        }
        Ok(Snapshot { index, chunks }) => {
            let pieces = proved(chunks).map(move |piece| match piece {
                Piece::Chunk(chunk) => message(Saved::Chunk(chunk)),
                Piece::End(end) => message(Saved::End(end)),
                Piece::Failed(failure) => message(Saved::Error(failure_message(failure))),
            });
            stream::iter([message(Saved::Index(index))])
                .chain(pieces)
                .boxed()
        }
    }
}

/// What a client gets of a snapshot.
pub(crate) async fn saved(
    mut responses: Streaming<SnapshotSaveResponse>,
) -> Result<Snapshot, Failure> {
    let first = responses.message().await;
    let first = first.map_err(|status| broken(status.message()))?;
    match first.and_then(|response| response.message) {
        Some(Saved::Index(index)) => {
            let pieces = responses.map(|response| match response.map(|r| r.message) {
                Ok(Some(Saved::Chunk(chunk))) => Piece::Chunk(chunk),
                Ok(Some(Saved::End(end))) => Piece::End(end),
                Ok(Some(Saved::Error(error))) => Piece::Failed(failure(error)),
                Ok(Some(Saved::Index(_)) | None) => Piece::Failed(broken("a message is wrong")),
                Err(status) => Piece::Failed(broken(status.message())),
            });
            Ok(Snapshot {
                index,
                chunks: checked(pieces),
            })
        }
        Some(Saved::Error(error)) => Err(failure(error)),
        Some(Saved::Chunk(_) | Saved::End(_)) | None => Err(broken("the first message is wrong")),
    }
}

/// What a client sends of a snapshot. A failure of its own ends the stream before its end, so that nothing is
/// restored.
pub(crate) fn restore(
    token: &Token,
    chunks: Chunks,
) -> impl Stream<Item = SnapshotRestoreRequest> + Send + 'static {
    let request = |message| SnapshotRestoreRequest {
        message: Some(message),
    };
    let pieces = proved(chunks).scan((), move |(), piece| {
        std::future::ready(match piece {
            Piece::Chunk(chunk) => Some(request(Restored::Chunk(chunk))),
            Piece::End(end) => Some(request(Restored::End(end))),
            Piece::Failed(_) => None,
        })
    });
    stream::iter([request(Restored::Token(token.secret().to_owned()))]).chain(pieces)
}

/// What a server gets of a snapshot.
pub(crate) async fn receive(
    mut requests: Streaming<SnapshotRestoreRequest>,
) -> Result<(Token, Chunks), Status> {
    let first = requests.message().await?;
    let Some(Restored::Token(token)) = first.and_then(|request| request.message) else {
        return Err(Status::invalid_argument(
            "the first message must be the token",
        ));
    };
    let pieces = requests.map(|request| match request.map(|request| request.message) {
        Ok(Some(Restored::Chunk(chunk))) => Piece::Chunk(chunk),
        Ok(Some(Restored::End(end))) => Piece::End(end),
        Ok(Some(Restored::Token(_)) | None) => Piece::Failed(broken("a message is wrong")),
        Err(status) => Piece::Failed(broken(status.message())),
    });
    Ok((Token::from(token.as_str()), checked(pieces)))
}
