//! A server among others: how they come to have a log together, who belongs to it, and what operators ask about it.
//!
//! The decisions are those of [`leader`](crate::leader). Here they are carried out.

mod beginning;
mod discovery;
mod lead;
mod leaving;
mod operator;
mod restore;
mod transport;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;
use tribune_membership::Membership;
use tribune_replication::{Handle, Raft, RaftStatus, Role, Server};
use tribune_runtime::Shutdown;
use tribune_state::WatchSet;
use tribune_types::autopilot::Configuration;

use crate::leader::{Autopilot, Duties, Local, Peer, ServerMember, View, server_members};

pub use discovery::discover;
pub use operator::OperatorError;
pub use restore::RestoreError;
pub use transport::RpcTransport;

/// How a server comes to be part of a cluster, where it is not part of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beginning {
    /// It makes one by itself, at once (`bootstrap`, or `bootstrap_expect` of 1).
    Alone,
    /// It makes one with others, when that many servers are there (`bootstrap_expect`).
    Expect(usize),
    /// It waits until the servers of one take it in.
    Join,
}

/// What a server takes part with.
#[derive(Clone, Debug)]
pub struct Parts {
    /// Its part in the log.
    pub raft: Raft,
    /// The log.
    pub log: Handle,
    /// Who is there.
    pub membership: Membership,
    /// The server itself, as its log was opened with.
    pub me: Server,
    /// Its datacenter.
    pub datacenter: String,
    /// How it comes to be part of a cluster.
    pub beginning: Beginning,
}

/// A server among others. Clones are the same one.
#[derive(Clone)]
pub struct Cluster {
    shared: Arc<Shared>,
}

struct Shared {
    parts: Parts,
    /// What is known of the servers' health in the term that this server leads.
    autopilot: Mutex<(u64, Autopilot)>,
    /// The time since 1970 when this began, and when that was.
    began: (Duration, Instant),
}

// === impl Cluster ===

impl Cluster {
    /// A server that does nothing until [`Self::run`].
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let wall = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self {
            shared: Arc::new(Shared {
                parts,
                autopilot: Mutex::default(),
                began: (wall, Instant::now()),
            }),
        }
    }

    /// Comes to have a cluster, and does what a leader does whenever this server leads, until `shutdown`.
    pub async fn run(self, shutdown: Shutdown) {
        let parts = &self.shared.parts;
        let duties = Duties {
            replication: parts.log.clone(),
            membership: parts.membership.clone(),
            local: Local {
                node: parts.me.name.clone(),
                datacenter: parts.datacenter.clone(),
            },
        };
        let work = async {
            tokio::join!(
                beginning::run(parts),
                lead::run(&self.shared),
                duties.run(shutdown.clone()),
            );
        };
        shutdown.unless(work).await;
    }

    /// Makes a cluster of this server alone at once, unless it has one. [`Self::run`] does that too.
    ///
    /// # Errors
    /// Where the log cannot be written.
    pub async fn begin_alone(&self) -> Result<(), tribune_replication::MembershipError> {
        beginning::alone(&self.shared.parts).await
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster")
            .field("me", &self.shared.parts.me)
            .finish_non_exhaustive()
    }
}

// === impl Shared ===

impl Shared {
    /// The time since 1970. It never goes back.
    fn now(&self) -> Duration {
        let (wall, at) = self.began;
        wall + at.elapsed()
    }

    /// The servers, as gossip sees them.
    fn servers(&self) -> Vec<ServerMember> {
        server_members(&self.parts.membership.members(), &self.parts.datacenter)
    }

    /// The settings of autopilot that are in force.
    fn configuration(&self) -> Configuration {
        let stored = self
            .parts
            .log
            .snapshot()
            .autopilot_configuration(&mut WatchSet::ignore());
        stored
            .value
            .map_or_else(Configuration::default, |stored| (*stored).clone())
    }

    /// Hands what is to be decided from to `decide`, with the memory of this term.
    fn decide<T>(
        &self,
        status: &RaftStatus,
        decide: impl FnOnce(&mut Autopilot, &View<'_>) -> T,
    ) -> T {
        let (servers, peers) = (self.servers(), peers(status));
        let configuration = self.configuration();
        let view = View {
            servers: &servers,
            peers: &peers,
            last_index: status.last_log,
            configuration: &configuration,
            now: self.now(),
        };
        let mut memory = self.autopilot();
        if memory.0 != status.term {
            *memory = (status.term, Autopilot::default());
        }
        decide(&mut memory.1, &view)
    }

    /// A panic under the lock leaves health noted for some servers and not for others, as a moment between does.
    fn autopilot(&self) -> MutexGuard<'_, (u64, Autopilot)> {
        self.autopilot
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// The servers of the log, as its leader knows them.
fn peers(status: &RaftStatus) -> Vec<Peer> {
    let members = status.members.iter().map(|member| {
        let (last_term, last_index) = if member.leader {
            (Some(status.term), Some(status.last_log))
        } else {
            (member.matched_term, member.matched)
        };
        Peer {
            id: member.server.id.clone(),
            name: member.server.name.clone(),
            address: member.server.address.clone(),
            voter: member.role == Role::Voter,
            leader: member.leader,
            last_contact: member.last_contact,
            last_term: last_term.unwrap_or(0),
            last_index: last_index.unwrap_or(0),
        }
    });
    members.collect()
}

/// A server of gossip as one of the log.
fn server(member: &ServerMember) -> Server {
    Server {
        id: member.id.clone(),
        name: member.name.clone(),
        address: member.address.to_string(),
    }
}
