//! Config entries. What they mean together was checked by whoever proposed the write, against the index
//! that the command carries.

use std::sync::Arc;

use tribune_types::config_entry::{Entry, Key as EntryKey, Kind};
use tribune_types::{Index, ServiceName};

use super::{Writer, cas_holds};
use crate::command::{ApplyError, Outcome};
use crate::tables::Stored;
use crate::watch::Key;

/// Kinds whose entries give the service they are named after a virtual address.
const WITH_ADDRESS: [Kind; 5] = [
    Kind::ServiceDefaults,
    Kind::ServiceIntentions,
    Kind::ServiceResolver,
    Kind::ServiceRouter,
    Kind::ServiceSplitter,
];

impl Writer<'_> {
    pub(super) fn put_config_entry(
        &mut self,
        entry: Arc<Entry>,
        cas: Option<Index>,
        checked_at: Option<Index>,
    ) -> Result<Outcome, ApplyError> {
        let key = entry.key();
        let done = cas.map_or(Outcome::Done, |_| Outcome::Cas(true));
        let stored = self.tables.config.rows.get(&key).cloned();
        if stored.as_ref().is_some_and(|stored| stored.entry == entry) {
            return Ok(done);
        }
        if !cas_holds(cas, stored.as_ref().map(|stored| stored.modify_index)) {
            return Ok(Outcome::Cas(false));
        }
        self.check_is_current(checked_at)?;
        if WITH_ADDRESS.contains(&key.kind) && !key.name.name.contains('*') {
            self.assign_virtual_ip(&key.name.clone().into())?;
        }
        if let Some(stored) = &stored {
            self.forget_sources(&stored.entry);
        }
        self.remember_sources(&entry);
        let create_index = stored.map_or(self.index, |stored| stored.create_index);
        self.tables.config.rows.insert(
            key.clone(),
            Stored {
                entry,
                create_index,
                modify_index: self.index,
            },
        );
        self.touch_config(key);
        Ok(done)
    }

    pub(super) fn delete_config_entry(
        &mut self,
        key: &EntryKey,
        cas: Option<Index>,
        checked_at: Option<Index>,
    ) -> Result<Outcome, ApplyError> {
        let done = cas.map_or(Outcome::Done, |_| Outcome::Cas(true));
        let Some(stored) = self.tables.config.rows.get(key).cloned() else {
            return Ok(done);
        };
        if cas.is_some_and(|cas| cas != stored.modify_index) {
            return Ok(Outcome::Cas(false));
        }
        self.check_is_current(checked_at)?;
        self.forget_sources(&stored.entry);
        self.tables.config.rows.remove(key);
        self.touch_config(key.clone());
        if WITH_ADDRESS.contains(&key.kind) {
            self.free_virtual_ip(&key.name.clone().into());
        }
        Ok(done)
    }

    /// Whether a config entry is left for which the service has a virtual address.
    pub(super) fn has_config_entry_with_address(&self, service: &ServiceName) -> bool {
        WITH_ADDRESS.into_iter().any(|kind| {
            let key = EntryKey {
                kind,
                name: service.clone(),
            };
            self.tables.config.rows.contains(&key)
        })
    }

    const fn check_is_current(&self, checked_at: Option<Index>) -> Result<(), ApplyError> {
        match checked_at {
            Some(checked_at) if checked_at != self.tables.config.index => Err(ApplyError::Stale {
                checked_at,
                index: self.tables.config.index,
            }),
            _ => Ok(()),
        }
    }

    fn touch_config(&mut self, key: EntryKey) {
        self.tables.config.index = self.index;
        self.touch(Key::ConfigEntries);
        self.touch(Key::ConfigKind(key.kind));
        if key.kind == Kind::ServiceIntentions {
            self.touch(Key::Intentions(key.name.clone()));
        }
        self.touch(Key::ConfigEntry(key));
    }

    fn remember_sources(&mut self, entry: &Entry) {
        for pair in sources(entry) {
            self.touch(Key::IntentionsFrom(pair.0.clone()));
            self.tables.config.sources.insert(pair, ());
        }
    }

    fn forget_sources(&mut self, entry: &Entry) {
        for pair in sources(entry) {
            self.touch(Key::IntentionsFrom(pair.0.clone()));
            self.tables.config.sources.remove(&pair);
        }
    }
}

/// The sources in this cluster that an entry is about, each with the entry's destination.
pub(crate) fn sources(entry: &Entry) -> impl Iterator<Item = (ServiceName, ServiceName)> {
    let (destination, sources) = match entry {
        Entry::ServiceIntentions(intentions) => (entry.key().name, intentions.sources.as_slice()),
        _ => (ServiceName::default(), [].as_slice()),
    };
    let local = sources.iter().filter(|source| source.peer.is_empty());
    local.map(move |source| (source.source.clone(), destination.clone()))
}
