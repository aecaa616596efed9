//! What servers say to each other.
//!
//! A message is its version, its kind, the cluster's name, who it is from and for, its body, and a checksum
//! over all of that. Nothing in it is trusted until that has been seen to be right.

use bytes::{BufMut, Bytes, BytesMut};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, TransferLeaderError, TransferLeaderRequest,
    TransferLeaderResponse, VoteRequest, VoteResponse,
};
use tribune_types::Index;
use xxhash_rust::xxh3::xxh3_64;

use super::codec::{Malformed, Reader, Write};
use super::types::{Data, LogId, SnapshotMeta, Types, Vote};
use super::{HandleError, Server};

#[cfg(test)]
mod tests;

/// The version of this encoding.
pub(crate) const VERSION: u8 = 1;

/// The checksum at the end.
const CHECKSUM: usize = 8;

/// A message from one server to another.
#[derive(Debug)]
pub(crate) struct Envelope {
    /// The ID of the server that sent it.
    pub(crate) from: String,
    /// The ID of the server that it is for.
    pub(crate) to: String,
    pub(crate) request: Request,
}

/// What is asked.
#[derive(Debug)]
pub(crate) enum Request {
    Append(AppendEntriesRequest<Types>),
    Vote(VoteRequest<Types>),
    PreVote(VoteRequest<Types>),
    Transfer(TransferLeaderRequest<Types>),
    Chunk(Chunk),
    Propose(Propose),
    ReadIndex {
        confirmed: bool,
    },
    /// Whether the server that is asked has a cluster.
    Meet,
    /// A new cluster, of which the server that is told is one.
    Begin(Vec<Server>),
}

/// A part of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chunk {
    pub(crate) vote: Vote,
    pub(crate) meta: SnapshotMeta,
    /// Names the transfer: parts of two transfers are never put together.
    pub(crate) transfer: u64,
    /// Where the part begins, in bytes.
    pub(crate) offset: u64,
    /// How long the whole snapshot is.
    pub(crate) total: u64,
    pub(crate) bytes: Bytes,
}

/// Commands that another server was asked to have applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Propose {
    /// The last index of the leader's log that the sender knew of when it sent the first of them first. What
    /// was applied long after that may have been forgotten, so it cannot be told from what was not.
    pub(crate) since: Index,
    pub(crate) commands: Vec<Data>,
}

/// What is answered.
#[derive(Debug)]
pub(crate) enum Response {
    Append(AppendEntriesResponse<Types>),
    Vote(VoteResponse<Types>),
    Transfer(TransferLeaderResponse<Types>),
    /// Up to where the snapshot is there, or the vote that stands against it.
    Chunk(ChunkAnswer),
    Propose(ProposeAnswer),
    /// Everything that was acknowledged when it was asked for is at or below this index.
    ReadIndex(Result<Index, NotLeading>),
    /// Whether it has a cluster.
    Meet(bool),
}

/// What came of a part of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ChunkAnswer {
    /// Everything before this offset is there.
    Next(u64),
    /// All of it was there and right, and it is installed.
    Installed(Vote),
}

/// What came of proposals that were forwarded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ProposeAnswer {
    /// What came of each.
    Each(Vec<Fate>),
    /// None was made, since the log has moved on too far to tell new ones from old ones. It is at this index.
    TooOld(Index),
    /// None was made.
    NotLeading(NotLeading),
}

/// What came of one proposal that was forwarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is applied on the leader; this index of the log has it.
    Applied(Index),
    /// It was not made, and never will be.
    Refused,
    /// It was not made, since the leader's disk is full.
    Full,
    /// Nobody knows.
    Unknown,
}

/// The server that was asked does not lead, or may not any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NotLeading {
    /// Where the leader may be reached.
    pub(crate) hint: Option<String>,
}

// === impl Envelope ===

impl Envelope {
    pub(crate) fn encode(&self, cluster: &str) -> Bytes {
        let mut out = BytesMut::with_capacity(256);
        out.put_u8(VERSION);
        out.bytes(cluster.as_bytes());
        out.bytes(self.from.as_bytes());
        out.bytes(self.to.as_bytes());
        self.request.encode(&mut out);
        seal(out)
    }

    pub(crate) fn decode(message: Bytes, cluster: &str) -> Result<Self, HandleError> {
        let mut reader = open(message)?;
        if reader.bytes()? != cluster.as_bytes() {
            return Err(HandleError::OtherCluster);
        }
        let (from, to) = (reader.text()?, reader.text()?);
        let request = Request::decode(&mut reader)?;
        reader.end()?;
        Ok(Self { from, to, request })
    }
}

/// Adds the checksum.
fn seal(mut out: BytesMut) -> Bytes {
    let checksum = xxh3_64(&out);
    out.put_u64_le(checksum);
    out.freeze()
}

/// Checks the version and the checksum.
fn open(mut message: Bytes) -> Result<Reader, HandleError> {
    let version = *message.first().ok_or(Malformed("empty"))?;
    if version != VERSION {
        return Err(HandleError::Version {
            version,
            ours: VERSION,
        });
    }
    let length = message
        .len()
        .checked_sub(CHECKSUM)
        .ok_or(Malformed("too short"))?;
    let mut checksum = Reader(message.split_off(length));
    if checksum.u64()? != xxh3_64(&message) {
        return Err(Malformed("the checksum is wrong").into());
    }
    let mut reader = Reader(message);
    reader.u8()?;
    Ok(reader)
}

impl From<Malformed> for HandleError {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed {
            reason: malformed.0,
        }
    }
}

// === impl Request ===

impl Request {
    fn encode(&self, out: &mut BytesMut) {
        match self {
            Self::Append(append) => {
                out.put_u8(1);
                out.vote(&append.vote);
                out.some_log_id(append.prev_log_id.as_ref());
                out.some_log_id(append.leader_commit.as_ref());
                out.count(append.entries.len());
                for entry in &append.entries {
                    out.entry(entry);
                }
            }
            Self::Vote(vote) => encode_vote(out, 2, vote),
            Self::PreVote(vote) => encode_vote(out, 3, vote),
            Self::Transfer(transfer) => {
                out.put_u8(4);
                out.vote(transfer.from_leader());
                out.put_u64_le(*transfer.to_node_id());
                out.some_log_id(transfer.last_log_id());
            }
            Self::Chunk(chunk) => {
                out.put_u8(5);
                out.vote(&chunk.vote);
                out.snapshot_meta(&chunk.meta);
                out.put_u64_le(chunk.transfer);
                out.put_u64_le(chunk.offset);
                out.put_u64_le(chunk.total);
                out.bytes(&chunk.bytes);
            }
            Self::Propose(propose) => {
                out.put_u8(6);
                out.put_u64_le(propose.since);
                out.count(propose.commands.len());
                for command in &propose.commands {
                    out.bytes(&command.bytes);
                }
            }
            Self::ReadIndex { confirmed } => {
                out.put_u8(7);
                out.flag(*confirmed);
            }
            Self::Meet => out.put_u8(8),
            Self::Begin(members) => {
                out.put_u8(9);
                out.count(members.len());
                for member in members {
                    out.server(member);
                }
            }
        }
    }

    fn decode(reader: &mut Reader) -> Result<Self, Malformed> {
        Ok(match reader.u8()? {
            1 => Self::Append(decode_append(reader)?),
            2 => Self::Vote(decode_vote(reader)?),
            3 => Self::PreVote(decode_vote(reader)?),
            4 => Self::Transfer(TransferLeaderRequest::new(
                reader.vote()?,
                reader.u64()?,
                reader.some_log_id()?,
            )),
            5 => Self::Chunk(Chunk {
                vote: reader.vote()?,
                meta: reader.snapshot_meta()?,
                transfer: reader.u64()?,
                offset: reader.u64()?,
                total: reader.u64()?,
                bytes: reader.bytes()?,
            }),
            6 => {
                let since = reader.u64()?;
                let mut commands = Vec::new();
                for _ in 0..reader.count(4)? {
                    commands.push(Data::check(reader.bytes()?)?);
                }
                Self::Propose(Propose { since, commands })
            }
            7 => Self::ReadIndex {
                confirmed: reader.flag()?,
            },
            8 => Self::Meet,
            9 => {
                let mut members = Vec::new();
                for _ in 0..reader.count(12)? {
                    members.push(reader.server()?);
                }
                Self::Begin(members)
            }
            _ => return Err(Malformed("a request of an unknown kind")),
        })
    }
}

/// Entries have to follow each other and what comes before them; openraft takes that for granted.
fn decode_append(reader: &mut Reader) -> Result<AppendEntriesRequest<Types>, Malformed> {
    let vote = reader.vote()?;
    let prev_log_id = reader.some_log_id()?;
    let leader_commit = reader.some_log_id()?;
    let mut last: Option<LogId> = prev_log_id;
    let mut entries = Vec::new();
    for _ in 0..reader.count(21)? {
        let entry = reader.entry()?;
        let expected = last.map_or(0, |last| last.index.saturating_add(1));
        if entry.log_id.index != expected || Some(entry.log_id) <= last {
            return Err(Malformed("entries that do not follow each other"));
        }
        last = Some(entry.log_id);
        entries.push(entry);
    }
    Ok(AppendEntriesRequest {
        vote,
        prev_log_id,
        entries,
        leader_commit,
    })
}

fn encode_vote(out: &mut BytesMut, kind: u8, vote: &VoteRequest<Types>) {
    out.put_u8(kind);
    out.vote(&vote.vote);
    out.some_log_id(vote.last_log_id.as_ref());
    out.flag(vote.leadership_transfer);
}

fn decode_vote(reader: &mut Reader) -> Result<VoteRequest<Types>, Malformed> {
    let mut vote = VoteRequest::new(reader.vote()?, reader.some_log_id()?);
    vote.leadership_transfer = reader.flag()?;
    Ok(vote)
}

// === impl Response ===

impl Response {
    pub(crate) fn encode(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(64);
        out.put_u8(VERSION);
        match self {
            Self::Append(append) => encode_appended(&mut out, append),
            Self::Vote(response) => {
                out.put_u8(2);
                out.vote(&response.vote);
                out.flag(response.vote_granted);
                out.some_log_id(response.last_log_id.as_ref());
            }
            Self::Transfer(transfer) => encode_transferred(&mut out, transfer),
            Self::Chunk(ChunkAnswer::Next(offset)) => {
                out.put_slice(&[5, 0]);
                out.put_u64_le(*offset);
            }
            Self::Chunk(ChunkAnswer::Installed(vote)) => {
                out.put_slice(&[5, 1]);
                out.vote(vote);
            }
            Self::Propose(propose) => encode_proposed(&mut out, propose),
            Self::ReadIndex(Ok(index)) => {
                out.put_slice(&[7, 1]);
                out.put_u64_le(*index);
            }
            Self::ReadIndex(Err(not)) => {
                out.put_slice(&[7, 0]);
                not.encode(&mut out);
            }
            Self::Meet(has) => {
                out.put_u8(8);
                out.flag(*has);
            }
        }
        seal(out)
    }

    pub(crate) fn decode(message: Bytes) -> Result<Self, HandleError> {
        let mut reader = open(message)?;
        let response = match reader.u8()? {
            1 => Self::Append(decode_appended(&mut reader)?),
            2 => {
                let vote = reader.vote()?;
                let granted = reader.flag()?;
                Self::Vote(VoteResponse::new(vote, reader.some_log_id()?, granted))
            }
            4 => Self::Transfer(decode_transferred(&mut reader)?),
            5 => Self::Chunk(if reader.flag()? {
                ChunkAnswer::Installed(reader.vote()?)
            } else {
                ChunkAnswer::Next(reader.u64()?)
            }),
            6 => Self::Propose(decode_proposed(&mut reader)?),
            7 => Self::ReadIndex(if reader.flag()? {
                Ok(reader.u64()?)
            } else {
                Err(NotLeading::decode(&mut reader)?)
            }),
            8 => Self::Meet(reader.flag()?),
            _ => return Err(Malformed("a response of an unknown kind").into()),
        };
        reader.end()?;
        Ok(response)
    }
}

fn encode_appended(out: &mut BytesMut, append: &AppendEntriesResponse<Types>) {
    out.put_u8(1);
    match append {
        AppendEntriesResponse::Success => out.put_u8(0),
        AppendEntriesResponse::PartialSuccess(matched) => {
            out.put_u8(1);
            out.some_log_id(matched.as_ref());
        }
        AppendEntriesResponse::Conflict => out.put_u8(2),
        AppendEntriesResponse::HigherVote(vote) => {
            out.put_u8(3);
            out.vote(vote);
        }
    }
}

fn decode_appended(reader: &mut Reader) -> Result<AppendEntriesResponse<Types>, Malformed> {
    Ok(match reader.u8()? {
        0 => AppendEntriesResponse::Success,
        1 => AppendEntriesResponse::PartialSuccess(reader.some_log_id()?),
        2 => AppendEntriesResponse::Conflict,
        3 => AppendEntriesResponse::HigherVote(reader.vote()?),
        _ => return Err(Malformed("an answer of an unknown kind")),
    })
}

fn encode_transferred(out: &mut BytesMut, transfer: &TransferLeaderResponse<Types>) {
    out.put_u8(4);
    match transfer {
        Ok(()) => out.put_u8(0),
        Err(TransferLeaderError::VoteChanged { expected, actual }) => {
            out.put_u8(1);
            out.vote(expected);
            out.vote(actual);
        }
        Err(TransferLeaderError::LogNotFlushed { expected, actual }) => {
            out.put_u8(2);
            out.some_log_id(expected.as_ref());
            out.some_log_id(actual.as_ref());
        }
    }
}

fn decode_transferred(reader: &mut Reader) -> Result<TransferLeaderResponse<Types>, Malformed> {
    Ok(match reader.u8()? {
        0 => Ok(()),
        1 => Err(TransferLeaderError::VoteChanged {
            expected: reader.vote()?,
            actual: reader.vote()?,
        }),
        2 => Err(TransferLeaderError::LogNotFlushed {
            expected: reader.some_log_id()?,
            actual: reader.some_log_id()?,
        }),
        _ => return Err(Malformed("an answer of an unknown kind")),
    })
}

fn encode_proposed(out: &mut BytesMut, propose: &ProposeAnswer) {
    out.put_u8(6);
    match propose {
        ProposeAnswer::Each(fates) => {
            out.put_u8(0);
            out.count(fates.len());
            for fate in fates {
                match fate {
                    Fate::Applied(index) => {
                        out.put_u8(0);
                        out.put_u64_le(*index);
                    }
                    Fate::Refused => out.put_u8(1),
                    Fate::Full => out.put_u8(2),
                    Fate::Unknown => out.put_u8(3),
                }
            }
        }
        ProposeAnswer::TooOld(index) => {
            out.put_u8(1);
            out.put_u64_le(*index);
        }
        ProposeAnswer::NotLeading(not) => {
            out.put_u8(2);
            not.encode(out);
        }
    }
}

fn decode_proposed(reader: &mut Reader) -> Result<ProposeAnswer, Malformed> {
    Ok(match reader.u8()? {
        0 => {
            let mut fates = Vec::new();
            for _ in 0..reader.count(1)? {
                fates.push(match reader.u8()? {
                    0 => Fate::Applied(reader.u64()?),
                    1 => Fate::Refused,
                    2 => Fate::Full,
                    3 => Fate::Unknown,
                    _ => return Err(Malformed("an answer of an unknown kind")),
                });
            }
            ProposeAnswer::Each(fates)
        }
        1 => ProposeAnswer::TooOld(reader.u64()?),
        2 => ProposeAnswer::NotLeading(NotLeading::decode(reader)?),
        _ => return Err(Malformed("an answer of an unknown kind")),
    })
}

// === impl NotLeading ===

impl NotLeading {
    fn encode(&self, out: &mut BytesMut) {
        out.flag(self.hint.is_some());
        if let Some(hint) = &self.hint {
            out.bytes(hint.as_bytes());
        }
    }

    fn decode(reader: &mut Reader) -> Result<Self, Malformed> {
        let hint = if reader.flag()? {
            Some(reader.text()?)
        } else {
            None
        };
        Ok(Self { hint })
    }
}
