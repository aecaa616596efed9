//! Which probe is due when.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio::time::Instant;
use tribune_local::{Probe, ProbeTarget};
use tribune_types::Name;

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
    /// Whether it has reported yet.
    reported: bool,
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
            let at = match probe.target {
                ProbeTarget::Unsupported(_) => now + probe.interval,
                ProbeTarget::Tcp(_) | ProbeTarget::Http { .. } => now,
            };
            self.generations += 1;
            let generation = self.generations;
            self.due.insert((at, name.clone()));
            self.entries.insert(
                name,
                Entry {
                    probe,
                    generation,
                    reported: false,
                    at: At::Due(at),
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
    pub(crate) fn finish(&mut self, name: &Name, generation: u64, now: Instant) -> bool {
        let Some(entry) = self
            .entries
            .get_mut(name)
            .filter(|entry| entry.generation == generation)
        else {
            return false;
        };
        // The second probe is drawn from half an interval, so that checks which were registered together
        // do not go on in step.
        let interval = entry.probe.interval;
        let ahead = if entry.reported {
            Duration::ZERO
        } else {
            (interval / 2).mul_f64(fraction(self.seed.hash_one(generation)))
        };
        let at = now + (interval - ahead);
        entry.reported = true;
        entry.at = At::Due(at);
        self.due.insert((at, name.clone()));
        true
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
