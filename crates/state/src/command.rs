//! What can be done to the tables, and what came of it.

use std::sync::Arc;

use tribune_types::config_entry::{self, Entry};
use tribune_types::connect::{CaConfiguration, CaRoot};
use tribune_types::{HealthCheck, Index, Name, Node, NodeName, NodeService, autopilot};

mod size;

/// An entry of the log. Whatever a proposer knows and the tables do not (the time, random numbers) is in it.
#[derive(Clone, Debug)]
pub struct Command {
    /// Names the request, so that one proposed again after its answer was lost is applied only once.
    pub request_id: Option<u128>,
    /// What to do.
    pub operation: Operation,
}

impl From<Operation> for Command {
    fn from(operation: Operation) -> Self {
        Self {
            request_id: None,
            operation,
        }
    }
}

/// One change of the tables.
///
/// `cas` makes a write conditional, as Consul's does: 0 means that there must be nothing yet, anything
/// else that what is there was last modified at that index.
#[derive(Clone, Debug)]
pub enum Operation {
    /// Puts a node, a service on it and checks into the catalog.
    Register(Box<Registration>),
    /// Takes a node, or a service or a check on it, out of the catalog. What is not there is no error.
    Deregister(Deregistration),
    /// Writes a config entry. Writing what is there already succeeds, whatever `cas` says, and changes nothing.
    PutConfigEntry {
        /// The entry.
        entry: Arc<Entry>,
        /// Condition on the stored entry.
        cas: Option<Index>,
        /// Index of the config entries against which the entry was checked; refused where they changed since.
        checked_at: Option<Index>,
    },
    /// Deletes a config entry.
    DeleteConfigEntry {
        /// The entry.
        key: config_entry::Key,
        /// Condition on the stored entry.
        cas: Option<Index>,
        /// Index of the config entries against which the deletion was checked; refused where they changed since.
        checked_at: Option<Index>,
    },
    /// Writes the configuration of the certificate authority. The cluster's ID is kept once there is one.
    SetCaConfiguration {
        /// The configuration.
        configuration: Box<CaConfiguration>,
        /// Condition on the stored configuration.
        cas: Option<Index>,
    },
    /// Replaces all root certificates and, where one is given, the configuration with them.
    SetCaRoots {
        /// The roots, exactly one of them active.
        roots: Vec<CaRoot>,
        /// The configuration that goes with them.
        configuration: Option<Box<CaConfiguration>>,
        /// Index of the roots that these replace. Where it is given, the configuration's `modify_index`
        /// must be the stored one's too.
        cas: Option<Index>,
    },
    /// Several operations, all of them or none. They are not nested.
    Batch(Vec<Self>),
    /// Writes the settings of autopilot. The indexes in them are ignored.
    SetAutopilotConfiguration {
        /// The settings.
        configuration: Box<autopilot::Configuration>,
        /// Condition on the stored settings.
        cas: Option<Index>,
    },
    /// A part of tables that take the place of all that there are, once all parts have come.
    Restore(RestorePart),
}

/// A part of the bytes that [`Snapshot::encode`](crate::Snapshot::encode) gave, in order.
///
/// Nothing changes before the last part has come and all of them together are right. Indexes in the rows that are
/// above the one at which that happens become that one, so that no index ever goes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestorePart {
    /// Names the restoration: parts of two are never put together.
    pub id: u128,
    /// Where the part begins, in bytes. The part at 0 lets go of an earlier restoration that has not ended.
    pub offset: u64,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Whether it is the last one.
    pub last: bool,
}

/// A node, and what is registered on it. The indexes in the rows are ignored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Registration {
    /// The node, written where it is new or differs.
    pub node: Node,
    /// Leaves a node that exists as it is.
    pub skip_node_update: bool,
    /// A service on the node.
    pub service: Option<NodeService>,
    /// Checks on the node. Their service's name and tags are taken from the catalog.
    pub checks: Vec<HealthCheck>,
}

/// What to take out of the catalog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deregistration {
    /// The node.
    pub node: NodeName,
    /// What of it.
    pub removed: Removed,
}

/// What of a node is taken out of the catalog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Removed {
    /// The node with all its services and checks.
    Node,
    /// The instance with this ID and its checks.
    Service(Name),
    /// The check with this ID.
    Check(Name),
}

/// What came of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Done,
    /// Whether the condition of a conditional write held. Where not, nothing changed.
    Cas(bool),
    /// It cannot be done, and nothing changed.
    Refused(ApplyError),
}

impl ApplyError {
    /// Whether it was only that entries changed after the command was checked against them: checking it again may
    /// help.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        match self {
            Self::Stale { .. } => true,
            Self::InBatch { error, .. } => error.is_stale(),
            Self::OutOfOrder { .. }
            | Self::NodeNameTaken { .. }
            | Self::CheckOfOtherNode { .. }
            | Self::UnknownService { .. }
            | Self::VirtualIpsExhausted
            | Self::ActiveRoots { .. }
            | Self::RootWithoutId
            | Self::CasFailed
            | Self::NestedBatch
            | Self::RestoreOutOfOrder { .. }
            | Self::NotRestorable { .. } => false,
        }
    }
}

impl Outcome {
    /// Whether the tables now say what was asked for.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        matches!(self, Self::Done | Self::Cas(true))
    }
}

/// Why a command cannot be applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// The log handed out an index that is not above the last one.
    #[error("index {index} was applied already, the last one is {applied}")]
    OutOfOrder {
        /// The index.
        index: Index,
        /// The last index that was applied.
        applied: Index,
    },
    /// Another node has that name and is alive.
    #[error(
        "node name {name} is reserved by node {holder}, whose ID differs from {id:?} and which is healthy"
    )]
    NodeNameTaken {
        /// The name.
        name: NodeName,
        /// ID of the node that asked for it.
        id: String,
        /// ID of the node that has it.
        holder: String,
    },
    /// The registration has a check of another node.
    #[error("check {check} belongs to node {of}, not to {node}")]
    CheckOfOtherNode {
        /// The check's ID.
        check: Name,
        /// Its node.
        of: NodeName,
        /// The node registered.
        node: NodeName,
    },
    /// The check is about an instance that the node does not have.
    #[error("unknown service ID {service:?} for check ID {check:?} on node {node}")]
    UnknownService {
        /// The check's ID.
        check: Name,
        /// The instance's ID.
        service: Name,
        /// The node.
        node: NodeName,
    },
    /// Every virtual address is in use.
    #[error("no virtual address is left for another service")]
    VirtualIpsExhausted,
    /// Config entries changed after the write was checked against them.
    #[error("config entries changed at index {index}, after the write was checked at {checked_at}")]
    Stale {
        /// Index that the write was checked at.
        checked_at: Index,
        /// Index of the config entries.
        index: Index,
    },
    /// Not exactly one of the roots is active.
    #[error("there must be exactly one active CA root, not {active}")]
    ActiveRoots {
        /// How many are.
        active: usize,
    },
    /// A root has no ID.
    #[error("a CA root has no ID")]
    RootWithoutId,
    /// A condition inside a batch did not hold.
    #[error("the stored row was modified since it was read")]
    CasFailed,
    /// A batch holds a batch.
    #[error("a batch cannot be part of a batch")]
    NestedBatch,
    /// An operation of a batch failed, so none was applied.
    #[error("operation {at} of the batch: {error}")]
    InBatch {
        /// Its position in the batch.
        at: usize,
        /// Why it failed.
        error: Box<Self>,
    },
    /// A part of tables to restore does not follow those that have come.
    #[error(
        "the part at byte {offset} does not follow the {staged} bytes that are there; restore from the beginning"
    )]
    RestoreOutOfOrder {
        /// Where the part begins.
        offset: u64,
        /// How many bytes of that restoration are there.
        staged: u64,
    },
    /// What was to be restored is no tables.
    #[error("nothing is restored: {reason}")]
    NotRestorable {
        /// What is wrong with it.
        reason: String,
    },
}
