//! Putting the parts of a server together.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

use arc_swap::ArcSwapOption;
use openraft::Config;
use openraft::async_runtime::watch::Watch;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::Instant;
use tribune_runtime::{Shutdown, Tasks};

use super::core::{Caution, Core};
use super::incoming::Incoming;
use super::link::Link;
use super::machine::Machine;
use super::network::Network;
use super::open::Opened;
use super::place::Place;
use super::propose::Attempt;
use super::read::Asked;
use super::runtime::{OrderedWatch, Receiver};
use super::snapshot::Shelf;
use super::storage::LogStore;
use super::storage::writer::{Health, Job, Writer};
use super::types::Types;
use super::view::View;
use super::{OpenError, storage_error};
use crate::disk::Files;
use crate::handle::{Leader, Leadership, Observer};

/// What a server is made from.
struct Parts {
    raft: openraft::Raft<Types, Machine>,
    link: Arc<Link>,
    view: Arc<View>,
    health: Receiver<Health>,
    shelf: Arc<dyn Shelf>,
    place: Place,
    jobs: mpsc::UnboundedSender<Job>,
    tasks: Tasks,
    caution: Caution,
    term: u64,
}

/// What the tasks of a server take from those who ask.
struct Asking {
    forward: mpsc::UnboundedReceiver<Attempt>,
    leased: mpsc::UnboundedReceiver<Asked>,
    confirmed: mpsc::UnboundedReceiver<Asked>,
}

/// Starts a server with what was found on its disk.
pub(crate) async fn start<F: Files>(
    config: Arc<Config>,
    opened: Opened<F>,
    place: Place,
    (link, observer): (Link, Arc<dyn Observer>),
) -> Result<Arc<Core>, OpenError> {
    let link = Arc::new(link);
    let tasks = Tasks::new(Shutdown::new());
    let (jobs, work) = mpsc::unbounded_channel();
    let (health, healthy) = OrderedWatch::channel(Health::Fine);
    let promise = opened.promise;
    let log = LogStore::new(&opened.log, promise.vote, jobs.clone(), place.clone());
    // A leader may count on this server's silence, given before it stopped. One without a past has given none.
    let had_past = promise.vote.is_some() || log.last().is_some();
    let caution = Caution {
        settled: AtomicBool::new(promise.settled || opened.alone),
        leased_until: (had_past && !opened.alone).then(|| Instant::now() + link.settings.silence()),
    };
    let shelf = Arc::clone(&opened.shelf);
    let (machine, view) = Machine::new(
        opened.store,
        opened.meta,
        observer,
        Arc::clone(&shelf),
        place.clone(),
    );
    let writer = Writer {
        log: opened.log,
        votes: opened.votes,
        promise,
        health,
        store: log.clone(),
        jobs: work,
    };
    writer.start(&place, &tasks).map_err(storage_error)?;
    let network = Network {
        link: Arc::clone(&link),
        place: place.clone(),
    };
    let raft = openraft::Raft::new(link.number, config, network, log, machine).await;
    let parts = Parts {
        raft: raft.map_err(storage_error)?,
        link,
        view,
        health: healthy,
        shelf,
        place,
        jobs,
        tasks,
        caution,
        term: promise.vote.map_or(0, |vote| vote.leader_id.term),
    };
    let (core, asking) = parts.assemble();
    asking.serve(&core);
    if opened.alone {
        // nobody else can lead, so nobody is waited for
        let elected = core.raft.trigger().elect(false).await;
        elected.map_err(storage_error)?;
    }
    Ok(core)
}

// === impl Parts ===

impl Parts {
    fn assemble(self) -> (Arc<Core>, Asking) {
        let (forward, forwarded) = mpsc::unbounded_channel();
        let (leased, leased_asked) = mpsc::unbounded_channel();
        let (confirmed, confirmed_asked) = mpsc::unbounded_channel();
        let leadership = Leadership {
            term: self.term,
            leader: Leader::None,
        };
        let core = Core {
            raft: self.raft,
            view: self.view,
            health: self.health,
            leadership: watch::Sender::new(leadership.clone()),
            lead: OrderedWatch::channel(leadership).0,
            leader: ArcSwapOption::empty(),
            permits: Semaphore::new(self.link.settings.in_flight),
            forward,
            leased,
            confirmed,
            incoming: Incoming::default(),
            shelf: self.shelf,
            place: self.place,
            caution: self.caution,
            known: AtomicU64::new(0),
            handed_over: AtomicU64::new(0),
            jobs: self.jobs,
            tasks: self.tasks,
            link: self.link,
        };
        let asking = Asking {
            forward: forwarded,
            leased: leased_asked,
            confirmed: confirmed_asked,
        };
        (Arc::new(core), asking)
    }
}

// === impl Asking ===

impl Asking {
    /// Starts the tasks of a server, which end with it.
    fn serve(self, core: &Arc<Core>) {
        let shared = || Arc::clone(core);
        let tasks = &core.tasks;
        let ending = |work| {
            let shutdown = core.tasks.shutdown().clone();
            async move {
                shutdown.unless(work).await;
            }
        };
        tasks.spawn("raft leadership", shared().follow_leadership());
        tasks.spawn("raft caution", ending(boxed(shared().end_caution())));
        tasks.spawn(
            "raft forwards",
            ending(boxed(shared().forward(self.forward))),
        );
        tasks.spawn(
            "raft reads",
            ending(boxed(shared().rounds(false, self.leased))),
        );
        tasks.spawn(
            "raft reads confirmed",
            ending(boxed(shared().rounds(true, self.confirmed))),
        );
        tasks.spawn("raft disk", ending(boxed(shared().yield_when_stuck())));
    }
}

fn boxed(
    work: impl Future<Output = ()> + Send + 'static,
) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(work)
}
