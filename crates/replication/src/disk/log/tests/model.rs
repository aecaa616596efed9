//! Arbitrary writes, crashes and failures against a model that is a vector.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Append(u64, usize),
    Sync,
    /// Counted from the last record.
    Truncate(u64),
    /// Counted from the first record.
    Purge(u64),
    Crash(u64),
    Fail(u64, Fault),
}

/// What must be in the log.
#[derive(Clone, Debug, Default)]
struct Model {
    records: Vec<Record>,
    /// How many of them are durable.
    durable: usize,
    purged: Option<Position>,
    next_term: u64,
}

impl Model {
    fn next(&self) -> u64 {
        let purged = self.purged.map(|purged| purged.index + 1);
        let last = self.records.last().map(|last| last.index + 1);
        last.or(purged).unwrap_or(1)
    }

    fn group(&mut self, count: u64, len: usize) -> Vec<Record> {
        let begin = self.next();
        // Another term each time, so that what is written after a truncation is not what was there.
        self.next_term += 1;
        let group = (begin..begin + count).map(|index| Record {
            term: self.next_term,
            ..record(index, len)
        });
        group.collect()
    }
}

fn step() -> impl Strategy<Value = Step> {
    let fault = prop_oneof![Just(Fault::IO), Just(Fault::NO_SPACE), Just(Fault::Half)];
    prop_oneof![
        6 => (1..5_u64, 0..1500_usize).prop_map(|(count, len)| Step::Append(count, len)),
        4 => Just(Step::Sync),
        1 => (0..6_u64).prop_map(Step::Truncate),
        1 => (0..12_u64).prop_map(Step::Purge),
        2 => any::<u64>().prop_map(Step::Crash),
        2 => (1..12_u64, fault).prop_map(|(call, fault)| Step::Fail(call, fault)),
    ]
}

/// Numbers that are the same every time.
fn random(mut state: u64) -> impl FnMut(usize) -> usize {
    move |below| {
        state = state
            .wrapping_mul(0x5851_f42d_4c95_7f2d)
            .wrapping_add(0x1405_7b7e_f767_814f);
        ((state >> 33) % below as u64) as usize
    }
}

/// A log, what it must say, and the disk under it.
struct Run {
    memory: Memory,
    log: Log<Memory>,
    model: Model,
}

impl Run {
    /// Opens what a crash left. What was durable is there, and a prefix of what was not; each model is
    /// one way in which the last write may have ended.
    fn reopen(&mut self, possible: &[Model]) {
        self.memory.heal();
        let (log, recovery) = open(&self.memory).unwrap();
        let found = all(&log);
        let fits = |model: &&Model| {
            recovery.purged == model.purged
                && found.len() >= model.durable
                && model.records.get(..found.len()) == Some(&found)
        };
        let model = possible.iter().find(fits);
        let mut model = model
            .unwrap_or_else(|| panic!("{found:?} is none of {possible:?}"))
            .clone();
        model.durable = found.len();
        model.records = found;
        self.model = model;
        self.log = log;
    }

    /// Takes what came of a write. `after` is what the log says where it was done.
    fn wrote(&mut self, outcome: Result<(), WriteError>, after: Model, durable: bool) {
        match outcome {
            Ok(()) => {
                self.model = after;
                if durable {
                    self.model.durable = self.model.records.len();
                }
            }
            Err(WriteError::Poisoned { .. }) => {
                let possible = [self.model.clone(), after];
                self.memory = self.memory.crash(|count| count - 1);
                self.reopen(&possible);
            }
            Err(_) => {
                // It was undone, so the log is as it was; undoing may have synced what was before.
                assert_eq!(all(&self.log), self.model.records);
            }
        }
    }

    fn step(&mut self, step: Step) {
        let mut after = self.model.clone();
        match step {
            Step::Append(count, len) => {
                let group = after.group(count, len);
                let outcome = self.log.append(&group);
                after.records.extend(group);
                self.model.next_term = after.next_term;
                self.wrote(outcome, after, false);
            }
            Step::Sync => {
                let outcome = self.log.sync();
                self.wrote(outcome, after, true);
            }
            Step::Truncate(back) => {
                let kept = after.records.len().saturating_sub(back as usize);
                let Some(index) = after.records.get(kept).map(|record| record.index) else {
                    return;
                };
                after.records.truncate(kept);
                after.durable = after.durable.min(kept);
                let outcome = self.log.truncate_from(index);
                self.wrote(outcome, after, true);
            }
            Step::Purge(count) => {
                let index = after
                    .records
                    .first()
                    .map_or_else(|| after.next(), |first| first.index)
                    + count;
                let position = Position { index, term: index };
                after.records.retain(|record| record.index > index);
                after.durable = after
                    .durable
                    .saturating_sub(count as usize + 1)
                    .min(after.records.len());
                after.purged = Some(position);
                let outcome = self.log.purge_up_to(position);
                self.wrote(outcome, after, true);
            }
            Step::Crash(seed) => {
                self.memory = self.memory.crash(random(seed));
                self.reopen(&[after]);
            }
            Step::Fail(call, fault) => {
                let mut left = call;
                self.memory.fail(move |made| {
                    // The checks of the test itself read.
                    if made.operation == memory::Operation::Read {
                        return None;
                    }
                    left = left.checked_sub(1)?;
                    (left == 0).then_some(fault)
                });
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn f01_any_writes_failures_and_crashes_leave_what_was_acknowledged(
        steps in proptest::collection::vec(step(), 1..60),
    ) {
        let memory = Memory::new();
        let log = opened(&memory);
        let mut run = Run { memory, log, model: Model::default() };
        for step in steps {
            run.step(step);
            prop_assert_eq!(&all(&run.log), &run.model.records);
            prop_assert_eq!(run.log.purged(), run.model.purged);
        }
    }
}
