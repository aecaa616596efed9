//! What a server knows of its cluster.

use std::time::Duration;

use openraft::ServerState;
use openraft::async_runtime::watch::{WatchReceiver, WatchSender};

use super::core::Core;
use super::storage::writer::Health;
use super::types::term;
use super::{Member, Raft, Role, Server};

/// What a server knows of its cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RaftStatus {
    /// The server that was asked.
    pub me: Server,
    /// The term that it is in.
    pub term: u64,
    /// Whether it leads.
    pub leads: bool,
    /// Index of the last entry in its log.
    pub last_log: u64,
    /// Term of the last entry that it knows to be committed.
    pub commit_term: u64,
    /// Index of the last entry that it knows to be committed.
    pub commit: u64,
    /// Index of the last entry that it has applied, commands or not.
    pub applied: u64,
    /// Index of the last entry in its last snapshot.
    pub snapshot: u64,
    /// Index of the configuration that is in force.
    pub configuration: u64,
    /// The servers of the cluster, as this one knows them, by ID.
    pub members: Vec<Member>,
    /// How its disk does.
    pub health: RaftHealth,
}

/// How the disk of a server does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RaftHealth {
    /// Well.
    Fine,
    /// It refuses writes, as a full one does. They are tried again, and meanwhile new ones are refused.
    Stuck {
        /// What it says.
        reason: String,
    },
    /// It failed, so this server takes no more part: it has to be started again.
    Failed {
        /// What it said.
        reason: String,
    },
}

// === impl Raft ===

impl Raft {
    /// What this server knows.
    #[must_use]
    pub fn status(&self) -> RaftStatus {
        self.core.status()
    }

    /// How long ago this server heard of a leader: no time at all where it leads, and nothing where it never has.
    #[must_use]
    pub fn last_contact(&self) -> Option<Duration> {
        if self.core.leads() {
            return Some(Duration::ZERO);
        }
        self.core.link.last_contact()
    }

    /// Whether a leader is known.
    #[must_use]
    pub fn knows_leader(&self) -> bool {
        self.core.leads() || self.core.leader.load().is_some()
    }

    /// How the disk does.
    #[must_use]
    pub fn health(&self) -> RaftHealth {
        self.core.health()
    }

    /// Waits until this server takes no more part, which is when it has to be started again, and says why.
    pub async fn failed(&self) -> String {
        let mut health = self.core.health.clone();
        let mut leadership = self.core.lead.subscribe();
        loop {
            if let Some(reason) = self.core.stopped() {
                return reason;
            }
            tokio::select! {
                biased;
                changed = health.changed() => if changed.is_err() {
                    return "the log is not written any more".to_owned();
                },
                _ = leadership.changed() => {}
            }
        }
    }
}

// === impl Core ===

impl Core {
    fn health(&self) -> RaftHealth {
        if let Some(reason) = self.stopped() {
            return RaftHealth::Failed { reason };
        }
        match &*self.health.borrow_watched() {
            Health::Fine => RaftHealth::Fine,
            Health::Stuck(reason) => RaftHealth::Stuck {
                reason: reason.clone(),
            },
            Health::Failed(reason) => RaftHealth::Failed {
                reason: reason.clone(),
            },
        }
    }

    fn status(&self) -> RaftStatus {
        let health = self.health();
        let (commit_term, commit) = self.committed().unwrap_or_default();
        self.metrics(|metrics| RaftStatus {
            me: self.link.me.clone(),
            term: metrics.vote.leader_id.term,
            leads: metrics.state == ServerState::Leader,
            last_log: metrics.last_log_index.unwrap_or(0),
            commit_term,
            commit,
            applied: metrics.last_applied.map_or(0, |last| last.index),
            snapshot: metrics.snapshot.map_or(0, |last| last.index),
            configuration: metrics.membership_config.log_id().map_or(0, |id| id.index),
            members: self.members(metrics),
            health,
        })
    }

    fn members(&self, metrics: &openraft::RaftMetrics<super::types::Types>) -> Vec<Member> {
        let membership = metrics.membership_config.membership();
        let voters: Vec<u64> = membership.voter_ids().collect();
        let leads = metrics.state == ServerState::Leader;
        let mut members: Vec<Member> = membership
            .nodes()
            .map(|(number, server)| {
                let me = *number == self.link.number;
                let replicated = metrics.replication.as_ref();
                let matched = replicated.and_then(|all| all.get(number).copied().flatten());
                Member {
                    server: server.clone(),
                    role: if voters.contains(number) {
                        Role::Voter
                    } else {
                        Role::Nonvoter
                    },
                    leader: metrics.current_leader == Some(*number),
                    matched: matched.map(|id| id.index),
                    matched_term: matched.map(|id| term(&id)),
                    last_contact: match (leads, me) {
                        (true, true) => Some(Duration::ZERO),
                        (true, false) => self.link.last_answer(*number),
                        (false, _) => None,
                    },
                }
            })
            .collect();
        members.sort_by(|a, b| a.server.cmp(&b.server));
        members
    }
}
