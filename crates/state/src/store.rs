//! The owner of the tables.

use std::sync::Arc;

use tribune_types::Index;

use crate::apply::Writer;
use crate::command::{ApplyError, Command, Operation, Outcome};
use crate::snapshot::Snapshot;
use crate::tables::Tables;
use crate::watch::Changes;

/// The tables, changed by commands alone. There is one owner; everybody else holds snapshots.
#[derive(Debug, Default)]
pub struct Store {
    pub(crate) tables: Tables,
}

/// What a command did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The index it was applied at: an earlier one where its request had been applied before.
    pub index: Index,
    /// What came of it.
    pub outcome: Outcome,
    /// What it changed. Nothing where it was refused, or where the tables said so already.
    pub changes: Changes,
}

impl Store {
    /// Empty tables.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Index of the last command applied.
    #[must_use]
    pub const fn index(&self) -> Index {
        self.tables.index
    }

    /// Applies a command at `index`, which must be above all indexes before it.
    ///
    /// A command whose request was applied already has the outcome that it had then and changes nothing.
    pub fn apply(&mut self, index: Index, command: Command) -> Applied {
        let unchanged = |index, outcome| Applied {
            index,
            outcome,
            changes: Changes::new(index, Vec::new()),
        };
        if index <= self.tables.index {
            let error = ApplyError::OutOfOrder {
                index,
                applied: self.tables.index,
            };
            return unchanged(index, Outcome::Refused(error));
        }
        if let Some(&(first, ref outcome)) = command
            .request_id
            .and_then(|id| self.tables.recent.outcome(id))
        {
            self.tables.index = index;
            return Applied {
                index: first,
                ..unchanged(index, outcome.clone())
            };
        }
        // Where the command turns out to be impossible half-way, these are put back.
        let before = self.tables.clone();
        let mut writer = Writer::new(&mut self.tables, index);
        let outcome = writer
            .operation(command.operation)
            .unwrap_or_else(Outcome::Refused);
        let changes = writer.into_changes();
        let changes = if outcome.is_done() {
            changes
        } else {
            self.tables = before;
            Changes::new(index, Vec::new())
        };
        self.tables.index = index;
        if let Some(id) = command.request_id {
            self.tables.recent.remember(id, index, outcome.clone());
        }
        Applied {
            index,
            outcome,
            changes,
        }
    }

    /// Index and outcome of the recent command that carried this request ID.
    #[must_use]
    pub fn outcome(&self, request_id: u128) -> Option<(Index, Outcome)> {
        self.tables.recent.outcome(request_id).cloned()
    }

    /// The tables as they are now.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::new(Arc::new(self.tables.clone()))
    }
}

impl Command {
    /// A command that is recognised when it is proposed again.
    #[must_use]
    pub const fn with_id(request_id: u128, operation: Operation) -> Self {
        Self {
            request_id: Some(request_id),
            operation,
        }
    }
}
