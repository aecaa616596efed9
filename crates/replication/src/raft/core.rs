//! What the parts of one server share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arc_swap::ArcSwapOption;
use openraft::async_runtime::watch::{WatchReceiver, WatchSender};
use openraft::{RaftMetrics, ServerState};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::time::Instant;
use tribune_runtime::Tasks;

use super::Server;
use super::incoming::Incoming;
use super::link::Link;
use super::machine::Machine;
use super::place::Place;
use super::propose::Attempt;
use super::read::Asked;
use super::runtime::{Receiver, Sender};
use super::snapshot::Shelf;
use super::storage::writer::{Health, Job};
use super::types::{Membership, Types, term};
use super::view::View;
use crate::handle::{Leader, Leadership};

/// One server of a cluster.
pub(crate) struct Core {
    pub(crate) raft: openraft::Raft<Types, Machine>,
    pub(crate) link: Arc<Link>,
    pub(crate) view: Arc<View>,
    pub(crate) health: Receiver<Health>,
    /// Who leads, for everybody, and for those here who wait, who are woken in order.
    pub(crate) leadership: watch::Sender<Leadership>,
    pub(crate) lead: Sender<Leadership>,
    /// The server that leads, where it is another one.
    pub(crate) leader: ArcSwapOption<Server>,
    pub(crate) permits: Semaphore,
    pub(crate) forward: mpsc::UnboundedSender<Attempt>,
    /// Reads that a lease is enough for, and those that a quorum has to confirm.
    pub(crate) leased: mpsc::UnboundedSender<Asked>,
    pub(crate) confirmed: mpsc::UnboundedSender<Asked>,
    pub(crate) incoming: Incoming,
    pub(crate) shelf: Arc<dyn Shelf>,
    pub(crate) place: Place,
    pub(crate) caution: Caution,
    /// The highest index of a leader's log that was heard of.
    pub(crate) known: AtomicU64,
    /// The last term in which this server led and tried to hand over. A hand-over that is late can have another
    /// leader elected at any time in that term, whatever leases say, so there are none in it.
    pub(crate) handed_over: AtomicU64,
    pub(crate) jobs: mpsc::UnboundedSender<Job>,
    pub(crate) tasks: Tasks,
}

/// What a server must not do, since it may have forgotten something.
pub(crate) struct Caution {
    /// Whether it has everything that it may have acknowledged, see
    /// [`Promise`](super::storage::writer::Promise).
    pub(crate) settled: AtomicBool,
    /// Until when it may have given a lease that it does not know of any more.
    pub(crate) leased_until: Option<Instant>,
}

// === impl Core ===

impl Core {
    /// What openraft knows at the moment.
    pub(crate) fn metrics<T>(&self, read: impl FnOnce(&RaftMetrics<Types>) -> T) -> T {
        read(&self.raft.metrics().borrow_watched())
    }

    /// The configuration that is in force.
    pub(crate) fn membership(&self) -> Membership {
        self.metrics(|metrics| metrics.membership_config.membership().clone())
    }

    /// Whether this server leads.
    pub(crate) fn leads(&self) -> bool {
        self.leadership.borrow().is_here()
    }

    /// Where the leader may be reached.
    pub(crate) fn hint(&self) -> Option<String> {
        self.leadership.borrow().hint()
    }

    /// Whether this server takes no more part, and why.
    pub(crate) fn stopped(&self) -> Option<String> {
        if let Health::Failed(reason) = &*self.health.borrow_watched() {
            return Some(reason.clone());
        }
        self.metrics(|metrics| {
            metrics
                .running_state
                .as_ref()
                .err()
                .map(ToString::to_string)
        })
    }

    /// Why nothing can be written at the moment.
    pub(crate) fn stuck(&self) -> Option<String> {
        match &*self.health.borrow_watched() {
            Health::Stuck(reason) => Some(reason.clone()),
            Health::Fine | Health::Failed(_) => None,
        }
    }

    /// Remembers how far a leader's log is known to reach.
    pub(crate) fn hear_of(&self, index: u64) {
        self.known.fetch_max(index, Ordering::Relaxed);
    }

    /// Tells of who leads whenever that changes, and lets go of everybody when the log stops.
    pub(crate) async fn follow_leadership(self: Arc<Self>) {
        let mut server = self.raft.server_metrics();
        let mut all = self.raft.metrics();
        loop {
            let (leadership, leader) = {
                let metrics = server.borrow_and_update();
                let other = metrics
                    .current_leader
                    .filter(|leader| *leader != self.link.number);
                let nodes = metrics.membership_config.membership();
                let server = other.and_then(|leader| nodes.get_node(&leader));
                let leader = match (metrics.state, server) {
                    (ServerState::Leader, _) => Leader::This,
                    (_, Some(server)) => Leader::Other(server.address.clone()),
                    (_, None) => Leader::None,
                };
                let leadership = Leadership {
                    term: metrics.vote.leader_id.term,
                    leader,
                };
                (leadership, server.cloned())
            };
            self.leader.store(leader.map(Arc::new));
            self.tell(leadership);
            if all.borrow_and_update().running_state.is_err() {
                break;
            }
            tokio::select! {
                biased;
                changed = server.changed() => if changed.is_err() { break },
                stopped = all.wait_until(|metrics| metrics.running_state.is_err()) => {
                    if stopped.is_err() { break }
                }
            }
        }
        self.leader.store(None);
        let term = self.leadership.borrow().term;
        self.tell(Leadership {
            term,
            leader: Leader::None,
        });
        self.view.close();
    }

    fn tell(&self, leadership: Leadership) {
        self.leadership.send_if_modified(|current| {
            let changed = *current != leadership;
            current.clone_from(&leadership);
            changed
        });
        self.lead.send_if_different(leadership);
    }

    /// Lets this server stand for election when it cannot have forgotten a lease any more.
    pub(crate) async fn end_caution(self: Arc<Self>) {
        if let Some(until) = self.caution.leased_until {
            tokio::time::sleep_until(until).await;
        }
        self.stand();
    }

    /// Lets this server stand for election, unless something is against it.
    pub(crate) fn stand(&self) {
        if self.may_vote() {
            self.raft.runtime_config().elect(true);
        }
    }

    /// Whether this server may vote, so that it cannot help to elect a leader beside another one that still
    /// has its lease, or one that lacks what it had acknowledged.
    pub(crate) fn may_vote(&self) -> bool {
        let leased = self
            .caution
            .leased_until
            .is_some_and(|until| Instant::now() < until);
        !leased && self.caution.settled.load(Ordering::Acquire)
    }

    /// Has this server take no more part, since its disk has failed.
    pub(crate) async fn fail(&self, reason: &str) {
        // Where the writer has stopped, it has said so.
        let _: Result<(), _> = self.jobs.send(Job::Fail(reason.to_owned()));
        if let Err(error) = self.raft.shutdown().await {
            tracing::error!(%error, "the log did not stop as it should");
        }
    }

    /// Notes that this server has everything that it may have acknowledged.
    pub(crate) async fn settle(&self) -> std::io::Result<()> {
        if self.caution.settled.load(Ordering::Acquire) {
            return Ok(());
        }
        let (done, is_done) = oneshot::channel();
        let gone = || std::io::Error::other("the log is not written any more");
        self.jobs.send(Job::Settle(done)).map_err(|_| gone())?;
        is_done.await.map_err(|_| gone())??;
        self.caution.settled.store(true, Ordering::Release);
        self.stand();
        Ok(())
    }

    /// The term and the index of the last entry that is committed.
    pub(crate) fn committed(&self) -> Option<(u64, u64)> {
        self.metrics(|metrics| metrics.local_committed.map(|id| (term(&id), id.index)))
    }
}
