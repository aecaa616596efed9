//! Views that are held, and what they depend on.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::sync::Arc;

use tribune_acl::Authorizer;
use tribune_derived::{Key, ServiceConfig, Value};
use tribune_state::{Changes, Key as TableKey, Snapshot, WatchSet};
use tribune_types::ServiceName;

use crate::compute::{Computation, Settings};
use crate::visible::visible;

/// Derived values that somebody asked for, kept up to date.
#[derive(Debug)]
pub struct Views {
    settings: Settings,
    snapshot: Snapshot,
    held: HashMap<Key, View>,
    /// Which views read a part of the tables.
    readers: HashMap<TableKey, BTreeSet<Key>>,
    /// Which views were made from another one.
    users: HashMap<Key, BTreeSet<Key>>,
}

/// A held view. It stays while it has a holder or a user.
#[derive(Debug)]
struct View {
    made: Made,
    /// How many asked for it.
    holders: usize,
    /// What others than those who see all may see of it, by their fingerprints.
    visible: Vec<(u64, Value)>,
}

/// A value and what it was made from.
#[derive(Debug)]
struct Made {
    value: Value,
    tables: BTreeSet<TableKey>,
    views: BTreeSet<Key>,
}

/// Views are recomputed by rank: one is made only from views of a lower rank.
fn ranked(key: &Key) -> (u8, Key) {
    let rank = match key {
        Key::ServiceConfig(_) => 0,
        Key::Proxy(_)
        | Key::Endpoints(_)
        | Key::Subset(_)
        | Key::Chain(_)
        | Key::Intentions(_)
        | Key::Roots
        | Key::Mesh => 1,
    };
    (rank, key.clone())
}

// === impl Views ===

impl Views {
    /// No views yet, of the tables as they are in `snapshot`.
    #[must_use]
    pub fn new(settings: Settings, snapshot: Snapshot) -> Self {
        Self {
            settings,
            snapshot,
            held: HashMap::new(),
            readers: HashMap::new(),
            users: HashMap::new(),
        }
    }

    /// The snapshot that every held value was made from.
    #[must_use]
    pub const fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// The value of a key, which from now on is kept up to date until it was released as often as held.
    pub fn hold(&mut self, key: &Key) -> Value {
        if !self.held.contains_key(key) {
            let mut fresh = Vec::new();
            let made = self.make(key, &mut fresh);
            fresh.push((key.clone(), made));
            self.insert(fresh);
        }
        let view = self
            .held
            .get_mut(key)
            .expect("a view that was not held was just inserted");
        view.holders += 1;
        view.made.value.clone()
    }

    /// Takes back one [`Views::hold`].
    pub fn release(&mut self, key: &Key) {
        if let Some(view) = self.held.get_mut(key) {
            view.holders = view.holders.saturating_sub(1);
            self.drop_unused(key);
        }
    }

    /// Whether nothing is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.held.is_empty() && self.readers.is_empty() && self.users.is_empty()
    }

    /// The value of a key that is held.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<&Value> {
        self.held.get(key).map(|view| &view.made.value)
    }

    /// What somebody may see of the value of a key that is held; computed once for all who may see the same.
    pub fn visible(&mut self, key: &Key, authorizer: &Authorizer) -> Option<Value> {
        let view = self.held.get_mut(key)?;
        if authorizer.sees_all() {
            return Some(view.made.value.clone());
        }
        let fingerprint = authorizer.fingerprint();
        if let Some((_, seen)) = view.visible.iter().find(|(of, _)| *of == fingerprint) {
            return Some(seen.clone());
        }
        let seen = visible(key, &view.made.value, authorizer);
        view.visible.push((fingerprint, seen.clone()));
        Some(seen)
    }

    /// Brings the held values from the last snapshot to the given one, of which `changes` tells everything
    /// that is different. Returns the held keys whose values changed, in order.
    pub fn update(&mut self, snapshot: &Snapshot, changes: &Changes) -> Vec<(Key, Value)> {
        self.snapshot = snapshot.clone();
        let readers = changes.keys.iter().filter_map(|key| self.readers.get(key));
        let mut stale: BTreeSet<_> = if changes.is_everything() {
            self.held.keys().map(ranked).collect()
        } else {
            readers.flatten().map(ranked).collect()
        };
        let mut changed = Vec::new();
        while let Some((_, key)) = stale.pop_first() {
            let Some(value) = self.refresh(&key) else {
                continue;
            };
            stale.extend(self.users.get(&key).into_iter().flatten().map(ranked));
            if self.held.get(&key).is_some_and(|view| view.holders > 0) {
                changed.push((key, value));
            }
        }
        changed.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        changed
    }

    /// Makes a view anew; its value, where it is not equal to the old one.
    fn refresh(&mut self, key: &Key) -> Option<Value> {
        if !self.held.contains_key(key) {
            return None;
        }
        let mut fresh = Vec::new();
        let mut made = self.make(key, &mut fresh);
        self.insert(fresh);
        let view = self.held.get_mut(key)?;
        let changed = made.value != view.made.value;
        if changed {
            view.visible.clear();
        } else {
            made.value = view.made.value.clone();
        }
        let value = made.value.clone();
        let old = std::mem::replace(&mut view.made, made);
        self.relink(key, &old);
        changed.then_some(value)
    }

    /// Makes a view, and in `fresh` those that it is made from and that are not held yet.
    fn make(&self, key: &Key, fresh: &mut Vec<(Key, Made)>) -> Made {
        let mut watch = WatchSet::new();
        let mut views = BTreeSet::new();
        let mut service_config = |service: &ServiceName, _: &mut WatchSet| -> Arc<ServiceConfig> {
            let key = Key::ServiceConfig(service.clone());
            let held = self.held.get(&key).map(|view| view.made.value.clone());
            let value = held.unwrap_or_else(|| {
                let made = self.make(&key, &mut Vec::new());
                let value = made.value.clone();
                fresh.push((key.clone(), made));
                value
            });
            views.insert(key);
            match value {
                Value::ServiceConfig(config) => config,
                _ => Arc::default(),
            }
        };
        let mut computation = Computation {
            settings: &self.settings,
            snapshot: &self.snapshot,
            watch: &mut watch,
            service_config: &mut service_config,
        };
        let value = computation.value(key);
        Made {
            value,
            tables: watch.into_iter().collect(),
            views,
        }
    }

    /// Holds views that were just made, those first that others are made from.
    fn insert(&mut self, fresh: Vec<(Key, Made)>) {
        for (key, made) in fresh {
            link(&mut self.readers, &made.tables, &key);
            link(&mut self.users, &made.views, &key);
            self.held.insert(
                key,
                View {
                    made,
                    holders: 0,
                    visible: Vec::new(),
                },
            );
        }
    }

    /// Makes the indexes say what a view is made from now, and no longer what it was made from before.
    fn relink(&mut self, key: &Key, old: &Made) {
        let Some(view) = self.held.get(key) else {
            return;
        };
        let new = &view.made;
        link(&mut self.readers, new.tables.difference(&old.tables), key);
        link(&mut self.users, new.views.difference(&old.views), key);
        let gone: Vec<_> = old.views.difference(&new.views).cloned().collect();
        unlink(&mut self.readers, old.tables.difference(&new.tables), key);
        unlink(&mut self.users, &gone, key);
        for view in &gone {
            self.drop_unused(view);
        }
    }

    /// Forgets a view that nobody holds and no other view is made from.
    fn drop_unused(&mut self, key: &Key) {
        let unheld = self.held.get(key).is_some_and(|view| view.holders == 0);
        if !unheld || self.users.contains_key(key) {
            return;
        }
        let Some(view) = self.held.remove(key) else {
            return;
        };
        unlink(&mut self.readers, &view.made.tables, key);
        unlink(&mut self.users, &view.made.views, key);
        for view in &view.made.views {
            self.drop_unused(view);
        }
    }
}

fn link<'a, K: Clone + Eq + Hash + 'a>(
    index: &mut HashMap<K, BTreeSet<Key>>,
    parts: impl IntoIterator<Item = &'a K>,
    view: &Key,
) {
    for part in parts {
        index.entry(part.clone()).or_default().insert(view.clone());
    }
}

fn unlink<'a, K: Clone + Eq + Hash + 'a>(
    index: &mut HashMap<K, BTreeSet<Key>>,
    parts: impl IntoIterator<Item = &'a K>,
    view: &Key,
) {
    for part in parts {
        if let Some(views) = index.get_mut(part) {
            views.remove(view);
            if views.is_empty() {
                index.remove(part);
            }
        }
    }
}
