//! One member, as a value: datagrams, requests, replies and time go in; datagrams and events come out.
//!
//! Invariant: no I/O but the keyring's file, no clock, no task. `now` only grows.

mod config;
mod datagram;
mod keys;
mod sync;

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use foca::Foca;
use rand::rngs::SmallRng;
use rand::seq::IteratorRandom;
use rand::{RngExt, SeedableRng};

use crate::codec::{Codec, News, SharedTable};
use crate::effects::{Change, Effects, Timers};
use crate::error::{ForceLeaveError, StartError, TagsError, UserEventError};
use crate::event::{Event, UserEvent};
use crate::gate::Gate;
use crate::item::{Item, Leave, Profile, check_tags};
use crate::member::{Member, Status, Tags};
use crate::peer::{Peer, Who};
use crate::settings::{Limits, Settings, Timing};
use crate::table::{State, Table};

/// When the life of a process begins, on the scale of `now`: what was down before it has a time, too.
pub(crate) const START: Duration = Duration::from_hours(24 * 400);
/// Pieces of news that may wait to be passed on.
const CROWD: usize = 4096;
/// A datagram fits into one packet of any network.
const PACKET: usize = 1400;

/// A member.
pub(crate) struct Core {
    foca: Foca<Peer, Codec, SmallRng, News>,
    pub(crate) table: SharedTable,
    pub(crate) gate: Gate,
    datacenter: String,
    networks: Vec<(IpAddr, u8)>,
    timing: Timing,
    limits: Limits,
    random: SmallRng,
    timers: Timers,
    transmits: VecDeque<(SocketAddr, Vec<u8>)>,
    /// With whom to exchange everything that is known.
    exchanges: VecDeque<SocketAddr>,
    /// Streams on which keys were changed: none is played twice.
    played: VecDeque<[u8; 16]>,
    tags: Tags,
    version: u32,
    stage: Stage,
    /// Milliseconds since 1970 at [`START`].
    wall: u64,
    next_upkeep: Duration,
    next_sync: Duration,
    next_reconnect: Duration,
    /// For how many members the protocol is tuned.
    tuned: usize,
}

/// How far this member is in going away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Here,
    Leaving,
    Gone,
}

// === impl Core ===

impl Core {
    /// A member at `address` that knows nobody. `wall` is the time in milliseconds since 1970.
    pub(crate) fn new(
        settings: Settings,
        address: SocketAddr,
        wall: u64,
    ) -> Result<Self, StartError> {
        if settings.name.is_empty() || settings.name.len() > 128 {
            return Err(StartError::Name(settings.name));
        }
        if address.ip().is_unspecified() || address.port() == 0 {
            return Err(StartError::Advertise(address));
        }
        check_tags(&settings.tags, settings.limits.tags)?;
        let peer = Peer {
            who: Who {
                name: settings.name.as_str().into(),
                id: settings.id,
            },
            address,
            generation: wall,
        };
        let limits = settings.limits;
        let table = Table::new(peer.clone(), limits.members, limits.user_events_per_second);
        let table = SharedTable::new(table);
        let timing = config::sane(settings.timing);
        let mut random = SmallRng::seed_from_u64(settings.seed);
        let foca = Foca::with_custom_broadcast(
            peer,
            config::of(&timing, 1),
            SmallRng::seed_from_u64(random.random()),
            Codec::new(table.clone(), random.random()),
            News(table.clone()),
        );
        let mut core = Self {
            foca,
            table,
            gate: Gate::new(settings.encryption),
            datacenter: settings.datacenter,
            networks: settings.allowed_networks,
            timing,
            limits,
            random,
            timers: Timers::default(),
            transmits: VecDeque::new(),
            exchanges: VecDeque::new(),
            played: VecDeque::new(),
            tags: settings.tags,
            version: 0,
            stage: Stage::Here,
            wall,
            next_upkeep: START + timing.probe_interval / 2,
            next_sync: START + timing.sync_interval,
            next_reconnect: START + timing.reconnect_interval,
            tuned: 1,
        };
        core.enter(START);
        core.tell_profile();
        Ok(core)
    }

    /// Does what is due.
    pub(crate) fn handle_timeout(&mut self, now: Duration) {
        self.enter(now);
        if self.stage == Stage::Gone {
            return;
        }
        while let Some(timer) = self.timers.pop(now) {
            self.drive("a timer", |foca, effects| foca.handle_timer(timer, effects));
        }
        if now >= self.next_upkeep {
            self.next_upkeep = now + self.timing.probe_interval / 2;
            self.upkeep(now);
        }
        if now >= self.next_sync {
            self.next_sync = now + self.timing.sync_interval;
            self.exchange_with_one(|status| matches!(status, Status::Alive | Status::Leaving));
        }
        if now >= self.next_reconnect {
            self.next_reconnect = now + self.timing.reconnect_interval;
            self.exchange_with_one(|status| status == Status::Failed);
        }
    }

    /// When [`Self::handle_timeout`] wants to run next.
    pub(crate) fn poll_timeout(&self) -> Option<Duration> {
        if self.stage == Stage::Gone {
            return None;
        }
        let own = self
            .next_upkeep
            .min(self.next_sync)
            .min(self.next_reconnect);
        Some(self.timers.next().map_or(own, |at| at.min(own)))
    }

    /// The next datagram to send.
    pub(crate) fn poll_transmit(&mut self) -> Option<(SocketAddr, Vec<u8>)> {
        self.transmits.pop_front()
    }

    /// The next member to exchange everything with.
    pub(crate) fn poll_exchange(&mut self) -> Option<SocketAddr> {
        self.exchanges.pop_front()
    }

    /// The next thing that happened.
    pub(crate) fn poll_event(&self) -> Option<Event> {
        self.table.lock().pop_event()
    }

    pub(crate) fn members(&self) -> Vec<Member> {
        self.table.lock().members().cloned().collect()
    }

    /// Says something else about this member.
    pub(crate) fn set_tags(&mut self, now: Duration, tags: Tags) -> Result<(), TagsError> {
        check_tags(&tags, self.limits.tags)?;
        self.enter(now);
        if self.tags != tags {
            self.tags = tags;
            self.tell_profile();
        }
        Ok(())
    }

    /// Tells everybody something.
    pub(crate) fn user_event(
        &mut self,
        now: Duration,
        name: &str,
        payload: &[u8],
        coalesce: bool,
    ) -> Result<(), UserEventError> {
        if name.is_empty() {
            return Err(UserEventError::NoName);
        }
        let (size, limit) = (name.len() + payload.len(), self.limits.user_event);
        if size > limit || name.len() > u8::MAX.into() {
            return Err(UserEventError::TooLarge {
                name: name.to_owned(),
                size,
                limit,
            });
        }
        self.enter(now);
        let event = UserEvent {
            time: self.table.lock().clock.time(),
            name: name.to_owned(),
            payload: payload.to_vec(),
            coalesce,
        };
        self.tell(&Item::User(event));
        Ok(())
    }

    /// Says that a member is gone for good.
    pub(crate) fn force_leave(
        &mut self,
        now: Duration,
        name: &str,
        prune: bool,
    ) -> Result<(), ForceLeaveError> {
        self.enter(now);
        let leave = self.table.lock().by_name(name).map(|record| Leave {
            who: record.peer.who.clone(),
            generation: record.peer.generation,
            prune,
        });
        let leave = leave.ok_or_else(|| ForceLeaveError::Unknown(name.to_owned()))?;
        if leave.who != self.foca.identity().who {
            self.tell(&Item::Leave(leave));
        }
        Ok(())
    }

    /// Says that this member goes.
    pub(crate) fn begin_leave(&mut self, now: Duration) {
        self.enter(now);
        if self.stage != Stage::Here {
            return;
        }
        self.stage = Stage::Leaving;
        let me = self.foca.identity();
        let leave = Leave {
            who: me.who.clone(),
            generation: me.generation,
            prune: false,
        };
        self.tell(&Item::Leave(leave));
    }

    /// Whether there are others, and they may not have heard everything yet.
    pub(crate) fn has_news(&self) -> bool {
        self.foca.num_members() > 0 && self.foca.custom_broadcast_backlog() > 0
    }

    /// Goes: after that nothing is said or heard any more.
    pub(crate) fn depart(&mut self, now: Duration) {
        self.enter(now);
        if self.stage == Stage::Gone {
            return;
        }
        self.drive("leaving", |foca, mut effects| {
            foca.leave_cluster(&mut effects)?;
            // no answer is waited for, so that it is said to some more
            foca.gossip(&mut effects)
        });
        self.stage = Stage::Gone;
        self.timers.clear();
    }

    /// The round trip to a member, as the coordinates of both estimate it.
    pub(crate) fn round_trip(&self, name: &str) -> Option<Duration> {
        let table = self.table.lock();
        let there = table.by_name(name)?.coordinate?;
        Duration::try_from_secs_f64(table.coordinate.distance(&there)).ok()
    }

    fn enter(&self, now: Duration) {
        let mut table = self.table.lock();
        table.now = table.now.max(now);
        let passed = table.now.saturating_sub(START).as_millis();
        table.wall = self
            .wall
            .saturating_add(u64::try_from(passed).unwrap_or(u64::MAX));
        table.clock.crowded = self.foca.custom_broadcast_backlog() > CROWD;
    }

    fn now(&self) -> Duration {
        self.table.lock().now
    }

    /// Runs the protocol underneath, and does what it wants.
    fn drive(
        &mut self,
        what: &'static str,
        run: impl FnOnce(
            &mut Foca<Peer, Codec, SmallRng, News>,
            &mut Effects,
        ) -> Result<(), foca::Error>,
    ) {
        let mut effects = Effects::default();
        if let Err(error) = run(&mut self.foca, &mut effects) {
            tracing::debug!(%error, what, "gossip is ignored");
        }
        self.perform(effects);
        self.answer_claims();
        self.tune();
    }

    fn perform(&mut self, effects: Effects) {
        let now = self.now();
        for (timer, after) in effects.timers {
            self.timers.push(now + after, timer);
        }
        for (to, packet) in effects.sends {
            self.send_gossip(to, &packet);
        }
        for change in effects.changes {
            match change {
                Change::Up(peer) => {
                    self.table.lock().sight(&peer, State::Up);
                    self.ask_profile(&peer);
                }
                Change::Down(peer) => self.table.lock().sight(&peer, State::Down(now)),
                Change::Moved(peer) => self.table.lock().moved(&peer),
                Change::Rejoined(me) => {
                    tracing::warn!("others took this member for dead; it says that it is not");
                    self.table.lock().moved(&me);
                    self.tell_profile();
                    // they may think of a later life than this one has: one of them says of which
                    self.exchange_with_one(|status| status == Status::Alive);
                }
            }
        }
    }

    /// Answers what others claim of this member, unless it goes anyway.
    fn answer_claims(&mut self) {
        let claims = std::mem::take(&mut self.table.lock().claims);
        if self.stage != Stage::Here {
            return;
        }
        let me = self.foca.identity().clone();
        if let Some(life) = claims.life.filter(|life| *life >= me.generation) {
            tracing::info!(
                "others say that this member is gone or another one; it says what it is"
            );
            let renewed = Peer {
                generation: life.saturating_add(1),
                ..me
            };
            self.table.lock().moved(&renewed);
            let mut effects = Effects::default();
            if let Err(error) = self.foca.change_identity(renewed, &mut effects) {
                tracing::debug!(%error, "gossip cannot be renewed");
            }
            // a new life starts without members that it knows to be alive: those that are known stay so
            let known: Vec<_> = self.foca.iter_membership_state().cloned().collect();
            let _: Result<(), foca::Error> =
                self.foca.apply_many(known.into_iter(), false, &mut effects);
            self.perform(effects);
            self.tell_profile();
        } else if let Some(version) = claims.version.filter(|version| *version > self.version) {
            self.version = version;
            self.tell_profile();
        }
    }

    fn tell_profile(&mut self) {
        self.version = self.version.saturating_add(1);
        let me = self.foca.identity();
        let profile = Profile::new(me.who.clone(), me.generation, self.version, &self.tags);
        self.tell(&Item::Profile(profile));
    }

    fn tell(&mut self, item: &Item) {
        if let Err(error) = self.foca.add_broadcast(&item.bytes()) {
            tracing::warn!(%error, "news of this member cannot be told");
        }
    }

    /// Tunes the protocol to as many members as there are.
    fn tune(&mut self) {
        let members = self.foca.num_members() + 1;
        if config::order(members) != config::order(self.tuned) {
            self.tuned = members;
            if let Err(error) = self.foca.set_config(config::of(&self.timing, members)) {
                tracing::warn!(%error, "gossip cannot be tuned");
            }
        }
    }

    fn exchange_with_one(&mut self, wanted: impl Fn(Status) -> bool) {
        let table = self.table.lock();
        let candidates = table.records().filter(|record| {
            record.peer.who != table.me
                && record.shown().is_some_and(|member| wanted(member.status))
        });
        if let Some(chosen) = candidates.choose(&mut self.random) {
            self.exchanges.push_back(chosen.peer.address);
        }
    }

    /// Forgets who is gone for long, asks those who have not said what they are, and tells those who are
    /// suspected.
    fn upkeep(&mut self, now: Duration) {
        let state = self.foca.iter_membership_state();
        let suspects: Vec<_> = state
            .filter(|member| member.state() == foca::State::Suspect)
            .cloned()
            .collect();
        for suspect in suspects {
            self.tell_suspect(&suspect);
        }
        let silent = self.unheard(now);
        for peer in silent {
            self.ask_profile(&peer);
        }
        let forgotten: Vec<Peer> = {
            let table = self.table.lock();
            let gone = table
                .records()
                .filter(|record| self.is_over(record.state, record.is_leaving(), now));
            gone.map(|record| record.peer.clone()).collect()
        };
        for peer in forgotten {
            self.drive("forgetting", |foca, effects| {
                foca.handle_timer(foca::Timer::RemoveDown(peer.clone()), effects)
            });
            self.table.lock().forget(&peer.who);
        }
    }

    /// Those who are up and have said nothing of themselves. Who is only known to be down is noted.
    fn unheard(&self, now: Duration) -> Vec<Peer> {
        let mut table = self.table.lock();
        let mut silent = Vec::new();
        let me = &self.foca.identity().who;
        let others = self.foca.iter_membership_state();
        for member in others.filter(|member| member.id().who != *me) {
            match table.record(&member.id().who) {
                Some(record) if record.profile.is_none() && record.state == State::Up => {
                    silent.push(record.peer.clone());
                }
                Some(_) => {}
                None => table.sight(member.id(), State::Down(now)),
            }
        }
        silent
    }

    fn is_over(&self, state: State, left: bool, now: Duration) -> bool {
        let timeout = if left {
            self.timing.tombstone_timeout
        } else {
            self.timing.reconnect_timeout
        };
        match state {
            State::Up => false,
            State::Down(since) => now.saturating_sub(since) >= timeout,
        }
    }
}
