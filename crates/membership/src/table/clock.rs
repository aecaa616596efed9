//! The cluster's logical clock, and which events are known already.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::event::UserEvent;

/// How many events are remembered, so that none is told twice.
const REMEMBERED: usize = 512;
/// How far the clock may be set ahead by one event: a claim must not take all later times away.
const JUMP: u64 = 1 << 24;

/// When events happened, and which did.
#[derive(Debug)]
pub(crate) struct Clock {
    /// The time of the next event.
    time: u64,
    /// What is older happened before this member came.
    since: u64,
    order: VecDeque<u64>,
    /// By time, so that a known one is found at once.
    known: BTreeMap<u64, Vec<UserEvent>>,
    per_second: u32,
    /// How many may come now, and when that was counted.
    allowance: f64,
    counted: Duration,
    /// Too much is being passed on already.
    pub(crate) crowded: bool,
}

/// What an event is to this member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// Nobody knows it yet.
    New,
    /// It is new, and there is too much to pass it on.
    Crowded,
    /// It is known, too old, or impossible.
    Ignored,
}

// === impl Heard ===

impl Heard {
    pub(crate) const fn is_new(self) -> bool {
        matches!(self, Self::New | Self::Crowded)
    }

    pub(crate) const fn passes_on(self) -> bool {
        matches!(self, Self::New)
    }
}

// === impl Clock ===

impl Clock {
    pub(super) fn new(per_second: u32) -> Self {
        Self {
            time: 1,
            since: 0,
            order: VecDeque::new(),
            known: BTreeMap::new(),
            per_second,
            allowance: f64::from(per_second),
            counted: Duration::ZERO,
            crowded: false,
        }
    }

    /// The time of an event that happens now.
    pub(crate) const fn time(&self) -> u64 {
        self.time
    }

    /// Another member's clock says `time`. One that joins takes it over, and knows nothing of what was before.
    pub(crate) fn witness(&mut self, time: u64, joining: bool) {
        if joining && self.time == 1 {
            self.since = time;
        }
        if joining || time <= self.time.saturating_add(JUMP) {
            self.time = self.time.max(time);
        }
    }

    pub(super) fn hear(&mut self, event: &UserEvent, now: Duration, own: bool) -> Heard {
        let oldest = self.time.saturating_sub(REMEMBERED as u64).max(self.since);
        let impossible = event.time > self.time.saturating_add(JUMP);
        if event.time < oldest || impossible || self.knows(event) {
            return Heard::Ignored;
        }
        if !own && !self.allow(now) {
            tracing::debug!(
                name = event.name,
                "a user event is ignored: there are too many"
            );
            return Heard::Ignored;
        }
        self.time = self.time.max(event.time.saturating_add(1));
        self.remember(event.clone());
        if self.crowded {
            Heard::Crowded
        } else {
            Heard::New
        }
    }

    /// Those that are remembered, oldest first.
    pub(crate) fn recent(&self) -> impl ExactSizeIterator<Item = &UserEvent> {
        let events: Vec<&UserEvent> = self.known.values().flatten().collect();
        events.into_iter()
    }

    fn knows(&self, event: &UserEvent) -> bool {
        self.known.get(&event.time).is_some_and(|known| {
            known
                .iter()
                .any(|known| known.name == event.name && known.payload == event.payload)
        })
    }

    fn remember(&mut self, event: UserEvent) {
        if self.order.len() == REMEMBERED
            && let Some(time) = self.order.pop_front()
            && let Some(events) = self.known.get_mut(&time)
        {
            events.remove(0);
            if events.is_empty() {
                self.known.remove(&time);
            }
        }
        self.order.push_back(event.time);
        self.known.entry(event.time).or_default().push(event);
    }

    fn allow(&mut self, now: Duration) -> bool {
        let most = f64::from(self.per_second);
        let passed = now.saturating_sub(self.counted).as_secs_f64();
        self.allowance = (self.allowance + passed * most).min(most);
        self.counted = now;
        let allowed = self.allowance >= 1.0;
        if allowed {
            self.allowance -= 1.0;
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(time: u64, name: &str) -> UserEvent {
        UserEvent {
            time,
            name: name.to_owned(),
            payload: vec![],
            coalesce: false,
        }
    }

    fn hear(clock: &mut Clock, time: u64, name: &str) -> Heard {
        clock.hear(&event(time, name), Duration::ZERO, false)
    }

    #[test]
    fn an_event_is_new_once() {
        let mut clock = Clock::new(100);
        assert_eq!(hear(&mut clock, 5, "a"), Heard::New);
        assert_eq!(clock.time(), 6);
        assert_eq!(hear(&mut clock, 5, "a"), Heard::Ignored);
        assert_eq!(
            hear(&mut clock, 5, "b"),
            Heard::New,
            "another one at that time"
        );
        assert_eq!(hear(&mut clock, 2, "c"), Heard::New, "it came late");
    }

    #[test]
    fn what_is_older_than_what_is_remembered_is_not_told_again() {
        let mut clock = Clock::new(10_000);
        for time in 1..=1000 {
            assert_eq!(hear(&mut clock, time, "a"), Heard::New);
        }
        assert_eq!(clock.recent().len(), REMEMBERED);
        assert_eq!(hear(&mut clock, 10, "a"), Heard::Ignored);
    }

    #[test]
    fn who_joins_hears_nothing_of_before() {
        let mut clock = Clock::new(100);
        clock.witness(40, true);
        assert_eq!(hear(&mut clock, 39, "a"), Heard::Ignored);
        assert_eq!(hear(&mut clock, 40, "a"), Heard::New);
    }

    #[test]
    fn no_event_takes_all_later_times_away() {
        let mut clock = Clock::new(100);
        assert_eq!(hear(&mut clock, u64::MAX, "a"), Heard::Ignored);
        clock.witness(u64::MAX, false);
        assert_eq!(clock.time(), 1);
    }

    #[test]
    fn a_flood_is_cut_and_ends() {
        let mut clock = Clock::new(10);
        let heard = (1..=100).filter(|time| hear(&mut clock, *time, "a") == Heard::New);
        assert_eq!(heard.count(), 10);
        let later = Duration::from_secs(1);
        assert_eq!(clock.hear(&event(200, "a"), later, false), Heard::New);
    }
}
