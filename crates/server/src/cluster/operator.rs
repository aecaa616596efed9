//! What operators ask about the servers, and change.

use std::time::Duration;

use tribune_replication::{MembershipError, ProposeError, RaftStatus, ReadError, Role};
use tribune_state::{ApplyError, Command, Operation, Outcome};
use tribune_types::autopilot::{self, Configuration};
use tribune_types::call::Consistency;
use tribune_types::raft::{self, Selector};
use tribune_types::{Index, raft::Peer};

use super::{Cluster, peers};

/// How long a change is tried for.
const PATIENCE: Duration = Duration::from_secs(7);

/// Why an operator gets no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OperatorError {
    /// Only the leader can answer, and another server leads, or none does.
    #[error("not the leader{}", leader.as_ref().map_or_else(String::new, |leader| format!(", {leader} is")))]
    NotLeader {
        /// Where the leader may be reached.
        leader: Option<String>,
    },
    /// The log has no such server.
    #[error("{0} was not found in the Raft configuration")]
    NoPeer(Selector),
    /// The servers could not be changed.
    #[error("{0}")]
    Membership(MembershipError),
    /// Nothing could be written.
    #[error("{0}")]
    Propose(ProposeError),
    /// What is known here may be old.
    #[error("{0}")]
    Read(ReadError),
    /// It was refused.
    #[error("{0}")]
    Refused(ApplyError),
}

// === impl Cluster ===

impl Cluster {
    /// The servers of the log, as the leader knows them; where `stale`, as this one does.
    ///
    /// # Errors
    /// Where this server does not lead, unless `stale`.
    pub fn raft_configuration(&self, stale: bool) -> Result<raft::Configuration, OperatorError> {
        let status = if stale {
            self.shared.parts.raft.status()
        } else {
            self.leading()?
        };
        let members = self.shared.parts.membership.members();
        let node = |id: &str| {
            let mut members = members.iter();
            let member = members.find(|member| member.id.to_string() == id);
            member.map_or_else(|| "(unknown)".to_owned(), |member| member.name.clone())
        };
        let servers = peers(&status).into_iter().map(|peer| Peer {
            node: node(&peer.id),
            id: peer.id,
            address: peer.address,
            leader: peer.leader,
            protocol_version: "3".to_owned(),
            voter: peer.voter,
            last_index: peer.last_index,
        });
        Ok(raft::Configuration {
            servers: servers.collect(),
            index: status.configuration,
        })
    }

    /// Takes a server out of the log.
    ///
    /// # Errors
    /// Where this server does not lead, or there is no such server.
    pub async fn remove_peer(&self, peer: &Selector) -> Result<(), OperatorError> {
        let status = self.leading()?;
        let mut members = status.members.iter();
        let found = members.find(|member| match peer {
            Selector::Id(id) => member.server.id == *id,
            Selector::Address(address) => member.server.address == *address,
        });
        let found = found.ok_or_else(|| OperatorError::NoPeer(peer.clone()))?;
        let removed = self.shared.parts.raft.remove(&found.server.id).await;
        Ok(removed?)
    }

    /// Has another server lead: the one of that ID, or the one that is closest behind.
    ///
    /// # Errors
    /// Where this server does not lead, or that one cannot.
    pub async fn transfer_leader(&self, id: Option<&str>) -> Result<(), OperatorError> {
        self.leading()?;
        Ok(self.shared.parts.raft.transfer_leadership(id).await?)
    }

    /// The settings of autopilot; where `stale`, as this server has them. Any server can answer.
    ///
    /// # Errors
    /// Where no leader can be asked, unless `stale`.
    pub async fn autopilot_configuration(
        &self,
        stale: bool,
    ) -> Result<Configuration, OperatorError> {
        if !stale {
            let barrier = self.shared.parts.log.read_barrier(Consistency::Default);
            barrier.await.map_err(OperatorError::Read)?;
        }
        Ok(self.shared.configuration())
    }

    /// Changes the settings of autopilot, and says whether it did: not where they have another index than `cas`. Any
    /// server can do it.
    ///
    /// # Errors
    /// Where nothing can be written.
    pub async fn set_autopilot_configuration(
        &self,
        configuration: Configuration,
        cas: Option<Index>,
    ) -> Result<bool, OperatorError> {
        let operation = Operation::SetAutopilotConfiguration {
            configuration: Box::new(configuration),
            cas,
        };
        match self.propose(operation).await? {
            Outcome::Done | Outcome::Cas(true) => Ok(true),
            Outcome::Cas(false) => Ok(false),
            Outcome::Refused(error) => Err(OperatorError::Refused(error)),
        }
    }

    /// What autopilot knows of the servers.
    ///
    /// # Errors
    /// Where this server does not lead.
    pub fn autopilot_state(&self) -> Result<autopilot::State, OperatorError> {
        let status = self.leading()?;
        Ok(self
            .shared
            .decide(&status, |autopilot, view| autopilot.state(view)))
    }

    /// How many of the servers vote, this one included where it does.
    #[must_use]
    pub fn voters(&self) -> usize {
        let members = self.shared.parts.raft.status().members;
        let voters = members.iter().filter(|member| member.role == Role::Voter);
        voters.count()
    }

    /// Has a change made, once however often it is proposed.
    pub(super) async fn propose(&self, operation: Operation) -> Result<Outcome, OperatorError> {
        let command = Command::with_id(uuid::Uuid::new_v4().as_u128(), operation);
        let proposed = self
            .shared
            .parts
            .log
            .propose_with_retry(command, PATIENCE)
            .await;
        let (_, outcome) = proposed.map_err(OperatorError::Propose)?;
        Ok(outcome)
    }

    /// What the leader knows, which this server is.
    fn leading(&self) -> Result<RaftStatus, OperatorError> {
        let status = self.shared.parts.raft.status();
        if status.leads {
            return Ok(status);
        }
        let mut members = status.members.into_iter();
        let leader = members.find(|member| member.leader);
        Err(OperatorError::NotLeader {
            leader: leader.map(|leader| leader.server.address),
        })
    }
}

impl From<MembershipError> for OperatorError {
    fn from(error: MembershipError) -> Self {
        match error {
            MembershipError::NotLeader { hint } => Self::NotLeader { leader: hint },
            MembershipError::Unknown { id } => Self::NoPeer(Selector::Id(id)),
            MembershipError::Initialized
            | MembershipError::NotAmongMembers
            | MembershipError::Collision { .. }
            | MembershipError::LastVoter { .. }
            | MembershipError::NotVoter { .. }
            | MembershipError::Busy
            | MembershipError::Behind { .. }
            | MembershipError::NotTransferred
            | MembershipError::Uncertain
            | MembershipError::Stopped { .. } => Self::Membership(error),
        }
    }
}
