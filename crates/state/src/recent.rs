//! The outcomes of recent commands, by their request's ID.

use std::collections::{HashMap, VecDeque};

use tribune_types::Index;

use crate::command::Outcome;

/// How many outcomes are remembered: minutes of a busy cluster's writes, in a few megabytes.
const REMEMBERED: usize = 16_384;

#[derive(Debug, Default)]
pub(crate) struct Recent {
    outcomes: HashMap<u128, (Index, Outcome)>,
    order: VecDeque<u128>,
}

impl Recent {
    /// Index and outcome of the command that carried this ID.
    pub(crate) fn outcome(&self, id: u128) -> Option<&(Index, Outcome)> {
        self.outcomes.get(&id)
    }

    /// Remembers an outcome, and forgets the oldest where there are too many.
    pub(crate) fn remember(&mut self, id: u128, index: Index, outcome: Outcome) {
        if self.order.len() >= REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.outcomes.remove(&oldest);
        }
        self.order.push_back(id);
        self.outcomes.insert(id, (index, outcome));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_outcome_is_forgotten_when_there_are_too_many() {
        let mut recent = Recent::default();
        for id in 0..=REMEMBERED as u128 {
            recent.remember(id, id as Index, Outcome::Done);
        }
        assert_eq!(recent.outcome(0), None);
        assert_eq!(recent.outcome(1), Some(&(1, Outcome::Done)));
        assert_eq!(recent.outcomes.len(), REMEMBERED);
    }
}
