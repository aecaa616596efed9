//! An ordered map whose clones cost nothing: a B+tree of shared nodes, copied only along the path of a
//! write and only where a clone still holds them.
//!
//! Keys are mostly text behind a pointer, and a comparison that follows it waits for memory. So a node
//! keeps eight bytes of each of its keys beside each other (see [`node`]) and looks at whole keys only
//! where those are equal. Library maps were measured first; `docs/performance.md` has the figures.

use std::fmt;
use std::sync::Arc;

mod iter;
mod key;
mod node;
#[cfg(test)]
mod tests;

pub use iter::Iter;
pub use key::MapKey;
use node::{Child, Node, Rows};

/// An ordered map with O(1) clones that share everything until one of them is written to.
///
/// Keys and values are cloned when a shared node is copied, so both should be cheap to clone.
pub struct Map<K, V> {
    root: Arc<Node<K, V>>,
    len: usize,
}

// === impl Map ===

impl<K, V> Map<K, V> {
    /// An empty map.
    #[must_use]
    pub fn new() -> Self {
        Self {
            root: Arc::default(),
            len: 0,
        }
    }

    /// How many entries it has.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether it has no entries.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// All entries in the order of their keys.
    #[must_use]
    pub fn iter(&self) -> Iter<'_, K, V> {
        Iter::all(&self.root)
    }

    /// All values in the order of their keys.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }
}

impl<K: MapKey, V> Map<K, V> {
    /// The value under `key`.
    #[must_use]
    pub fn get(&self, key: &K) -> Option<&V> {
        let mut node = &*self.root;
        loop {
            match &node.rows {
                Rows::Branch(children) => node = &children.get(node.child_of(key))?.1,
                Rows::Leaf(entries) => return Some(&entries.get(node.find(key).ok()?)?.1),
            }
        }
    }

    /// Whether there is a value under `key`.
    #[must_use]
    pub fn contains(&self, key: &K) -> bool {
        self.get(key).is_some()
    }

    /// The entries from `key` on, it included, in the order of their keys.
    #[must_use]
    pub fn range_from(&self, key: &K) -> Iter<'_, K, V> {
        Iter::from(&self.root, key)
    }
}

impl<K: MapKey, V: Clone> Map<K, V> {
    /// The value under `key`, to be changed in place.
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let mut node = &mut self.root;
        loop {
            let found = node.find(key);
            match &mut Arc::make_mut(node).rows {
                Rows::Branch(children) => node = &mut children.get_mut(node::child_at(found))?.1,
                Rows::Leaf(entries) => {
                    return Some(&mut entries.get_mut(found.ok()?)?.1);
                }
            }
        }
    }

    /// Puts `value` under `key` and returns what was there. An equal key is replaced too, for keys
    /// that are equal without being identical.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let (old, split) = Node::insert(&mut self.root, key, value);
        if let Some((bound, right)) = split {
            let left = std::mem::take(&mut self.root);
            // The bound of a first child is never looked at; it only has to be some key.
            self.root = Arc::new(Node::new(
                0,
                Rows::Branch(
                    [(bound.clone(), left), (bound, right)]
                        .into_iter()
                        .collect(),
                ),
            ));
        }
        self.len += usize::from(old.is_none());
        old
    }

    /// Takes out and returns the value under `key`.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        // Looked up first: a removal that finds nothing shall copy nothing.
        if !self.contains(key) {
            return None;
        }
        let old = Node::remove(&mut self.root, key);
        while let Rows::Branch(children) = &self.root.rows
            && let [(_, only)] = children.as_slice()
        {
            self.root = Arc::clone(only);
        }
        self.len -= usize::from(old.is_some());
        old
    }
}

impl<K, V> Clone for Map<K, V> {
    fn clone(&self) -> Self {
        Self {
            root: Arc::clone(&self.root),
            len: self.len,
        }
    }
}

impl<K, V> Default for Map<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for Map<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<K: MapKey, V: Clone> FromIterator<(K, V)> for Map<K, V> {
    fn from_iter<T: IntoIterator<Item = (K, V)>>(entries: T) -> Self {
        let mut map = Self::new();
        for (key, value) in entries {
            map.insert(key, value);
        }
        map
    }
}

impl<'a, K, V> IntoIterator for &'a Map<K, V> {
    type Item = (&'a K, &'a V);
    type IntoIter = Iter<'a, K, V>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
