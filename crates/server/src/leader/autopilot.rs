//! Who belongs to the log: servers that come are taken in, and those that are gone are let go.
//!
//! Invariant: one decision changes the votes by one server at most, so that every majority before it and every one
//! after it have a server in common.

use std::collections::BTreeMap;
use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tribune_membership::Status;
use tribune_types::autopilot::{Configuration, Server, State};
use tribune_types::{GoDuration, Meta};

use super::roster::ServerMember;

/// A server of the log, as its leader knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its ID.
    pub id: String,
    /// Its node's name.
    pub name: String,
    /// Where the other servers reach it.
    pub address: String,
    /// Whether its vote counts.
    pub voter: bool,
    /// Whether it leads.
    pub leader: bool,
    /// How long ago the leader heard of it; `None` if never.
    pub last_contact: Option<Duration>,
    /// Term of the last entry that it is known to have.
    pub last_term: u64,
    /// Index of that entry.
    pub last_index: u64,
}

/// All that a decision is made from.
#[derive(Clone, Debug)]
pub struct View<'a> {
    /// The servers, as gossip sees them.
    pub servers: &'a [ServerMember],
    /// The servers of the log.
    pub peers: &'a [Peer],
    /// Index of the leader's last entry.
    pub last_index: u64,
    /// The settings.
    pub configuration: &'a Configuration,
    /// The time since 1970.
    pub now: Duration,
}

/// A change of who belongs to the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// A server comes, and gets the log without a vote.
    AddLearner(ServerMember),
    /// A server of the log is reached elsewhere now.
    Readdress(ServerMember),
    /// A server has been healthy for long enough to vote.
    Promote {
        /// Its ID.
        id: String,
    },
    /// A server goes.
    Remove {
        /// Its ID.
        id: String,
        /// Why, for the log of the leader.
        reason: &'static str,
    },
}

/// Decides, and remembers since when each server is as healthy as it is. It belongs to one term: another
/// leader begins anew.
#[derive(Clone, Debug, Default)]
pub struct Autopilot {
    /// Whether each server is healthy, and since when, by ID.
    health: BTreeMap<String, (bool, Duration)>,
}

// === impl Autopilot ===

impl Autopilot {
    /// Takes in how things are, and says what is to be done now. What could not be done is said again.
    pub fn handle_view(&mut self, view: &View<'_>) -> Vec<Action> {
        self.note(view);
        let mut actions = arrivals(view);
        // whoever goes makes the majority smaller, so it comes before whoever makes it larger, and alone
        actions.extend(departure(view).or_else(|| self.promotion(view)));
        actions
    }

    /// When [`Self::handle_view`] may decide otherwise though nothing else changes: when the next server has
    /// been healthy for long enough.
    #[must_use]
    pub fn poll_timeout(&self, view: &View<'_>) -> Option<Duration> {
        let wait = view.configuration.server_stabilization_time.to_std();
        let waiting = view.peers.iter().filter(|peer| !peer.voter);
        let times = waiting.filter_map(|peer| match self.health.get(&peer.id) {
            Some((true, since)) => Some(*since + wait),
            Some((false, _)) | None => None,
        });
        times.filter(|at| *at > view.now).min()
    }

    /// What `/v1/operator/autopilot/state` answers.
    #[must_use]
    pub fn state(&self, view: &View<'_>) -> State {
        let healthy = |peer: &&Peer| self.is_healthy(&peer.id);
        let voters: Vec<&Peer> = view.peers.iter().filter(|peer| peer.voter).collect();
        let healthy_voters = voters.iter().filter(|peer| healthy(peer)).count();
        let quorum = voters.len() / 2 + 1;
        let leader = view.peers.iter().find(|peer| peer.leader);
        State {
            healthy: !view.peers.is_empty() && view.peers.iter().all(|peer| healthy(&peer)),
            failure_tolerance: healthy_voters.saturating_sub(quorum),
            optimistic_failure_tolerance: 0,
            servers: view
                .peers
                .iter()
                .map(|peer| (peer.id.clone(), self.server(view, peer)))
                .collect(),
            leader: leader.map(|peer| peer.id.clone()).unwrap_or_default(),
            voters: voters.iter().map(|peer| peer.id.clone()).collect(),
        }
    }

    fn server(&self, view: &View<'_>, peer: &Peer) -> Server {
        let member = member(view, &peer.id);
        let since = self
            .health
            .get(&peer.id)
            .map_or(view.now, |(_, since)| *since);
        let contact = peer
            .last_contact
            .filter(|_| !peer.leader)
            .unwrap_or_default();
        Server {
            id: peer.id.clone(),
            name: peer.name.clone(),
            address: peer.address.clone(),
            node_status: member
                .map_or_else(|| "none".to_owned(), |member| member.status.to_string()),
            version: member
                .map(|member| member.version.clone())
                .unwrap_or_default(),
            last_contact: GoDuration::from_nanos(
                i64::try_from(contact.as_nanos()).unwrap_or(i64::MAX),
            ),
            last_term: peer.last_term,
            last_index: peer.last_index,
            healthy: self.is_healthy(&peer.id),
            stable_since: rfc3339(since),
            read_replica: member.is_some_and(|member| member.non_voter),
            status: match (peer.leader, peer.voter) {
                (true, _) => "leader".to_owned(),
                (false, true) => "voter".to_owned(),
                (false, false) => "non-voter".to_owned(),
            },
            meta: Meta::new(),
            node_type: "voter".to_owned(),
        }
    }

    fn is_healthy(&self, id: &str) -> bool {
        self.health.get(id).is_some_and(|(healthy, _)| *healthy)
    }

    /// Notes who is healthy, and forgets who is not there any more.
    fn note(&mut self, view: &View<'_>) {
        self.health
            .retain(|id, _| view.peers.iter().any(|peer| peer.id == *id));
        for peer in view.peers {
            let healthy = is_healthy(view, peer);
            let noted = self
                .health
                .entry(peer.id.clone())
                .or_insert((healthy, view.now));
            if noted.0 != healthy {
                *noted = (healthy, view.now);
            }
        }
    }

    /// The next server whose vote is to count.
    fn promotion(&self, view: &View<'_>) -> Option<Action> {
        let wait = view.configuration.server_stabilization_time.to_std();
        let stable = |peer: &&Peer| match self.health.get(&peer.id) {
            Some((true, since)) => view.now.saturating_sub(*since) >= wait,
            Some((false, _)) | None => false,
        };
        let may_vote =
            |peer: &&Peer| member(view, &peer.id).is_some_and(|member| !member.non_voter);
        let mut waiting = view.peers.iter().filter(|peer| !peer.voter);
        let next = waiting.find(|peer| stable(peer) && may_vote(peer))?;
        Some(Action::Promote {
            id: next.id.clone(),
        })
    }
}

/// Whether a server does its part: the leader always does, or it would not lead.
fn is_healthy(view: &View<'_>, peer: &Peer) -> bool {
    let alive = member(view, &peer.id).is_some_and(|member| member.status == Status::Alive);
    let near = peer
        .last_contact
        .is_some_and(|contact| contact <= view.configuration.last_contact_threshold.to_std());
    let behind = view.last_index.saturating_sub(peer.last_index);
    peer.leader || alive && near && behind <= view.configuration.max_trailing_logs
}

fn member<'a>(view: &View<'a>, id: &str) -> Option<&'a ServerMember> {
    view.servers.iter().find(|server| server.id == id)
}

/// Servers that are alive and not in the log, or elsewhere than the log thinks.
fn arrivals(view: &View<'_>) -> Vec<Action> {
    let mut actions = Vec::new();
    for server in view
        .servers
        .iter()
        .filter(|server| server.status == Status::Alive)
    {
        match view.peers.iter().find(|peer| peer.id == server.id) {
            Some(peer) if peer.address == server.address.to_string() => {}
            Some(_) => actions.push(Action::Readdress(server.clone())),
            // two that make clusters by themselves cannot become one
            None if server.bootstrap => {
                tracing::error!(
                    server = server.name,
                    "a server that is set to `bootstrap` is not taken in: take that setting out and empty its disk"
                );
            }
            None => actions.push(Action::AddLearner(server.clone())),
        }
    }
    actions
}

/// The next server that is to go.
fn departure(view: &View<'_>) -> Option<Action> {
    let others = || view.peers.iter().filter(|peer| !peer.leader);
    let status = |peer: &Peer| member(view, &peer.id).map(|member| member.status);
    let remove = |peer: &Peer, reason| Action::Remove {
        id: peer.id.clone(),
        reason,
    };
    if let Some(left) = others().find(|peer| status(peer) == Some(Status::Left)) {
        return Some(remove(left, "it left"));
    }
    // one that came back with an empty disk has its old address and another ID
    let replaced = |peer: &&Peer| {
        let at_its_address = |server: &&ServerMember| server.address.to_string() == peer.address;
        let mut alive = view
            .servers
            .iter()
            .filter(|server| server.status == Status::Alive);
        alive.any(|server| at_its_address(&server) && server.id != peer.id)
            && status(peer) != Some(Status::Alive)
    };
    if let Some(old) = others().find(replaced) {
        return Some(remove(old, "another server is at its address"));
    }
    if !view.configuration.cleanup_dead_servers {
        return None;
    }
    let dead = |peer: &&Peer| matches!(status(peer), Some(Status::Failed) | None);
    if let Some(learner) = others().find(|peer| !peer.voter && dead(peer)) {
        return Some(remove(learner, "it does not answer, and has no vote"));
    }
    let voters = view.peers.iter().filter(|peer| peer.voter);
    let (all, gone) = (voters.clone().count(), voters.filter(dead).count());
    let alive = all - gone;
    // those who are left must be a majority of those who were, and as many as are wanted
    let enough = alive > all / 2 && (all - 1) as u64 >= view.configuration.min_quorum;
    let next = others().find(|peer| peer.voter && dead(peer))?;
    // without a third server, the one that is gone is waited for: two of three are better than one of one
    (enough && all > 2).then(|| remove(next, "it does not answer"))
}

fn rfc3339(since: Duration) -> String {
    let at = OffsetDateTime::UNIX_EPOCH.checked_add(time::Duration::seconds(
        i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
    ));
    at.and_then(|at| at.format(&Rfc3339).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
