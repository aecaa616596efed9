//! How an agent takes part in its cluster.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// How a server comes to a cluster that has a leader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bootstrap {
    /// It is let into one that there is. All that a client can do.
    Join,
    /// It makes one of its own.
    Alone,
    /// It makes one with others as soon as there are so many servers, itself among them.
    Expect(u32),
}

/// How an agent finds the others, and leaves them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Join {
    /// Addresses of agents, with or without a port.
    pub addresses: Vec<String>,
    /// Time between two attempts.
    pub interval: Duration,
    /// Attempts before the agent gives up and ends; no end where 0.
    pub max_attempts: u32,
    /// Whether it goes back to a cluster that it was told to leave.
    pub rejoin_after_leave: bool,
    /// Whether SIGTERM makes it leave.
    pub leave_on_terminate: bool,
    /// Whether SIGINT makes it leave.
    pub leave_on_interrupt: bool,
    /// How long an agent may be away before it is forgotten.
    pub reconnect_timeout: Duration,
    /// How long a server may be off before it refuses to come back with what it has.
    pub server_rejoin_age_max: Duration,
}

/// How agents tell each other who is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gossip {
    /// Where it listens.
    pub bind: SocketAddr,
    /// The address that others are told.
    pub advertise: SocketAddr,
    /// The key that messages are encrypted with.
    pub key: Option<GossipKey>,
    /// Whether messages that are not encrypted are refused.
    pub verify_incoming: bool,
    /// Whether messages are encrypted.
    pub verify_outgoing: bool,
    /// Whether keys are kept in memory alone.
    pub disable_keyring_file: bool,
    /// Networks that members may be in, as address and length of the prefix; any where empty.
    pub allowed_networks: Vec<(IpAddr, u8)>,
    /// How often news are passed on.
    pub interval: Duration,
    /// To how many.
    pub nodes: u32,
    /// How often a member is asked whether it is there.
    pub probe_interval: Duration,
    /// How long it may take to answer.
    pub probe_timeout: Duration,
    /// How long a suspect has to answer, in rounds of probes times the order of the cluster.
    pub suspicion_mult: u32,
    /// How often one piece of news is passed on, times the order of the cluster.
    pub retransmit_mult: u32,
}

/// A key for gossip, as base64. It is not printed.
#[derive(Clone, PartialEq, Eq)]
pub struct GossipKey(String);

impl GossipKey {
    pub(crate) const fn new(text: String) -> Self {
        Self(text)
    }

    /// The key as text: who has it reads everything.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for GossipKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GossipKey(hidden)")
    }
}

/// The servers' log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Raft {
    /// Factor of its timeouts, from 1 to 10; 5 suits small machines.
    pub multiplier: u32,
    /// How often it is looked whether a snapshot is due.
    pub snapshot_interval: Duration,
    /// Entries after which one is.
    pub snapshot_threshold: u64,
    /// Entries that are kept behind one, for servers that lag.
    pub trailing_logs: u64,
    /// Whether a candidate asks for votes without asking first whether it could win.
    pub prevote_disabled: bool,
}

/// What the leader does about servers that come, go and lag, until an operator says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Autopilot {
    /// Whether failed servers are removed when new ones come.
    pub cleanup_dead_servers: bool,
    /// How long a healthy server may not have heard of its leader.
    pub last_contact_threshold: Duration,
    /// How many entries it may lag behind.
    pub max_trailing_logs: u64,
    /// Servers below which none is removed.
    pub min_quorum: u32,
    /// How long a new server is healthy before it votes.
    pub server_stabilization_time: Duration,
}

/// How patient an agent is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// How long one that leaves still answers.
    pub leave_drain: Duration,
    /// How long requests wait while nobody leads.
    pub rpc_hold: Duration,
    /// How often a silent gRPC connection is asked whether it is there.
    pub grpc_keepalive_interval: Duration,
    /// How long it may take to answer.
    pub grpc_keepalive_timeout: Duration,
}
