//! The config entries of a snapshot, as the chain compiler and its check ask for them.

use std::sync::Arc;

use tribune_chain::Entries;
use tribune_state::{Snapshot, WatchSet};
use tribune_types::config_entry::{Entry, Key, Kind};

/// The config entries of a snapshot: what [`tribune_chain::compile`] and [`tribune_chain::check`] look into.
#[derive(Debug)]
pub struct StoredEntries<'a> {
    snapshot: &'a Snapshot,
    watch: &'a mut WatchSet,
}

impl<'a> StoredEntries<'a> {
    /// The entries of `snapshot`; what is looked up is recorded in `watch`.
    pub const fn new(snapshot: &'a Snapshot, watch: &'a mut WatchSet) -> Self {
        Self { snapshot, watch }
    }
}

impl Entries for StoredEntries<'_> {
    fn entry(&mut self, key: &Key) -> Option<Arc<Entry>> {
        self.snapshot
            .config_entry(key, self.watch)
            .value
            .map(|stored| stored.entry)
    }

    fn of_kind(&mut self, kind: Kind) -> Vec<Arc<Entry>> {
        let stored = self.snapshot.config_entries(Some(kind), self.watch).value;
        stored.into_iter().map(|stored| stored.entry).collect()
    }
}
