//! A cluster in one thread, on a clock that jumps to whatever happens next.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use tokio::time::Instant;
use tribune_replication::disk::{self, Memory};
use tribune_replication::{
    Handle, Observer, OpenError, Raft, RaftSettings, RaftStatus, Server, Storage, raft,
    seed_this_thread,
};
use tribune_state::{Changes, Snapshot, Store};

use crate::entries;
use crate::network::Net;

/// What all servers of a cluster are told.
pub(crate) fn settings() -> RaftSettings {
    RaftSettings {
        cluster: "simulated".to_owned(),
        patience: Duration::from_secs(3),
        snapshot_after: 60,
        keep_log: 20,
        ..RaftSettings::default()
    }
}

/// Runs something on one thread, with a clock that jumps, and with everything random following from a seed.
pub(crate) fn simulate<T>(seed: u64, run: impl AsyncFnOnce() -> T) -> T {
    seed_this_thread(Some(seed));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let result = runtime.block_on(run());
    drop(runtime);
    seed_this_thread(None);
    result
}

pub(crate) struct World {
    pub(crate) random: SmallRng,
    pub(crate) net: Net,
    pub(crate) settings: RaftSettings,
    pub(crate) slots: Vec<Slot>,
    pub(crate) seen: Arc<Mutex<Seen>>,
    started: Instant,
}

/// A server, running or not.
pub(crate) struct Slot {
    pub(crate) server: Server,
    pub(crate) disk: Memory,
    pub(crate) runs: u64,
    pub(crate) running: Option<Running>,
}

#[derive(Clone)]
pub(crate) struct Running {
    pub(crate) handle: Handle,
    pub(crate) raft: Raft,
}

/// What was seen of all servers together.
#[derive(Default)]
pub(crate) struct Seen {
    /// The tables at each index, as a number, and who had them so first.
    states: BTreeMap<u64, (u64, String)>,
    /// Who led each term.
    leaders: BTreeMap<u64, String>,
    /// How often each server was told that everything had changed.
    pub(crate) restored: BTreeMap<String, u32>,
    /// What must not be.
    pub(crate) violations: Vec<String>,
    /// Everything that happened, as a number.
    pub(crate) history: u64,
}

// === impl World ===

impl World {
    pub(crate) fn new(seed: u64, servers: usize) -> Self {
        Self::with(seed, servers, settings())
    }

    pub(crate) fn with(seed: u64, servers: usize, settings: RaftSettings) -> Self {
        Self {
            random: SmallRng::seed_from_u64(seed),
            net: Net::new(seed),
            settings,
            slots: (0..servers).map(Slot::new).collect(),
            seen: Arc::default(),
            started: Instant::now(),
        }
    }

    /// A cluster of servers that has elected a leader.
    pub(crate) async fn cluster(seed: u64, servers: usize) -> Self {
        let mut world = Self::new(seed, servers);
        world.begin(servers).await;
        world
    }

    /// Starts all servers and makes a cluster of the first `voters` of them.
    pub(crate) async fn begin(&mut self, voters: usize) {
        for at in 0..self.slots.len() {
            self.start(at).await.unwrap();
        }
        let members: Vec<Server> = self
            .slots
            .iter()
            .take(voters)
            .map(|slot| slot.server.clone())
            .collect();
        for at in 0..voters {
            self.raft(at).initialize(members.clone()).await.unwrap();
        }
        self.leader().await;
    }

    pub(crate) async fn start(&mut self, at: usize) -> Result<(), OpenError> {
        self.start_with(at, |storage| storage).await
    }

    pub(crate) async fn start_with(
        &mut self,
        at: usize,
        with: impl FnOnce(Storage<Memory>) -> Storage<Memory>,
    ) -> Result<(), OpenError> {
        let latency = Mutex::new(SmallRng::seed_from_u64(self.random.random()));
        let latency =
            Arc::new(move || Duration::from_micros(latency.lock().unwrap().random_range(50..400)));
        let log = disk::Settings {
            segment_bytes: 64 << 10,
            salt: 7,
        };
        let slot = &mut self.slots[at];
        assert!(slot.running.is_none(), "{} runs", slot.server);
        slot.runs += 1;
        let storage = Storage::new(Arc::new(slot.disk.clone()), log).on_this_thread(latency);
        let settings = RaftSettings {
            me: slot.server.clone(),
            ..self.settings.clone()
        };
        let way = self.net.way(&slot.server.id, slot.runs);
        let observer = observer(&self.seen, &slot.server.id);
        let opened = raft(settings, with(storage), way, Store::new(), observer).await;
        let (handle, raft) = opened?;
        self.net.up(&slot.server.id, slot.runs, raft.clone());
        slot.running = Some(Running { handle, raft });
        Ok(())
    }

    /// Stops a server as a power cut does: of what was not synced, anything may be left.
    pub(crate) async fn crash(&mut self, at: usize) {
        let Some(running) = self.stop(at) else { return };
        let Self { random, slots, .. } = self;
        slots[at].disk = slots[at].disk.crash(|many| random.random_range(0..many));
        running.raft.shutdown().await;
    }

    /// Stops a server with everything on its disk that it wrote.
    pub(crate) async fn quit(&mut self, at: usize) {
        if let Some(running) = self.stop(at) {
            running.raft.shutdown().await;
        }
    }

    /// From now on nobody hears of what it does.
    fn stop(&mut self, at: usize) -> Option<Running> {
        let slot = &mut self.slots[at];
        self.net.down(&slot.server.id);
        slot.running.take()
    }

    pub(crate) fn running(&self, at: usize) -> &Running {
        self.slots[at].running.as_ref().expect("it runs")
    }

    pub(crate) fn raft(&self, at: usize) -> Raft {
        self.running(at).raft.clone()
    }

    pub(crate) fn handle(&self, at: usize) -> Handle {
        self.running(at).handle.clone()
    }

    pub(crate) fn id(&self, at: usize) -> String {
        self.slots[at].server.id.clone()
    }

    pub(crate) fn up(&self) -> impl Iterator<Item = usize> {
        (0..self.slots.len()).filter(|at| self.slots[*at].running.is_some())
    }

    pub(crate) fn statuses(&self) -> Vec<(usize, RaftStatus)> {
        self.up()
            .map(|at| (at, self.running(at).raft.status()))
            .collect()
    }

    /// Cuts a server off from all others.
    pub(crate) fn isolate(&self, at: usize) {
        let others = self.slots.iter().map(|slot| slot.server.id.as_str());
        self.net
            .isolate(&self.id(at), others.filter(|id| **id != self.id(at)));
    }

    /// Waits for something to become so, and fails when it does not.
    pub(crate) async fn until(&self, what: &str, limit: Duration, so: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while !so(self) {
            let waited = begun.elapsed();
            assert!(
                waited < limit,
                "{what}: not within {limit:?}; {:#?}",
                self.statuses()
            );
            self.watch();
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits for a leader that most servers follow, and says which.
    pub(crate) async fn leader(&self) -> usize {
        self.until("a leader", Duration::from_secs(20), |world| {
            world.settled().is_some()
        })
        .await;
        self.settled().expect("there was one")
    }

    /// The server that leads, where all that run and hear of it agree.
    pub(crate) fn settled(&self) -> Option<usize> {
        let statuses = self.statuses();
        let leads: Vec<&(usize, RaftStatus)> =
            statuses.iter().filter(|(_, status)| status.leads).collect();
        let (at, newest) = leads.iter().max_by_key(|(_, status)| status.term)?;
        let voters = newest.members.len();
        let follow = statuses.iter().filter(|(_, status)| {
            status.term == newest.term && status.members.iter().any(|member| member.leader)
        });
        (follow.count() * 2 > voters && newest.commit_term == newest.term).then_some(*at)
    }

    /// Waits until all servers that run have applied the same.
    pub(crate) async fn converge(&self, limit: Duration) {
        self.until("the same everywhere", limit, |world| {
            let statuses = world.statuses();
            let Some((_, first)) = statuses.first() else {
                return true;
            };
            let same = |status: &RaftStatus| {
                (status.applied, status.commit, status.last_log)
                    == (first.applied, first.commit, first.last_log)
            };
            statuses.iter().all(|(_, status)| same(status)) && first.applied == first.last_log
        })
        .await;
        let states: Vec<u64> = self
            .up()
            .map(|at| entries::hash(&self.handle(at).snapshot()))
            .collect();
        assert!(
            states.windows(2).all(|pair| pair[0] == pair[1]),
            "tables differ: {states:?}"
        );
    }

    /// Looks at all servers, and notes what must not be.
    pub(crate) fn watch(&self) {
        let mut seen = self.seen.lock().unwrap();
        for (at, status) in self.statuses() {
            if status.leads {
                seen.leads(status.term, &self.slots[at].server.id);
            }
        }
    }

    /// Notes that something happened, in the number that stands for the whole history.
    pub(crate) fn note(&self, what: &str) {
        let at = self.started.elapsed();
        self.seen.lock().unwrap().note(&format!("{at:?} {what}"));
    }

    pub(crate) fn now(&self) -> Duration {
        self.started.elapsed()
    }

    pub(crate) fn assert_no_violations(&self) {
        let seen = self.seen.lock().unwrap();
        assert!(seen.violations.is_empty(), "{:#?}", seen.violations);
    }
}

/// Compares the tables of all servers wherever they have the same index.
fn observer(seen: &Arc<Mutex<Seen>>, id: &str) -> Arc<dyn Observer> {
    let (seen, id) = (Arc::clone(seen), id.to_owned());
    let last = Mutex::new(0);
    Arc::new(move |snapshot: &Snapshot, changes: &Changes| {
        let (index, state) = (snapshot.index(), entries::hash(snapshot));
        let mut seen = seen.lock().unwrap();
        let before = std::mem::replace(&mut *last.lock().unwrap(), index);
        if index < before || changes.index > index {
            seen.violations
                .push(format!("{id} went from {before} to {index}"));
        }
        if changes.is_everything() {
            *seen.restored.entry(id.clone()).or_default() += 1;
        }
        seen.state(index, state, &id);
    })
}

// === impl Seen ===

impl Seen {
    fn state(&mut self, index: u64, state: u64, id: &str) {
        let (first, whose) = self
            .states
            .entry(index)
            .or_insert_with(|| (state, id.to_owned()));
        if *first != state {
            let violation = format!("the tables of {id} and {whose} differ at index {index}");
            self.violations.push(violation);
        }
        self.note(&format!("{id} {index} {state}"));
    }

    fn leads(&mut self, term: u64, id: &str) {
        let leader = self.leaders.entry(term).or_insert_with(|| id.to_owned());
        if leader != id {
            let violation = format!("{id} and {leader} both led term {term}");
            self.violations.push(violation);
        }
    }

    pub(crate) fn note(&mut self, what: &str) {
        let mut bytes = self.history.to_le_bytes().to_vec();
        bytes.extend_from_slice(what.as_bytes());
        self.history = xxhash_rust::xxh3::xxh3_64(&bytes);
    }
}

// === impl Slot ===

impl Slot {
    pub(crate) fn new(at: usize) -> Self {
        Self {
            server: Server {
                id: format!("00000000-0000-4000-8000-{at:012}"),
                name: format!("s{at}"),
                address: format!("10.0.0.{at}:8300"),
            },
            disk: Memory::new(),
            runs: 0,
            running: None,
        }
    }
}
