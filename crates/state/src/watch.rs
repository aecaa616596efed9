//! What a read depended on and what a write touched, in the same words.

use std::collections::BTreeSet;

use tribune_types::config_entry::{self, Kind};
use tribune_types::{Index, InstanceName, NodeName, PeeredServiceName, ServiceName, Status};

use crate::tables::NameKind;

/// A part of the tables that a read can depend on.
///
/// A key stands for content, not for an index: a write that moves a table's index without changing what
/// a read of it says leaves the read's key alone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// Any node.
    Nodes,
    /// A node's own row.
    Node(NodeName),
    /// A node's own row and its services.
    NodeServices(NodeName),
    /// The service names of this cluster and their tags.
    Services,
    /// The service names of a kind.
    NamesOfKind(NameKind),
    /// The instances of a service, with their nodes and checks.
    Service(PeeredServiceName),
    /// The instances that take mesh traffic for a service (its proxies and its native instances), with
    /// their nodes and checks.
    Connect(PeeredServiceName),
    /// One instance's own row.
    Instance(InstanceName),
    /// The checks on a node, those of its services included.
    Checks(NodeName),
    /// The checks of a service's instances.
    ChecksOfService(PeeredServiceName),
    /// The checks of this cluster that say this.
    ChecksInState(Status),
    /// Any check of this cluster.
    AllChecks,
    /// One config entry.
    ConfigEntry(config_entry::Key),
    /// Any config entry of a kind.
    ConfigKind(Kind),
    /// Any config entry.
    ConfigEntries,
    /// The intentions about a destination; `*` for those about every destination.
    Intentions(ServiceName),
    /// The intentions of a source; `*` for those of every source.
    IntentionsFrom(ServiceName),
    /// The root certificates.
    CaRoots,
    /// The configuration of the certificate authority.
    CaConfiguration,
    /// The settings of autopilot.
    AutopilotConfiguration,
    /// The virtual addresses of a service.
    VirtualIps(PeeredServiceName),
}

/// What a command changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Index of the last command that is part of it.
    pub index: Index,
    /// The keys touched, in order and each once. Where everything changed, they are not told.
    pub keys: Vec<Key>,
    everything: bool,
}

impl Changes {
    pub(crate) fn new(index: Index, mut keys: Vec<Key>) -> Self {
        keys.sort_unstable();
        keys.dedup();
        Self {
            index,
            keys,
            everything: false,
        }
    }

    /// Tables that were restored, so that anything may have changed.
    #[must_use]
    pub const fn everything(index: Index) -> Self {
        Self {
            index,
            keys: Vec::new(),
            everything: true,
        }
    }

    /// Whether anything may have changed, whatever the keys are.
    #[must_use]
    pub const fn is_everything(&self) -> bool {
        self.everything
    }

    /// Whether `key` was touched.
    #[must_use]
    pub fn contains(&self, key: &Key) -> bool {
        self.everything || self.keys.binary_search(key).is_ok()
    }

    /// These changes and later ones as if one command had made them.
    #[must_use]
    pub fn and(mut self, later: Self) -> Self {
        if self.everything || later.everything {
            return Self::everything(later.index);
        }
        if self.keys.is_empty() {
            return later;
        }
        self.keys.extend(later.keys);
        Self::new(later.index, self.keys)
    }
}

/// Records what reads depended on, so that whoever made them can wait for a change.
#[derive(Clone, Debug)]
pub struct WatchSet {
    keys: Option<BTreeSet<Key>>,
}

impl WatchSet {
    /// A set that records.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            keys: Some(BTreeSet::new()),
        }
    }

    /// A set that records nothing, for whoever does not want to wait.
    #[must_use]
    pub const fn ignore() -> Self {
        Self { keys: None }
    }

    /// The keys recorded, in order.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        self.keys.iter().flatten()
    }

    /// Whether a write changed what was read.
    #[must_use]
    pub fn is_touched_by(&self, changes: &Changes) -> bool {
        let Some(keys) = &self.keys else { return false };
        if changes.everything {
            return !keys.is_empty();
        }
        if keys.len() < changes.keys.len() {
            keys.iter().any(|key| changes.contains(key))
        } else {
            changes.keys.iter().any(|key| keys.contains(key))
        }
    }

    /// Records a key.
    pub(crate) fn record(&mut self, key: impl FnOnce() -> Key) {
        if let Some(keys) = &mut self.keys {
            keys.insert(key());
        }
    }
}

impl Default for WatchSet {
    fn default() -> Self {
        Self::new()
    }
}

impl IntoIterator for WatchSet {
    type Item = Key;
    type IntoIter = std::iter::Flatten<std::option::IntoIter<BTreeSet<Key>>>;

    fn into_iter(self) -> Self::IntoIter {
        self.keys.into_iter().flatten()
    }
}
