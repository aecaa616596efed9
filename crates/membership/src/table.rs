//! Everybody who is known, and what is to be told about them.

mod clock;
mod conflict;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use uuid::Uuid;

use crate::coordinate::Coordinate;
use crate::event::Event;
use crate::item::{Item, Leave, Profile};
use crate::member::{Member, Status};
use crate::peer::{Peer, Who};
pub(crate) use clock::Clock;

/// What is known of one member.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) peer: Peer,
    pub(crate) state: State,
    pub(crate) profile: Option<Profile>,
    /// Up to which life it has said that it goes, or others have.
    pub(crate) leave: Option<Leave>,
    pub(crate) coordinate: Option<Coordinate>,
    /// What watchers were told.
    shown: Option<Member>,
}

/// Whether a member answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Up,
    /// Since when it does not.
    Down(Duration),
}

/// What others claim of this member, beyond what it says itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Claims {
    /// That it lives this life, or that it left it.
    pub(crate) life: Option<u64>,
    /// That it said something in its life that it did not.
    pub(crate) version: Option<u32>,
}

/// The members, oneself included.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) me: Who,
    records: BTreeMap<Who, Record>,
    /// Names by ID.
    ids: BTreeSet<(Uuid, Who)>,
    /// Those who cannot be shown beside another one.
    hidden: BTreeSet<Who>,
    /// What was said of members before anybody said that there are such.
    early: BTreeMap<Who, Profile>,
    pub(crate) clock: Clock,
    pub(crate) coordinate: Coordinate,
    events: VecDeque<Event>,
    /// What others claim of this member that it has to answer.
    pub(crate) claims: Claims,
    /// The probe that was sent last: to whom, its number, and when.
    pub(crate) probe: Option<(Who, u8, Duration)>,
    /// When this member listens again to who says that it is down.
    listens_again: Duration,
    most: usize,
    pub(crate) now: Duration,
    /// Milliseconds since 1970.
    pub(crate) wall: u64,
}

// === impl Table ===

impl Table {
    /// A table of one.
    pub(crate) fn new(peer: Peer, most: usize, user_events_per_second: u32) -> Self {
        let record = Record::new(peer.clone(), State::Up);
        Self {
            me: peer.who.clone(),
            wall: peer.generation,
            ids: BTreeSet::from([(peer.who.id, peer.who.clone())]),
            records: BTreeMap::from([(peer.who, record)]),
            hidden: BTreeSet::new(),
            early: BTreeMap::new(),
            clock: Clock::new(user_events_per_second),
            coordinate: Coordinate::default(),
            events: VecDeque::new(),
            claims: Claims::default(),
            probe: None,
            listens_again: Duration::ZERO,
            most,
            now: Duration::ZERO,
        }
    }

    pub(crate) fn pop_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    pub(crate) fn records(&self) -> impl Iterator<Item = &Record> {
        self.records.values()
    }

    pub(crate) fn record(&self, who: &Who) -> Option<&Record> {
        self.records.get(who)
    }

    pub(crate) fn record_mut(&mut self, who: &Who) -> Option<&mut Record> {
        self.records.get_mut(who)
    }

    /// The members that are shown.
    pub(crate) fn members(&self) -> impl Iterator<Item = &Member> {
        self.records
            .values()
            .filter_map(|record| record.shown.as_ref())
    }

    /// The record that is shown under a name.
    pub(crate) fn by_name(&self, name: &str) -> Option<&Record> {
        self.named(name).find(|record| record.shown.is_some())
    }

    fn named(&self, name: &str) -> impl Iterator<Item = &Record> {
        let first = Who {
            name: name.into(),
            id: Uuid::nil(),
        };
        let name = first.name.clone();
        self.records
            .range(first..)
            .take_while(move |(who, _)| who.name == name)
            .map(|(_, record)| record)
    }

    /// The life that this member lives.
    pub(crate) fn my_life(&self) -> u64 {
        self.records
            .get(&self.me)
            .map_or(0, |record| record.peer.generation)
    }

    fn my_profile(&self) -> Option<&Profile> {
        self.records.get(&self.me)?.profile.as_ref()
    }

    /// A peer is named in what arrives. Whether it may be: others claim nothing about this member unheard,
    /// and nobody is let in when there is no room.
    pub(crate) fn admit(&mut self, peer: &Peer) -> bool {
        if peer.who == self.me && peer.generation > self.my_life() {
            self.claims.life = self.claims.life.max(Some(peer.generation));
        }
        self.has_room_for(&peer.who)
    }

    /// Somebody says that this member is down. Whether it listens: each time it begins another life and tells
    /// others so, and who answers that it is still down must not have it do so as fast as the network goes.
    pub(crate) fn listens(&mut self) -> bool {
        let listens = self.now >= self.listens_again;
        if listens {
            self.listens_again = self.now + LISTEN_EVERY;
        }
        listens
    }

    /// Whether one more may be remembered.
    pub(crate) fn has_room_for(&self, who: &Who) -> bool {
        self.records.len() < self.most || self.records.contains_key(who)
    }

    /// The protocol underneath has seen a member: up, or down since a time.
    pub(crate) fn sight(&mut self, peer: &Peer, state: State) {
        let up = state == State::Up;
        let early = self.early.remove(&peer.who);
        self.ids.insert((peer.who.id, peer.who.clone()));
        let record = self
            .records
            .entry(peer.who.clone())
            .or_insert_with(|| Record::new(peer.clone(), state));
        if record.profile.is_none() {
            record.profile = early;
        }
        record.peer = peer.clone();
        // one that is down stays down since when it is
        if (record.state == State::Up) != up {
            record.state = state;
        }
        self.show(&peer.who.clone());
    }

    /// Takes a piece of news. Whether it is to be passed on.
    pub(crate) fn hear(&mut self, item: Item, own: bool) -> bool {
        match item {
            Item::Profile(profile) => self.hear_profile(profile, own),
            Item::Leave(leave) => self.hear_leave(leave, own),
            Item::User(event) => {
                let heard = self.clock.hear(&event, self.now, own);
                if heard.is_new() {
                    self.events.push_back(Event::User(event));
                }
                heard.passes_on()
            }
        }
    }

    fn hear_profile(&mut self, profile: Profile, own: bool) -> bool {
        if profile.who == self.me && !own {
            // somebody repeats what this member said before, or makes something up
            let (life, version) = profile.age();
            let mine = self
                .my_profile()
                .map_or_else(|| (self.my_life(), 0), Profile::age);
            if life > self.my_life() {
                self.claims.life = self.claims.life.max(Some(life));
            } else if (life, version) > mine {
                self.claims.version = self.claims.version.max(Some(version));
            }
            return false;
        }
        let who = profile.who.clone();
        let newer =
            |known: &Option<Profile>| known.as_ref().map(Profile::age) < Some(profile.age());
        match self.records.get_mut(&who) {
            Some(record) if newer(&record.profile) => record.profile = Some(profile),
            Some(_) => return false,
            None if self.early.len() < EARLY && newer(&self.early.get(&who).cloned()) => {
                self.early.insert(who, profile);
                return true;
            }
            None => return false,
        }
        self.show(&who);
        true
    }

    fn hear_leave(&mut self, leave: Leave, own: bool) -> bool {
        if leave.who == self.me && !own {
            if leave.generation >= self.my_life() {
                self.claims.life = self.claims.life.max(Some(leave.generation));
            }
            return false;
        }
        let Some(record) = self.records.get_mut(&leave.who) else {
            return false;
        };
        let ahead = record.leave.as_ref().is_some_and(|known| {
            (known.generation, known.prune) >= (leave.generation, leave.prune)
        });
        if ahead || leave.generation < record.peer.generation {
            return false;
        }
        let who = leave.who.clone();
        record.leave = Some(leave);
        self.show(&who);
        true
    }

    /// A member lives another life, or somewhere else, and is as alive or dead as before.
    pub(crate) fn moved(&mut self, peer: &Peer) {
        if let Some(record) = self.records.get_mut(&peer.who) {
            record.peer = peer.clone();
            self.show(&peer.who.clone());
        }
    }

    /// Forgets a member.
    pub(crate) fn forget(&mut self, who: &Who) {
        self.hidden.remove(who);
        self.ids.remove(&(who.id, who.clone()));
        if let Some(member) = self.records.remove(who).and_then(|record| record.shown) {
            self.events.push_back(Event::Reaped(member));
            self.reveal();
        }
    }

    /// Tells watchers how a member is, where that differs from what they know.
    fn show(&mut self, who: &Who) {
        let Some(wanted) = self.records.get(who).and_then(Record::member) else {
            return;
        };
        if !self.take_place(who, &wanted) {
            return;
        }
        let Some(record) = self.records.get_mut(who) else {
            return;
        };
        let pruned = record.is_pruned();
        let before = record.shown.take();
        if pruned {
            self.events.extend(before.map(Event::Reaped));
            self.reveal();
            return;
        }
        record.shown = Some(wanted.clone());
        let event = change(before, wanted);
        let gone = matches!(event, Some(Event::Failed(_) | Event::Left(_)));
        self.events.extend(event);
        if gone {
            self.reveal();
        }
    }
}

/// How often this member listens to who says that it is down.
const LISTEN_EVERY: Duration = Duration::from_millis(250);
/// How many profiles are kept of members that are not known yet.
const EARLY: usize = 256;

/// What is new about a member.
fn change(before: Option<Member>, now: Member) -> Option<Event> {
    if before.as_ref() == Some(&now) {
        return None;
    }
    let was_there = before
        .as_ref()
        .is_some_and(|before| matches!(before.status, Status::Alive | Status::Leaving));
    let same = before.is_some_and(|before| before.status == now.status);
    Some(match now.status {
        Status::Alive | Status::Leaving if was_there => Event::Updated(now),
        Status::Alive | Status::Leaving => Event::Joined(now),
        Status::Failed | Status::Left if same => Event::Updated(now),
        Status::Failed => Event::Failed(now),
        Status::Left => Event::Left(now),
    })
}

// === impl Record ===

impl Record {
    const fn new(peer: Peer, state: State) -> Self {
        Self {
            peer,
            state,
            profile: None,
            leave: None,
            coordinate: None,
            shown: None,
        }
    }

    /// Whether it is to be taken for gone: the life in which it is, or a later one, was said to end.
    pub(crate) fn is_leaving(&self) -> bool {
        self.leave
            .as_ref()
            .is_some_and(|leave| leave.generation >= self.peer.generation)
    }

    fn is_pruned(&self) -> bool {
        let prune = self.leave.as_ref().is_some_and(|leave| leave.prune);
        prune && self.is_leaving() && self.state != State::Up
    }

    pub(crate) fn status(&self) -> Status {
        match (self.state, self.is_leaving()) {
            (State::Up, false) => Status::Alive,
            (State::Up, true) => Status::Leaving,
            (State::Down(_), false) => Status::Failed,
            (State::Down(_), true) => Status::Left,
        }
    }

    /// The member as it is, once it has said what it is.
    fn member(&self) -> Option<Member> {
        let profile = self.profile.as_ref()?;
        Some(Member {
            name: self.peer.who.name.as_ref().to_owned(),
            id: self.peer.who.id,
            address: self.peer.address,
            tags: profile.tags(),
            status: self.status(),
            versions: profile.versions,
        })
    }

    pub(crate) const fn shown(&self) -> Option<&Member> {
        self.shown.as_ref()
    }
}
