//! One resource type of a stream: what exists, what the client wants, and what it holds.

mod entry;
mod flight;

use std::sync::Arc;
use std::time::Instant;

use crate::limits::{Limits, RequestError};
use crate::message::{Children, Nonce, Resource, ResourceSet, TypeUrl, Version};
use crate::nack;
use crate::status::{ResourceStatus, State};
use entry::{Due, Entry, Held, Interest, Rejection};
use flight::{Fate, InFlight, Item};

/// The name that subscribes to everything.
pub(crate) const WILDCARD: &str = "*";

/// Which part of what is due may go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Upserts,
    Removals,
    Both,
}

/// What goes into one response.
#[derive(Debug)]
pub(crate) struct Batch<B> {
    pub(crate) resources: Vec<Resource<B>>,
    pub(crate) removed: Vec<Arc<str>>,
}

#[derive(Debug)]
pub(crate) struct Subscription<B> {
    type_url: TypeUrl,
    /// Ordered by name.
    entries: Vec<Entry<B>>,
    in_flight: Option<Box<InFlight>>,
    /// How many names are subscribed, and their length together.
    subscribed: usize,
    name_bytes: usize,
    interest: Interest,
    /// What exists has been handed in.
    known: bool,
    /// The client waits for a first answer, even an empty one.
    owes_answer: bool,
    /// Something may be due.
    dirty: bool,
}

// === impl Subscription ===

impl<B> Subscription<B> {
    pub(crate) fn new(type_url: TypeUrl) -> Self {
        Self {
            type_url,
            entries: Vec::new(),
            in_flight: None,
            subscribed: 0,
            name_bytes: 0,
            interest: Interest::None,
            known: false,
            owes_answer: false,
            dirty: false,
        }
    }

    pub(crate) fn is_registered(&self) -> bool {
        self.interest != Interest::None
    }

    /// The unanswered response and when it was handed out.
    pub(crate) fn unanswered(&self) -> Option<(Nonce, Instant)> {
        self.in_flight.as_ref().map(|sent| (sent.nonce, sent.since))
    }

    /// How many names take memory.
    pub(crate) fn tracked(&self) -> usize {
        self.entries.len()
    }

    /// Whether more than `limit` resources are gone that the client still holds.
    pub(crate) fn withholds_more_than(&self, limit: usize) -> bool {
        self.entries.len() > limit
            && self
                .entries
                .iter()
                .filter(|e| e.due(self.interest) == Due::Removal)
                .count()
                > limit
    }

    /// Takes what exists now.
    pub(crate) fn supply(&mut self, set: ResourceSet<B>) {
        (self.known, self.dirty) = (true, true);
        let mut new = Vec::new();
        for resource in set.changed {
            if let Some(entry) = self.entry(&resource.name) {
                entry.supply(resource);
            } else {
                let mut entry = Entry::new(resource.name.clone());
                entry.supply(resource);
                new.push(entry);
            }
        }
        self.insert(new);
        for name in &set.removed {
            if let Some(entry) = self.entry(name) {
                entry.current = None;
                entry.rejected = None;
            }
        }
        if !set.removed.is_empty() {
            self.sweep();
        }
    }

    /// Takes the first request of the type: what the client kept, and whether it wants everything.
    pub(crate) fn register(
        &mut self,
        kept: Vec<(String, String)>,
        everything: bool,
        limits: &Limits,
    ) -> Result<(), RequestError> {
        self.interest = Interest::Named;
        self.dirty = true;
        let bytes = kept.iter().map(|(name, _)| name.len()).sum();
        self.check(kept.len(), bytes, limits)?;
        let mut new = Vec::new();
        for (name, version) in kept {
            let held = Version::parse(&version).map_or(Held::Something, Held::Version);
            if let Some(entry) = self.entry(&name) {
                entry.held = held;
            } else {
                let mut entry = Entry::new(name.into());
                entry.held = held;
                new.push(entry);
            }
        }
        self.insert(new);
        if everything {
            self.want_everything();
            return Ok(());
        }
        // What a client says it kept, it still wants, as Consul sees it.
        for entry in self
            .entries
            .iter_mut()
            .filter(|entry| entry.held != Held::Nothing)
        {
            entry.subscribed = true;
            self.subscribed += 1;
            self.name_bytes += entry.name.len();
        }
        Ok(())
    }

    /// Adds names. What the client holds already is sent again: it may have dropped it in between, as
    /// Envoy does when a cluster goes and comes back between two requests.
    pub(crate) fn subscribe(
        &mut self,
        names: Vec<String>,
        first: bool,
        limits: &Limits,
    ) -> Result<(), RequestError> {
        let mut new: Vec<Entry<B>> = Vec::new();
        for name in names {
            if name == WILDCARD {
                self.want_everything();
                continue;
            }
            if let Some(item) = self.in_flight_item(&name) {
                item.fate = Fate::Again;
            }
            let Some(entry) = self.entry(&name) else {
                let mut entry = Entry::new(name.into());
                entry.subscribed = true;
                new.push(entry);
                continue;
            };
            if !first {
                entry.unsettle();
                entry.rejected = None;
            }
            if !std::mem::replace(&mut entry.subscribed, true) {
                self.subscribed += 1;
                self.name_bytes += name.len();
            }
        }
        new.sort_by(|left, right| left.name.cmp(&right.name));
        new.dedup_by(|later, earlier| later.name == earlier.name);
        self.subscribed += new.len();
        self.name_bytes += new.iter().map(|entry| entry.name.len()).sum::<usize>();
        self.check(self.subscribed, self.name_bytes, limits)?;
        self.insert(new);
        self.dirty = true;
        Ok(())
    }

    /// Drops names. While the client still wants everything, it cannot know whether a name it gives up
    /// is part of that, and is told.
    pub(crate) fn unsubscribe(&mut self, names: &[String]) {
        if names.is_empty() {
            return;
        }
        for name in names {
            if name == WILDCARD {
                self.want_named();
                continue;
            }
            let everything = self.interest == Interest::All;
            let fate = if everything {
                Fate::Again
            } else {
                Fate::Forget
            };
            if let Some(item) = self.in_flight_item(name) {
                item.fate = fate;
            }
            let Some(entry) = self.entry(name) else {
                continue;
            };
            if everything {
                entry.unsettle();
            } else {
                entry.forget();
            }
            if std::mem::replace(&mut entry.subscribed, false) {
                self.subscribed -= 1;
                self.name_bytes -= name.len();
            }
        }
        self.dirty = true;
        self.sweep();
    }

    /// Takes the answer to a response; an answer to any other than the last one says nothing new.
    pub(crate) fn answer(&mut self, nonce: Nonce, error: Option<&str>, limits: &Limits) {
        let Some(sent) = self.in_flight.take_if(|sent| sent.nonce == nonce) else {
            return;
        };
        match error {
            None => self.acknowledge(sent.items),
            Some(reason) => self.reject(&sent.items, nack::shorten(reason, limits.reason_bytes)),
        }
        self.sweep();
    }

    /// Tells the client again what it holds of this name: a parent of it has changed.
    pub(crate) fn unsettle(&mut self, name: &str) {
        if let Some(item) = self.in_flight_item(name)
            && item.fate == Fate::Settle
        {
            item.fate = Fate::Again;
        }
        if let Some(entry) = self.entry(name) {
            entry.unsettle();
            self.dirty = true;
        }
    }

    /// Names of the children of every resource that was sent on this stream.
    pub(crate) fn children_of_sent(&self) -> Vec<Arc<str>> {
        let mut found = Vec::new();
        for entry in self.entries.iter().filter(|entry| entry.sent) {
            if let Some(current) = &entry.current {
                match &current.children {
                    Children::None => {}
                    Children::SameName => found.push(entry.name.clone()),
                    Children::Named(names) => found.extend(names.iter().cloned()),
                }
            }
        }
        found
    }

    pub(crate) fn statuses(&self) -> impl Iterator<Item = ResourceStatus<'_>> {
        let wanted = self.entries.iter().filter(|entry| match self.interest {
            Interest::None => false,
            Interest::Named => entry.subscribed,
            Interest::All => true,
        });
        wanted.map(|entry| ResourceStatus {
            type_url: self.type_url,
            name: &entry.name,
            version: entry.current.as_ref().map(|current| current.version),
            state: self.state(entry),
        })
    }

    fn state<'a>(&self, entry: &'a Entry<B>) -> State<'a> {
        let version = entry.current.as_ref().map(|current| current.version);
        let sent = self
            .in_flight
            .as_ref()
            .and_then(|sent| sent.find(&entry.name));
        if let Some(item) = sent.filter(|item| item.fate != Fate::Forget) {
            return if item.version == version {
                State::Sent
            } else {
                State::Stale
            };
        }
        if let Some(rejection) = entry.rejection() {
            return State::Rejected {
                reason: &rejection.reason,
            };
        }
        match entry.due(self.interest) {
            Due::Upsert | Due::Removal => State::Stale,
            Due::Nothing if entry.current.is_none() => State::Missing,
            Due::Nothing => State::Synced,
        }
    }

    fn acknowledge(&mut self, items: Vec<Item>) {
        for item in items {
            let Some(entry) = self.entry(&item.name) else {
                continue;
            };
            match (item.fate, item.version) {
                (Fate::Forget, _) => {}
                (_, None) => entry.held = Held::Nothing,
                (Fate::Settle, Some(version)) => entry.held = Held::Version(version),
                (Fate::Again, Some(_)) => {
                    entry.held = Held::Something;
                    self.dirty = true;
                }
            }
        }
    }

    /// Notes what was rejected: what the reason names, else everything in the response.
    ///
    /// Where it names some, the client has most likely carried out the rest, but it will not claim so after a
    /// reconnect; where it names none, nothing was done. Either way the rest goes out again to be
    /// acknowledged, but for removals where there was nothing else to refuse.
    fn reject(&mut self, items: &[Item], reason: &str) {
        self.dirty = true;
        let upserts = || items.iter().filter(|item| item.version.is_some());
        let some_named = upserts().any(|item| nack::names(reason, &item.name));
        let only_removals = upserts().next().is_none();
        let reason: Arc<str> = reason.into();
        for item in items.iter().filter(|item| item.fate != Fate::Forget) {
            let Some(entry) = self.entry(&item.name) else {
                continue;
            };
            let Some(version) = item.version else {
                if only_removals {
                    entry.held = Held::Nothing;
                } else if some_named {
                    entry.done_but_refused(true);
                }
                continue;
            };
            if some_named && !nack::names(&reason, &item.name) {
                entry.done_but_refused(false);
                continue;
            }
            entry.unsettle();
            let current = entry.current.as_ref().map(|current| current.version);
            if current == Some(version) && item.fate == Fate::Settle {
                let reason = reason.clone();
                entry.rejected = Some(Box::new(Rejection { version, reason }));
            }
        }
    }

    fn want_everything(&mut self) {
        if self.interest == Interest::All {
            return;
        }
        self.interest = Interest::All;
        self.dirty = true;
        // Even an empty answer tells a client that there is nothing to wait for, and its acknowledgement
        // tells that the client has said, of each type, what it kept from an earlier stream.
        self.owes_answer = true;
        for item in self.in_flight.iter_mut().flat_map(|sent| &mut sent.items) {
            if item.fate == Fate::Forget {
                item.fate = Fate::Again;
            }
        }
    }

    fn want_named(&mut self) {
        self.interest = Interest::Named;
        self.owes_answer = false;
        for entry in self.entries.iter_mut().filter(|entry| !entry.subscribed) {
            entry.forget();
            if let Some(item) = self
                .in_flight
                .as_mut()
                .and_then(|sent| sent.item(&entry.name))
            {
                item.fate = Fate::Forget;
            }
        }
    }

    fn check(&self, names: usize, bytes: usize, limits: &Limits) -> Result<(), RequestError> {
        let type_url = self.type_url;
        if names > limits.subscriptions {
            return Err(RequestError::TooManySubscriptions {
                type_url,
                limit: limits.subscriptions,
            });
        }
        if bytes > limits.name_bytes {
            return Err(RequestError::NamesTooLong {
                type_url,
                limit: limits.name_bytes,
            });
        }
        Ok(())
    }

    fn entry(&mut self, name: &str) -> Option<&mut Entry<B>> {
        let at = self
            .entries
            .binary_search_by(|entry| (*entry.name).cmp(name))
            .ok()?;
        self.entries.get_mut(at)
    }

    fn in_flight_item(&mut self, name: &str) -> Option<&mut Item> {
        self.in_flight.as_mut()?.item(name)
    }

    /// Adds entries whose names are new; where a name comes twice, the later one counts.
    fn insert(&mut self, new: Vec<Entry<B>>) {
        if new.is_empty() {
            return;
        }
        self.entries.reserve_exact(new.len());
        self.entries.extend(new);
        // Nearly sorted already, which this sort makes use of.
        self.entries
            .sort_by(|left, right| left.name.cmp(&right.name));
        self.entries.dedup_by(|later, earlier| {
            let same = later.name == earlier.name;
            if same {
                std::mem::swap(later, earlier);
            }
            same
        });
    }

    /// Drops what neither exists nor matters to the client. What is on its way stays, even if given up:
    /// it may be wanted again before it arrives.
    fn sweep(&mut self) {
        let in_flight = self.in_flight.as_deref();
        self.entries.retain(|entry| {
            entry.current.is_some()
                || entry.subscribed
                || entry.held != Held::Nothing
                || in_flight.is_some_and(|sent| sent.find(&entry.name).is_some())
        });
        if self.entries.len() < self.entries.capacity() / 4 {
            self.entries.shrink_to_fit();
        }
    }
}

impl<B: Clone> Subscription<B> {
    /// What is due, as one response that is unanswered from now on.
    pub(crate) fn take(&mut self, op: Op, nonce: Nonce, now: Instant) -> Option<Batch<B>> {
        let ready = self.known && self.is_registered() && self.in_flight.is_none();
        if !ready || !(self.dirty || self.owes_answer) {
            return None;
        }
        let mut batch = Batch {
            resources: Vec::new(),
            removed: Vec::new(),
        };
        let mut items = Vec::new();
        self.dirty = false;
        for entry in &mut self.entries {
            let due = entry.due(self.interest);
            let version = match (due, &entry.current) {
                (Due::Upsert, Some(current)) if op != Op::Removals => {
                    entry.sent = true;
                    batch.resources.push(Resource {
                        name: entry.name.clone(),
                        version: current.version,
                        body: current.body.clone(),
                        children: current.children.clone(),
                    });
                    Some(current.version)
                }
                (Due::Removal, _) if op != Op::Upserts => {
                    batch.removed.push(entry.name.clone());
                    None
                }
                _ => {
                    self.dirty |= due != Due::Nothing;
                    continue;
                }
            };
            items.push(Item {
                name: entry.name.clone(),
                version,
                fate: Fate::Settle,
            });
        }
        if items.is_empty() && !(self.owes_answer && op != Op::Removals) {
            return None;
        }
        self.owes_answer = false;
        self.in_flight = Some(Box::new(InFlight {
            nonce,
            since: now,
            items,
        }));
        Some(batch)
    }
}
