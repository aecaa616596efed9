//! One story a seed: clients that write and read on all servers, while servers crash, disks lose what was not synced,
//! the network fails in every way, and leaders hand over. In the end everything heals, and has to.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use tokio::time::Instant;
use tribune_replication::disk::{Call, Fault, Operation};
use tribune_replication::{Handle, RaftHealth};
use tribune_state::Outcome;
use tribune_types::call::Consistency;

use crate::entries::{put, read};
use crate::history::{self, Op, What};
use crate::network::Weather;
use crate::world::World;

/// How long things go wrong.
const TROUBLE: Duration = Duration::from_secs(12);

/// How many registers there are.
const KEYS: usize = 3;

/// How many clients each server has at most.
const CLIENTS: usize = 4;

/// What a story came to.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Everything that happened, as a number.
    pub(crate) history: u64,
    pub(crate) messages: u64,
    pub(crate) acknowledged: usize,
    pub(crate) unknown: usize,
    pub(crate) crashes: usize,
    pub(crate) elections: u64,
}

impl Told {
    /// The sum of what two stories came to.
    pub(crate) fn add(&mut self, other: Self) {
        self.messages += other.messages;
        self.acknowledged += other.acknowledged;
        self.unknown += other.unknown;
        self.crashes += other.crashes;
        self.elections += other.elections;
    }
}

/// Where clients find servers. One that is down is not there.
type Doors = Arc<Mutex<Vec<Option<Handle>>>>;

struct Story {
    world: World,
    doors: Doors,
    ops: Arc<Mutex<Vec<Op>>>,
    done: Arc<Mutex<bool>>,
    told: Told,
    flaw: Flaw,
    started: Instant,
}

/// Tells the story of a seed. What is found is the error.
pub(crate) async fn tell(seed: u64) -> Result<Told, String> {
    tell_with(seed, Flaw::None).await
}

/// What is wrong with a story.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    None,
    /// A server that thinks that it leads answers reads without asking anybody.
    TrustingLeader,
    /// Nothing goes wrong, but that leaders are told to hand over all the time.
    OnlyTransfers,
}

/// The same with a flaw.
pub(crate) async fn tell_with(seed: u64, flaw: Flaw) -> Result<Told, String> {
    let servers = if seed % 3 == 2 { 5 } else { 3 };
    let mut world = World::new(seed, servers);
    world.begin(servers).await;
    let mut story = Story {
        doors: Arc::new(Mutex::new(vec![None; servers])),
        ops: Arc::default(),
        done: Arc::default(),
        told: Told::default(),
        started: Instant::now(),
        flaw,
        world,
    };
    story.open_doors();
    let clients = story.clients(seed);
    story.trouble().await?;
    let healed = story.heal().await;
    *story.done.lock().unwrap() = true;
    for client in clients {
        client
            .await
            .map_err(|panicked| format!("a client: {panicked}"))?;
    }
    // What is wrong with what was seen says more than that something never came to an end.
    story.verdict()?;
    healed?;
    story.last_reads().await?;
    story.verdict()?;
    Ok(story.end())
}

impl Story {
    fn clients(&self, seed: u64) -> Vec<tokio::task::JoinHandle<()>> {
        (0..CLIENTS)
            .map(|client| {
                let client = Client {
                    client,
                    random: SmallRng::seed_from_u64(seed * 1000 + client as u64),
                    doors: Arc::clone(&self.doors),
                    ops: Arc::clone(&self.ops),
                    done: Arc::clone(&self.done),
                    started: self.started,
                    trusting: self.flaw == Flaw::TrustingLeader,
                    written: 0,
                };
                tokio::spawn(client.run())
            })
            .collect()
    }

    fn open_doors(&self) {
        let mut doors = self.doors.lock().unwrap();
        for (at, door) in doors.iter_mut().enumerate() {
            let running = self.world.slots[at].running.as_ref();
            *door = running.map(|running| running.handle.clone());
        }
    }

    async fn trouble(&mut self) -> Result<(), String> {
        while self.started.elapsed() < TROUBLE {
            let pause = self.world.random.random_range(50..900);
            let until = Instant::now() + Duration::from_millis(pause);
            while Instant::now() < until {
                self.world.watch();
                tokio::time::sleep(Duration::from_millis(25)).await;
            }
            self.mishap().await?;
            self.restart_failed().await?;
            self.open_doors();
        }
        Ok(())
    }

    async fn mishap(&mut self) -> Result<(), String> {
        let servers = self.world.slots.len();
        let at = self.world.random.random_range(0..servers);
        let other = self.world.random.random_range(0..servers);
        let kind = match self.flaw {
            Flaw::None | Flaw::TrustingLeader => self.world.random.random_range(0..12),
            Flaw::OnlyTransfers => 9,
        };
        self.world.note(&format!("mishap {kind} {at} {other}"));
        match kind {
            0 | 1 => self.crash(at).await,
            2 | 3 => self.restart(at).await?,
            4 => self.world.isolate(at),
            5 => self
                .world
                .net
                .cut(&self.world.id(at), &self.world.id(other)),
            6 => self.world.net.mend(),
            7 => self.world.net.set_weather(Weather::FOUL),
            8 => self.world.net.set_weather(Weather::FAIR),
            9 => self.hand_over(at, other),
            10 => self.hurt_disk(at),
            _ => {
                for at in 0..servers {
                    self.restart(at).await?;
                }
            }
        }
        Ok(())
    }

    async fn crash(&mut self, at: usize) {
        if self.world.slots[at].running.is_some() {
            self.told.crashes += 1;
            self.doors.lock().unwrap()[at] = None;
            self.world.crash(at).await;
        }
    }

    async fn restart(&mut self, at: usize) -> Result<(), String> {
        if self.world.slots[at].running.is_some() {
            return Ok(());
        }
        self.world.slots[at].disk.heal();
        let started = self.world.start(at).await;
        started.map_err(|error| format!("{} does not start: {error}", self.world.id(at)))
    }

    /// A server whose log has failed is started again, as whoever runs it would.
    async fn restart_failed(&mut self) -> Result<(), String> {
        for at in 0..self.world.slots.len() {
            let failed = self.world.slots[at]
                .running
                .as_ref()
                .is_some_and(|running| matches!(running.raft.health(), RaftHealth::Failed { .. }));
            if failed {
                self.world.note(&format!("failed {at}"));
                self.crash(at).await;
                self.restart(at).await?;
            }
        }
        Ok(())
    }

    fn hand_over(&self, at: usize, to: usize) {
        let Some(running) = &self.world.slots[at].running else {
            return;
        };
        let (raft, to) = (running.raft.clone(), self.world.id(to));
        tokio::spawn(async move {
            // Most servers do not lead, and nobody has to take over.
            let _: Result<(), _> = raft.transfer_leadership(Some(&to)).await;
        });
    }

    /// One sync fails, or the disk is full for a while.
    fn hurt_disk(&mut self, at: usize) {
        let full = self.world.random.random_range(0..2) == 0;
        let mut left = self.world.random.random_range(1..20u32);
        self.world.slots[at].disk.fail(move |call: &Call| {
            let hit = match call.operation {
                Operation::Write | Operation::Allocate | Operation::Create => full,
                Operation::Sync | Operation::SyncDir => !full,
                Operation::Open
                | Operation::Rename
                | Operation::Remove
                | Operation::List
                | Operation::Len
                | Operation::Read => false,
            };
            if !hit || left == 0 {
                return None;
            }
            left -= 1;
            if full {
                Some(Fault::NO_SPACE)
            } else {
                left = 0;
                Some(Fault::IO)
            }
        });
    }

    /// Everything is well again, so there has to be a leader, and all have to come to the same.
    async fn heal(&mut self) -> Result<(), String> {
        self.world.net.mend();
        self.world.net.set_weather(Weather::FAIR);
        for at in 0..self.world.slots.len() {
            self.world.slots[at].disk.heal();
            self.restart(at).await?;
        }
        self.restart_failed().await?;
        self.open_doors();
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(10) {
            self.world.watch();
            self.restart_failed().await?;
            self.open_doors();
            if self.world.settled().is_some() && begun.elapsed() > Duration::from_secs(2) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err(format!(
            "no leader after everything was well: {:#?}",
            self.world.statuses()
        ))
    }

    /// Every register is read from every server once more, and all tables are compared.
    async fn last_reads(&self) -> Result<(), String> {
        for at in 0..self.world.slots.len() {
            let handle = self.world.handle(at);
            for key in 0..KEYS {
                let begun = self.started.elapsed();
                let barrier = handle.read_barrier(Consistency::Consistent).await;
                barrier.map_err(|error| {
                    format!(
                        "a read on {at} when all is well: {error}; {:#?}",
                        self.world.statuses()
                    )
                })?;
                let seen = read(&handle.snapshot(), &name(key)).map(|(value, _)| value);
                self.ops.lock().unwrap().push(Op {
                    client: 100 + at,
                    key,
                    begun,
                    ended: Some(self.started.elapsed()),
                    what: What::Read(seen),
                });
            }
        }
        self.world.converge(Duration::from_secs(10)).await;
        Ok(())
    }

    fn verdict(&self) -> Result<(), String> {
        let violations = self.world.seen.lock().unwrap().violations.clone();
        if !violations.is_empty() {
            return Err(format!("{violations:#?}"));
        }
        let ops = self.ops.lock().unwrap();
        history::check(&ops).map_err(|inexplicable| format!("{inexplicable:#?}"))
    }

    fn end(self) -> Told {
        let ops = self.ops.lock().unwrap();
        let seen = self.world.seen.lock().unwrap();
        let terms = self
            .world
            .statuses()
            .into_iter()
            .map(|(_, status)| status.term);
        Told {
            history: seen.history,
            messages: self.world.net.traffic().0,
            acknowledged: ops.iter().filter(|op| op.ended.is_some()).count(),
            unknown: ops.iter().filter(|op| op.ended.is_none()).count(),
            elections: terms.max().unwrap_or(0),
            ..self.told
        }
    }
}

fn name(key: usize) -> String {
    format!("register-{key}")
}

/// Does one thing after the other, on whichever server it likes.
struct Client {
    client: usize,
    random: SmallRng,
    doors: Doors,
    ops: Arc<Mutex<Vec<Op>>>,
    done: Arc<Mutex<bool>>,
    started: Instant,
    trusting: bool,
    written: u64,
}

impl Client {
    async fn run(mut self) {
        // The last value that it saw of each register, with its index.
        let mut last = [None; KEYS];
        while !*self.done.lock().unwrap() {
            tokio::time::sleep(Duration::from_millis(self.random.random_range(5..250))).await;
            let door = self
                .random
                .random_range(0..self.doors.lock().unwrap().len());
            let handle = self.doors.lock().unwrap()[door].clone();
            let Some(handle) = handle else { continue };
            let key = self.random.random_range(0..KEYS);
            let begun = self.started.elapsed();
            let what = match self.random.random_range(0..10) {
                0..3 => self.write(&handle, key).await,
                3..6 => self.cas(&handle, key, &mut last[key]).await,
                choice => {
                    let consistency = if choice < 8 {
                        Consistency::Default
                    } else {
                        Consistency::Consistent
                    };
                    let trusted = self.trusting && handle.leadership().borrow().is_here();
                    let consistency = if trusted {
                        Consistency::Stale
                    } else {
                        consistency
                    };
                    read_register(&handle, key, consistency, &mut last[key]).await
                }
            };
            let Some((what, answered)) = what else {
                continue;
            };
            self.ops.lock().unwrap().push(Op {
                client: self.client,
                key,
                begun,
                ended: answered.then(|| self.started.elapsed()),
                what,
            });
        }
    }

    fn value(&mut self) -> u64 {
        self.written += 1;
        self.client as u64 * 100_000 + self.written
    }

    async fn write(&mut self, handle: &Handle, key: usize) -> Option<(What, bool)> {
        let value = self.value();
        let proposed = handle.propose(put(&name(key), value, None)).await;
        match proposed {
            Ok((_, Outcome::Done)) => Some((What::Write(value), true)),
            Ok(other) => panic!("a write came to {other:?}"),
            Err(tribune_replication::ProposeError::Unknown) => Some((What::Write(value), false)),
            // It was not made, and must never be seen.
            Err(_) => None,
        }
    }

    async fn cas(
        &mut self,
        handle: &Handle,
        key: usize,
        last: &mut Option<(u64, u64)>,
    ) -> Option<(What, bool)> {
        let (value, expected) = (self.value(), last.map(|(value, _)| value));
        let index = last.map_or(0, |(_, index)| index);
        let proposed = handle.propose(put(&name(key), value, Some(index))).await;
        match proposed {
            Ok((index, Outcome::Cas(done))) => {
                if done {
                    *last = Some((value, index));
                }
                Some((What::Cas(expected, value, Some(done)), true))
            }
            Ok(other) => panic!("a conditional write came to {other:?}"),
            Err(tribune_replication::ProposeError::Unknown) => {
                Some((What::Cas(expected, value, None), false))
            }
            Err(_) => None,
        }
    }
}

async fn read_register(
    handle: &Handle,
    key: usize,
    consistency: Consistency,
    last: &mut Option<(u64, u64)>,
) -> Option<(What, bool)> {
    handle.read_barrier(consistency).await.ok()?;
    *last = read(&handle.snapshot(), &name(key));
    Some((What::Read(last.map(|(value, _)| value)), true))
}
