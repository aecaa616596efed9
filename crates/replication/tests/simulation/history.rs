//! What clients did and saw, and whether one register after the other could have answered so: linearizability,
//! by the search of Wing and Gong with the memory that Lowe added.

use std::collections::HashSet;
use std::time::Duration;

/// One operation of one client on one register.
#[derive(Clone, Debug)]
pub(crate) struct Op {
    #[expect(dead_code, reason = "shown to whoever reads why a test failed")]
    pub(crate) client: usize,
    pub(crate) key: usize,
    pub(crate) begun: Duration,
    /// When it was answered; never, where nobody knows what came of it.
    pub(crate) ended: Option<Duration>,
    pub(crate) what: What,
}

/// What was done, and what was seen. Values are never written twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Write(u64),
    /// Writes the second value if the first is there, and says whether it was. Where nobody knows, it may have.
    Cas(Option<u64>, u64, Option<bool>),
    Read(Option<u64>),
}

/// A register that no order of the operations explains.
#[derive(Debug)]
pub(crate) struct Inexplicable {
    #[expect(dead_code, reason = "shown to whoever reads why a test failed")]
    pub(crate) ops: Vec<Op>,
}

impl What {
    /// The value after it, where it can come here.
    fn apply(self, value: Option<u64>) -> Option<Option<u64>> {
        match self {
            Self::Write(new) => Some(Some(new)),
            Self::Read(seen) => (seen == value).then_some(value),
            Self::Cas(expected, new, done) => {
                let holds = expected == value;
                match done {
                    Some(done) if done != holds => None,
                    Some(_) | None => Some(if holds { Some(new) } else { value }),
                }
            }
        }
    }
}

/// Whether all that was seen can be explained, each register by itself.
pub(crate) fn check(ops: &[Op]) -> Result<(), Inexplicable> {
    let mut keys: Vec<usize> = ops.iter().map(|op| op.key).collect();
    keys.sort_unstable();
    keys.dedup();
    for key in keys {
        let mut of: Vec<Op> = ops.iter().filter(|op| op.key == key).cloned().collect();
        of.sort_by_key(|op| op.begun);
        if !explained(&of) {
            return Err(Inexplicable { ops: of });
        }
    }
    Ok(())
}

/// What has been put in order so far: the first operation that has not, which later ones have, and the value.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Ordered {
    first: usize,
    later: Vec<usize>,
    value: Option<u64>,
}

fn explained(ops: &[Op]) -> bool {
    let mut tried: HashSet<Ordered> = HashSet::new();
    let mut open = vec![Ordered {
        first: 0,
        later: Vec::new(),
        value: None,
    }];
    while let Some(state) = open.pop() {
        if !tried.insert(state.clone()) {
            continue;
        }
        let left: Vec<usize> = (state.first..ops.len())
            .filter(|at| !state.later.contains(at))
            .collect();
        // What was answered has to be explained; what was not may never have happened.
        if left.iter().all(|at| ops[*at].ended.is_none()) {
            return true;
        }
        // Nothing that began after another one had ended can come before it.
        let soonest = left.iter().filter_map(|at| ops[*at].ended).min();
        for at in left {
            let op = &ops[at];
            if soonest.is_some_and(|soonest| op.begun > soonest) {
                break;
            }
            if let Some(value) = op.what.apply(state.value) {
                open.push(state.with(at, value));
            }
        }
    }
    false
}

impl Ordered {
    fn with(&self, at: usize, value: Option<u64>) -> Self {
        let mut later = self.later.clone();
        later.push(at);
        later.sort_unstable();
        let mut first = self.first;
        while let Some(place) = later.iter().position(|later| *later == first) {
            later.remove(place);
            first += 1;
        }
        Self {
            first,
            later,
            value,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn op(begun: u64, ended: Option<u64>, what: What) -> Op {
        Op {
            client: 0,
            key: 0,
            begun: Duration::from_millis(begun),
            ended: ended.map(Duration::from_millis),
            what,
        }
    }

    #[test]
    fn what_one_register_can_answer_is_explained() {
        let ops = [
            op(0, Some(10), What::Write(1)),
            op(5, Some(6), What::Read(None)),
            op(7, Some(20), What::Cas(Some(1), 2, Some(true))),
            op(11, Some(12), What::Read(Some(1))),
            op(13, None, What::Write(3)),
            op(30, Some(31), What::Read(Some(2))),
            op(40, Some(41), What::Read(Some(3))),
        ];
        assert!(check(&ops).is_ok());
    }

    #[test]
    fn a_lost_write_a_stale_read_and_a_failed_condition_that_held_are_found() {
        let written = op(0, Some(1), What::Write(1));
        let lost = [written.clone(), op(2, Some(3), What::Read(None))];
        assert!(check(&lost).is_err());
        let back = [
            written.clone(),
            op(2, Some(9), What::Write(2)),
            op(3, Some(4), What::Read(Some(2))),
            op(5, Some(6), What::Read(Some(1))),
        ];
        assert!(check(&back).is_err());
        let held = [written, op(2, Some(3), What::Cas(Some(1), 2, Some(false)))];
        assert!(check(&held).is_err());
    }

    #[test]
    fn what_was_never_answered_may_happen_once_and_not_before_it_began() {
        let early = [
            op(0, Some(1), What::Read(Some(1))),
            op(2, None, What::Write(1)),
        ];
        assert!(check(&early).is_err());
        let twice = [
            op(0, None, What::Write(1)),
            op(1, Some(2), What::Write(2)),
            op(3, Some(4), What::Read(Some(1))),
            op(5, Some(6), What::Write(3)),
            op(7, Some(8), What::Read(Some(1))),
        ];
        assert!(check(&twice).is_err());
    }
}
