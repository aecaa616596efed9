//! Config entries, intentions and the certificate authority.

use std::sync::Arc;

use tribune_types::autopilot;
use tribune_types::config_entry::{self, Kind};
use tribune_types::connect::{CaConfiguration, CaRoot};
use tribune_types::names::WILDCARD;
use tribune_types::{Index, ServiceName};

use super::{Indexed, Snapshot};
use crate::tables::Stored;
use crate::watch::{Key, WatchSet};

impl Snapshot {
    /// Index of the config entries: what a write that was checked against this snapshot carries.
    #[must_use]
    pub fn config_index(&self) -> Index {
        self.tables.config.index
    }

    /// One config entry.
    pub fn config_entry(
        &self,
        key: &config_entry::Key,
        watch: &mut WatchSet,
    ) -> Indexed<Option<Stored>> {
        watch.record(|| Key::ConfigEntry(key.clone()));
        Indexed {
            index: self.tables.config.index,
            value: self.tables.config.rows.get(key).cloned(),
        }
    }

    /// The config entries of a kind, or all of them, by kind and name.
    pub fn config_entries(&self, kind: Option<Kind>, watch: &mut WatchSet) -> Indexed<Vec<Stored>> {
        let rows = &self.tables.config.rows;
        let value = match kind {
            None => {
                watch.record(|| Key::ConfigEntries);
                rows.values().cloned().collect()
            }
            Some(kind) => {
                watch.record(|| Key::ConfigKind(kind));
                let first = config_entry::Key {
                    kind,
                    name: ServiceName::default(),
                };
                let rows = rows
                    .range_from(&first)
                    .take_while(|(key, _)| key.kind == kind);
                rows.map(|(_, stored)| stored.clone()).collect()
            }
        };
        Indexed {
            index: self.tables.config.index,
            value,
        }
    }

    /// The `service-intentions` entries that say something about a destination: its own, then the one
    /// about every destination.
    pub fn intentions_for(
        &self,
        destination: &ServiceName,
        watch: &mut WatchSet,
    ) -> Indexed<Vec<Stored>> {
        let names = and_wildcard(destination);
        let value = names.filter_map(|name| {
            watch.record(|| Key::Intentions(name.clone()));
            self.tables
                .config
                .rows
                .get(&config_entry::Key {
                    kind: Kind::ServiceIntentions,
                    name,
                })
                .cloned()
        });
        Indexed {
            value: value.collect(),
            index: self.tables.config.index,
        }
    }

    /// The `service-intentions` entries with a source of that name or of every name, by destination.
    pub fn intentions_from(
        &self,
        source: &ServiceName,
        watch: &mut WatchSet,
    ) -> Indexed<Vec<Stored>> {
        let mut destinations = std::collections::BTreeSet::new();
        for name in and_wildcard(source) {
            watch.record(|| Key::IntentionsFrom(name.clone()));
            let rows = self
                .tables
                .config
                .sources
                .range_from(&(name.clone(), ServiceName::default()));
            destinations.extend(
                rows.take_while(|(pair, ())| pair.0 == name)
                    .map(|(pair, ())| pair.1.clone()),
            );
        }
        let key = |name| config_entry::Key {
            kind: Kind::ServiceIntentions,
            name,
        };
        let value = destinations
            .into_iter()
            .filter_map(|name| self.tables.config.rows.get(&key(name)).cloned());
        Indexed {
            value: value.collect(),
            index: self.tables.config.index,
        }
    }

    /// The root certificates, the active one among them.
    pub fn ca_roots(&self, watch: &mut WatchSet) -> Indexed<Arc<[Arc<CaRoot>]>> {
        watch.record(|| Key::CaRoots);
        Indexed {
            index: self.tables.ca.roots_index,
            value: Arc::clone(&self.tables.ca.roots),
        }
    }

    /// The configuration of the certificate authority.
    pub fn ca_configuration(&self, watch: &mut WatchSet) -> Indexed<Option<Arc<CaConfiguration>>> {
        watch.record(|| Key::CaConfiguration);
        let value = self.tables.ca.configuration.clone();
        Indexed {
            index: value
                .as_ref()
                .map_or(0, |configuration| configuration.modify_index),
            value,
        }
    }

    /// The settings of autopilot, once a leader has written some.
    pub fn autopilot_configuration(
        &self,
        watch: &mut WatchSet,
    ) -> Indexed<Option<Arc<autopilot::Configuration>>> {
        watch.record(|| Key::AutopilotConfiguration);
        let value = self.tables.autopilot.clone();
        Indexed {
            index: value
                .as_ref()
                .map_or(0, |configuration| configuration.modify_index),
            value,
        }
    }
}

/// A name, then the one that stands for all of its partition and namespace.
fn and_wildcard(name: &ServiceName) -> impl Iterator<Item = ServiceName> + use<> {
    let all = ServiceName {
        name: WILDCARD.into(),
        tenancy: name.tenancy.clone(),
    };
    let itself = (!name.name.is_wildcard()).then(|| name.clone());
    itself.into_iter().chain([all])
}
