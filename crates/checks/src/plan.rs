//! Which probe is due when.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio::time::Instant;
use tribune_local::{Probe, ProbeTarget};
use tribune_types::Name;

/// How soon a target that was not well at first is asked again; twice as long each time.
const WARM_UP: Duration = Duration::from_millis(100);

/// The wanted probes, by when they are due.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    entries: BTreeMap<Name, Entry>,
    due: BTreeSet<(Instant, Name)>,
    generations: u64,
    seed: RandomState,
}

#[derive(Debug)]
struct Entry {
    probe: Probe,
    /// Tells an entry from an earlier one of the same name.
    generation: u64,
    /// How long to wait before asking again a target that was never well; `None` once it was, or once this
    /// has grown to the interval.
    warm_up: Option<Duration>,
    /// When a result was reported last.
    reported: Option<Instant>,
    at: At,
}

#[derive(Debug)]
enum At {
    Due(Instant),
    Running(Option<AbortHandle>),
}

// === impl Plan ===

impl Plan {
    /// Replaces what is wanted. What is wanted as before goes on undisturbed; what is new or has changed is
    /// due at once, but for what cannot be probed: nothing is gained by saying so early.
    pub(crate) fn set(&mut self, wanted: Vec<(Name, Probe)>, now: Instant) {
        let wanted: BTreeMap<Name, Probe> = wanted.into_iter().collect();
        let gone: Vec<Name> = self
            .entries
            .iter()
            .filter(|(name, entry)| wanted.get(name) != Some(&entry.probe))
            .map(|(name, _)| name.clone())
            .collect();
        for name in gone {
            self.remove(&name);
        }
        for (name, probe) in wanted {
            if self.entries.contains_key(&name) {
                continue;
            }
            let (at, warm_up) = match probe.target {
                ProbeTarget::Unsupported(_) => (now + probe.interval, None),
                ProbeTarget::Tcp(_) | ProbeTarget::Http { .. } => (now, Some(WARM_UP)),
            };
            self.generations += 1;
            let generation = self.generations;
            self.due.insert((at, name.clone()));
            let at = At::Due(at);
            let reported = None;
            self.entries.insert(
                name,
                Entry {
                    probe,
                    generation,
                    warm_up,
                    reported,
                    at,
                },
            );
        }
    }

    /// When the next probe is due.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    /// A probe that is due, with its generation; it is running from now on.
    pub(crate) fn start(&mut self, now: Instant) -> Option<(Name, u64, Probe)> {
        self.due.first().filter(|(at, _)| *at <= now)?;
        let (_, name) = self.due.pop_first()?;
        let entry = self.entries.get_mut(&name)?;
        entry.at = At::Running(None);
        Some((name, entry.generation, entry.probe.clone()))
    }

    /// How the probe that was started is stopped where it is no longer wanted.
    pub(crate) fn started(&mut self, name: &Name, abort: AbortHandle) {
        if let Some(Entry {
            at: At::Running(running),
            ..
        }) = self.entries.get_mut(name)
        {
            *running = Some(abort);
        }
    }

    /// A probe has ended; it is due again later. Whether its result is wanted.
    ///
    /// What has just started up, such as a sidecar that waits for its configuration, is asked again soon, so
    /// that nobody waits for an interval to pass. Of these extra results only a good one counts: failures are
    /// reported no more often than otherwise, as the check's thresholds expect.
    pub(crate) fn finish(
        &mut self,
        name: &Name,
        generation: u64,
        passed: bool,
        now: Instant,
    ) -> bool {
        let Some(entry) = self
            .entries
            .get_mut(name)
            .filter(|entry| entry.generation == generation)
        else {
            return false;
        };
        let interval = entry.probe.interval;
        let early = entry.reported.is_some_and(|at| now < at + interval);
        let wanted = passed || !early || entry.warm_up.is_none();
        let wait = match entry.warm_up {
            Some(wait) if !passed && wait < interval => {
                entry.warm_up = Some(wait * 2);
                wait
            }
            Some(_) => {
                entry.warm_up = None;
                // The second probe is drawn from half an interval, so that checks which were registered
                // together do not go on in step.
                interval - (interval / 2).mul_f64(fraction(self.seed.hash_one(generation)))
            }
            None => interval,
        };
        if wanted {
            entry.reported = Some(now);
        }
        let at = now + wait;
        entry.at = At::Due(at);
        self.due.insert((at, name.clone()));
        wanted
    }

    fn remove(&mut self, name: &Name) {
        match self.entries.remove(name).map(|entry| entry.at) {
            Some(At::Due(at)) => {
                self.due.remove(&(at, name.clone()));
            }
            Some(At::Running(Some(abort))) => abort.abort(),
            Some(At::Running(None)) | None => {}
        }
    }
}

/// A number from 0 up to 1.
fn fraction(random: u64) -> f64 {
    let steps = u32::try_from(random >> 32).unwrap_or(u32::MAX);
    f64::from(steps) / (f64::from(u32::MAX) + 1.0)
}
