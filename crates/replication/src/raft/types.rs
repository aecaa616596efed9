//! The types that openraft is made with here.

use std::fmt;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use openraft::impls::{BoxedErrorSource, InlineBatch, OneshotResponder, leader_id_std};
use openraft::vote::RaftLeaderId;
use openraft::vote::leader_id_std::CommittedLeaderId;
use openraft::{EntryPayload, OptionalSend, RaftTypeConfig};
use tribune_state::{Command, Outcome};
use tribune_types::Index;

use super::{Server, runtime::Runtime};

/// One leader a term, as in the paper: two servers never lead in the same term.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Types;

impl RaftTypeConfig for Types {
    type D = Data;
    type R = Answer;
    type NodeId = u64;
    type Node = Server;
    type Term = u64;
    type LeaderId = leader_id_std::LeaderId<u64, u64>;
    type Vote = openraft::impls::Vote<Self::LeaderId>;
    type Payload = EntryPayload<Data, u64, Server>;
    type Entry = openraft::Entry<<Self::LeaderId as RaftLeaderId>::Committed, Self::Payload>;
    type AsyncRuntime = Runtime;
    type Responder<T>
        = OneshotResponder<Self, T>
    where
        T: OptionalSend + 'static;
    type Batch<T>
        = InlineBatch<T>
    where
        T: OptionalSend + 'static;
    type ErrorSource = BoxedErrorSource;
}

pub(crate) type LogId = openraft::type_config::alias::LogIdOf<Types>;
pub(crate) type Vote = openraft::type_config::alias::VoteOf<Types>;
pub(crate) type Entry = openraft::type_config::alias::EntryOf<Types>;
pub(crate) type Payload = openraft::type_config::alias::PayloadOf<Types>;
pub(crate) type Membership = openraft::Membership<u64, Server>;
pub(crate) type StoredMembership = openraft::type_config::alias::StoredMembershipOf<Types>;
pub(crate) type SnapshotMeta = openraft::type_config::alias::SnapshotMetaOf<Types>;

/// A command as it is in the log and in messages: the kind of a payload, then the command's own encoding.
#[derive(Clone, Default)]
pub(crate) struct Data {
    pub(crate) bytes: Bytes,
    /// The command itself, where it is known already, for whoever applies it first.
    pub(crate) ready: Arc<Mutex<Option<Command>>>,
}

/// What came of an entry. Entries that are no commands come to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer(pub(crate) Option<(Index, Outcome)>);

/// The position of an entry in the log.
pub(crate) const fn log_id(term: u64, index: u64) -> LogId {
    LogId {
        leader_id: CommittedLeaderId { term },
        index,
    }
}

/// The term of a position.
pub(crate) const fn term(id: &LogId) -> u64 {
    id.leader_id.term
}

/// A vote for a server in a term.
pub(crate) const fn vote(term: u64, server: u64, committed: bool) -> Vote {
    Vote {
        leader_id: leader_id_std::LeaderId {
            term,
            voted_for: server,
        },
        committed,
    }
}

// === impl Data ===

impl fmt::Debug for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "command of {} bytes", self.bytes.len())
    }
}

impl fmt::Display for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl PartialEq for Data {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for Data {}
