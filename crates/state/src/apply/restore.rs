//! Other tables in the place of these.

use super::Writer;
use crate::codec::Restore;
use crate::command::{ApplyError, Outcome, RestorePart};
use crate::tables::Staged;

impl Writer<'_> {
    pub(super) fn restore(&mut self, part: RestorePart) -> Result<Outcome, ApplyError> {
        let staged = &mut self.tables.staged;
        if part.offset == 0 {
            *staged = Staged {
                id: part.id,
                ..Staged::default()
            };
        }
        if part.id != staged.id || part.offset != staged.length {
            return Err(ApplyError::RestoreOutOfOrder {
                offset: part.offset,
                staged: if part.id == staged.id {
                    staged.length
                } else {
                    0
                },
            });
        }
        staged.length = staged.length.saturating_add(part.bytes.len() as u64);
        staged.parts.insert(part.offset, part.bytes.into());
        if part.last {
            self.put_staged()?;
        }
        Ok(Outcome::Done)
    }

    /// Puts the tables that have come in the place of these. Which requests were applied lately is about this log,
    /// so that stays.
    fn put_staged(&mut self) -> Result<(), ApplyError> {
        let wrong = |error: crate::DecodeError| ApplyError::NotRestorable {
            reason: error.to_string(),
        };
        let mut restore = Restore::new();
        for part in self.tables.staged.parts.values() {
            restore.push(part).map_err(wrong)?;
        }
        let mut tables = restore.finish_at(self.index).map_err(wrong)?.tables;
        tables.recent = std::mem::take(&mut self.tables.recent);
        *self.tables = tables;
        self.restored = true;
        Ok(())
    }
}
