//! Which servers a cluster has, and which of them leads.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use openraft::async_runtime::watch::WatchReceiver;
use openraft::errors::{ChangeMembershipError, ClientWriteError, RaftError};
use openraft::raft::ClientWriteResponse;
use openraft::{ChangeMembers, RaftMetrics, ServerState};
use tokio::time::timeout;

use super::core::Core;
use super::server::number;
use super::storage::writer::Health;
use super::types::{Membership, Types};
use super::{MembershipError, Raft, Server};

/// How long a server that is added has to catch up, with a multiplier of 1.
const CATCH_UP: Duration = Duration::from_secs(120);

/// How far a server may be behind what the leader had when it was added, to be given a vote.
const CLOSE: u64 = 256;

// === impl Raft ===

impl Raft {
    /// Makes a new cluster of these servers, all of which vote, and this one is one of them. It is to be called on
    /// each of them with the same `members`: a server without a past helps to elect nobody until it was told so,
    /// since it cannot know whether it has lost one.
    ///
    /// # Errors
    /// Where this server is or was part of a cluster, or is not among `members`.
    pub async fn initialize(&self, members: Vec<Server>) -> Result<(), MembershipError> {
        self.core.initialize(members).await
    }

    /// Adds a server that votes. It gets everything first, and its vote when it has caught up. Where it is part of
    /// the cluster, it gets a vote if it has none, and its new address if it has another one.
    ///
    /// # Errors
    /// Where this server does not lead, or the change cannot be made.
    pub async fn add_voter(&self, server: Server) -> Result<(), MembershipError> {
        let number = server.number();
        self.add_nonvoter(server.clone()).await?;
        if self
            .core
            .membership()
            .voter_ids()
            .any(|voter| voter == number)
        {
            return Ok(());
        }
        self.core.catch_up(number, &server.id).await?;
        let voters = BTreeSet::from([number]);
        self.core
            .change(ChangeMembers::AddVoterIds(voters), true)
            .await
    }

    /// Adds a server that follows and has no vote. One that has a vote keeps it.
    ///
    /// # Errors
    /// Where this server does not lead, or the change cannot be made.
    pub async fn add_nonvoter(&self, server: Server) -> Result<(), MembershipError> {
        self.core.check_leads()?;
        let (number, membership) = (server.number(), self.core.membership());
        match membership.get_node(&number) {
            Some(there) if !there.id.eq_ignore_ascii_case(&server.id) => {
                Err(MembershipError::Collision {
                    id: server.id,
                    other: there.id.clone(),
                })
            }
            Some(there) if *there == server => Ok(()),
            Some(_) => {
                let nodes = BTreeMap::from([(number, server)]);
                self.core.change(ChangeMembers::SetNodes(nodes), true).await
            }
            None => {
                let nodes = BTreeMap::from([(number, server)]);
                self.core.change(ChangeMembers::AddNodes(nodes), true).await
            }
        }
    }

    /// Removes a server, which may be this one: then it leads until that is settled, and no longer.
    ///
    /// # Errors
    /// Where this server does not lead, or the change cannot be made.
    pub async fn remove(&self, id: &str) -> Result<(), MembershipError> {
        self.core.check_leads()?;
        let (number, membership) = (number(id), self.core.membership());
        known(&membership, id)?;
        let removed = BTreeSet::from([number]);
        let voters: Vec<u64> = membership.voter_ids().collect();
        if voters == [number] {
            return Err(MembershipError::LastVoter { id: id.to_owned() });
        }
        let change = if voters.contains(&number) {
            ChangeMembers::RemoveVoters(removed)
        } else {
            ChangeMembers::RemoveNodes(removed)
        };
        self.core.change(change, false).await
    }

    /// Hands leadership over, to a server that votes or to the one that is closest behind. Proposals wait
    /// meanwhile. Done when another server leads.
    ///
    /// # Errors
    /// Where this server does not lead, there is nobody to hand over to, or nobody took over in time.
    pub async fn transfer_leadership(&self, to: Option<&str>) -> Result<(), MembershipError> {
        self.core.check_leads()?;
        let membership = self.core.membership();
        let to = match to {
            Some(id) => {
                known(&membership, id)?;
                if !membership.voter_ids().any(|voter| voter == number(id)) {
                    return Err(MembershipError::NotVoter { id: id.to_owned() });
                }
                number(id)
            }
            None => self
                .core
                .closest(&membership)
                .ok_or(MembershipError::NotTransferred)?,
        };
        self.core.hand_over(to).await
    }
}

/// Whether the configuration has a server of this ID.
fn known(membership: &Membership, id: &str) -> Result<(), MembershipError> {
    let there = membership.get_node(&number(id));
    if there.is_some_and(|there| there.id.eq_ignore_ascii_case(id)) {
        return Ok(());
    }
    Err(MembershipError::Unknown { id: id.to_owned() })
}

// === impl Core ===

impl Core {
    fn check_leads(&self) -> Result<(), MembershipError> {
        if let Some(reason) = self.stopped() {
            return Err(MembershipError::Stopped { reason });
        }
        if self.leads() {
            return Ok(());
        }
        Err(MembershipError::NotLeader { hint: self.hint() })
    }

    async fn change(
        &self,
        change: ChangeMembers<u64, Server>,
        retain: bool,
    ) -> Result<(), MembershipError> {
        let changed = self.raft.change_membership(change, retain).await;
        self.changed(changed)
    }

    fn changed(
        &self,
        changed: Result<ClientWriteResponse<Types>, RaftError<Types, ClientWriteError<Types>>>,
    ) -> Result<(), MembershipError> {
        let error = match changed {
            Ok(_) => return Ok(()),
            Err(RaftError::APIError(error)) => error,
            Err(RaftError::Fatal(error)) => {
                return Err(MembershipError::Stopped {
                    reason: error.to_string(),
                });
            }
        };
        Err(match error {
            ClientWriteError::ForwardToLeader(_) => {
                MembershipError::NotLeader { hint: self.hint() }
            }
            ClientWriteError::LogEntryDiscarded(_) => MembershipError::Uncertain,
            ClientWriteError::ChangeMembershipError(
                ChangeMembershipError::InProgress(_)
                | ChangeMembershipError::UncommittedLeaderLog(_),
            )
            | ClientWriteError::PreconditionFailed(_) => MembershipError::Busy,
            ClientWriteError::ChangeMembershipError(error) => MembershipError::Stopped {
                reason: error.to_string(),
            },
        })
    }

    /// Waits until a server has nearly everything that this one has.
    async fn catch_up(&self, number: u64, id: &str) -> Result<(), MembershipError> {
        let goal = self.metrics(|metrics| metrics.last_log_index).unwrap_or(0);
        let close = |metrics: &RaftMetrics<Types>| {
            let replicated = metrics.replication.as_ref();
            let matched = replicated.and_then(|all| all.get(&number).copied().flatten());
            metrics.state != ServerState::Leader
                || matched.is_some_and(|matched| matched.index + CLOSE >= goal)
        };
        let mut metrics = self.raft.metrics();
        let waited = timeout(
            CATCH_UP * self.link.settings.multiplier,
            metrics.wait_until(close),
        );
        if !matches!(waited.await, Ok(Ok(_))) {
            return Err(MembershipError::Behind { id: id.to_owned() });
        }
        self.check_leads()
    }

    /// The server that votes and is closest behind this one, of those that were heard of lately.
    fn closest(&self, membership: &Membership) -> Option<u64> {
        let silence = self.link.settings.silence();
        let alive = |number: &u64| {
            self.link
                .last_answer(*number)
                .is_some_and(|ago| ago < silence)
        };
        self.metrics(|metrics| {
            let matched = |number: &u64| {
                let replicated = metrics.replication.as_ref();
                replicated.and_then(|all| all.get(number).copied().flatten())
            };
            membership
                .voter_ids()
                .filter(|number| *number != self.link.number && alive(number))
                .max_by_key(matched)
        })
    }

    async fn hand_over(&self, to: u64) -> Result<(), MembershipError> {
        if to == self.link.number {
            return Ok(());
        }
        let term = self.leadership.borrow().term;
        // No read is answered from the lease of this term any more, before anybody may be elected in spite of it.
        self.handed_over.fetch_max(term, Ordering::AcqRel);
        let stopped = |error: &dyn std::fmt::Display| MembershipError::Stopped {
            reason: error.to_string(),
        };
        let trigger = self.raft.trigger().transfer_leader(to).await;
        trigger.map_err(|error| stopped(&error))?;
        let mut metrics = self.raft.metrics();
        let moved = metrics.wait_until(|metrics| {
            let elsewhere = metrics
                .current_leader
                .is_some_and(|leader| leader != metrics.id);
            elsewhere && metrics.vote.leader_id.term > term
        });
        // A leader that has tried leads nothing any more: if its choice fails, others are elected.
        match timeout(self.link.settings.silence() * 3, moved).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(MembershipError::NotTransferred),
        }
    }

    /// Hands leadership over when the disk refuses writes, and goes on following.
    pub(crate) async fn yield_when_stuck(self: Arc<Self>) {
        let mut health = self.health.clone();
        loop {
            let stuck = health
                .wait_until(|health| matches!(health, Health::Stuck(_)))
                .await
                .is_ok();
            if !stuck {
                return;
            }
            self.raft.runtime_config().elect(false);
            if self.leads()
                && let Some(to) = self.closest(&self.membership())
            {
                tracing::warn!("the disk refuses writes, so leadership is handed over");
                if let Err(error) = self.hand_over(to).await {
                    tracing::warn!(%error, "leadership stays for now");
                }
            }
            let healed = timeout(
                self.link.settings.silence(),
                health.wait_until(|health| !matches!(health, Health::Stuck(_))),
            );
            if matches!(healed.await, Ok(Ok(_))) {
                self.stand();
            }
        }
    }
}
