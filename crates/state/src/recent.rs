//! The outcomes of recent commands, by their request's ID.

use tribune_types::Index;

use crate::command::Outcome;
use crate::map::Map;

/// How many outcomes are remembered at least: minutes of a busy cluster's writes, in a few megabytes.
const REMEMBERED: usize = 16_384;

/// A clone shares all of it. Outcomes are forgotten a whole generation at a time, so that remembering one
/// changes one place only; so up to twice as many are remembered as have to be.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recent {
    pub(crate) young: Map<u128, Remembered>,
    pub(crate) old: Map<u128, Remembered>,
}

/// Index and outcome of a command.
pub(crate) type Remembered = (Index, Outcome);

impl Recent {
    /// Index and outcome of the command that carried this ID.
    pub(crate) fn outcome(&self, id: u128) -> Option<&Remembered> {
        self.young.get(&id).or_else(|| self.old.get(&id))
    }

    /// Remembers an outcome, and forgets the oldest where there are too many.
    pub(crate) fn remember(&mut self, id: u128, index: Index, outcome: Outcome) {
        if self.young.len() >= REMEMBERED {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(id, (index, outcome));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_outcomes_are_forgotten_when_there_are_too_many() {
        let mut recent = Recent::default();
        for id in 0..=2 * REMEMBERED as u128 {
            recent.remember(id, id as Index, Outcome::Done);
            let oldest = id.saturating_sub(REMEMBERED as u128 - 1);
            assert_eq!(
                recent.outcome(oldest),
                Some(&(oldest as Index, Outcome::Done))
            );
        }
        assert_eq!(recent.outcome(0), None);
        assert!(recent.young.len() + recent.old.len() <= 2 * REMEMBERED);
    }
}
