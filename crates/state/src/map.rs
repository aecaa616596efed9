//! An ordered map whose clones cost nothing: a B+tree of shared nodes, copied only along the path of a
//! write and only where a clone still holds them.
//!
//! Library maps were measured first (`benches/benches/state.rs`); `docs/performance.md` has the figures.

use std::fmt;
use std::sync::Arc;

mod iter;
#[cfg(test)]
mod tests;

pub use iter::Iter;

/// Most entries of a leaf and most children of a branch. More makes reads faster and copies dearer.
const MAX: usize = 32;

/// A node with fewer than this is joined with a neighbour where both fit into [`JOINED`].
const MIN: usize = MAX / 4;

/// Size that two joined nodes may have: below [`MAX`], so that the next insertion does not split them again.
const JOINED: usize = MAX * 3 / 4;

/// An ordered map with O(1) clones that share everything until one of them is written to.
///
/// Keys and values are cloned when a shared node is copied, so both should be cheap to clone.
pub struct Map<K, V> {
    root: Arc<Node<K, V>>,
    len: usize,
}

enum Node<K, V> {
    Leaf(Vec<(K, V)>),
    Branch(Vec<Child<K, V>>),
}

/// A node below another, by a lower bound of its keys. The first one's bound is ignored: it takes all
/// smaller keys.
type Child<K, V> = (K, Arc<Node<K, V>>);

/// The upper half of a node that became too large.
type Split<K, V> = Option<Child<K, V>>;

// === impl Map ===

impl<K, V> Map<K, V> {
    /// An empty map.
    #[must_use]
    pub fn new() -> Self {
        Self {
            root: Arc::new(Node::Leaf(Vec::new())),
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

impl<K: Ord, V> Map<K, V> {
    /// The value under `key`.
    #[must_use]
    pub fn get(&self, key: &K) -> Option<&V> {
        let mut node = &*self.root;
        loop {
            match node {
                Node::Branch(children) => node = &children.get(child_of(children, key))?.1,
                Node::Leaf(entries) => {
                    let at = entries.binary_search_by(|entry| entry.0.cmp(key)).ok()?;
                    return Some(&entries.get(at)?.1);
                }
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

impl<K: Ord + Clone, V: Clone> Map<K, V> {
    /// The value under `key`, to be changed in place.
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let mut node = &mut self.root;
        loop {
            match Arc::make_mut(node) {
                Node::Branch(children) => {
                    let at = child_of(children, key);
                    node = &mut children.get_mut(at)?.1;
                }
                Node::Leaf(entries) => {
                    let at = entries.binary_search_by(|entry| entry.0.cmp(key)).ok()?;
                    return Some(&mut entries.get_mut(at)?.1);
                }
            }
        }
    }

    /// Puts `value` under `key` and returns what was there. An equal key is replaced too, for keys
    /// that are equal without being identical.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let (old, split) = insert(&mut self.root, key, value);
        if let Some((bound, right)) = split {
            let left = std::mem::replace(&mut self.root, Arc::new(Node::Leaf(Vec::new())));
            // The bound of a first child is never looked at; it only has to be some key.
            self.root = Arc::new(Node::Branch(vec![(bound.clone(), left), (bound, right)]));
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
        let old = remove(&mut self.root, key);
        while let Node::Branch(children) = &*self.root
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

impl<K: Ord + Clone, V: Clone> FromIterator<(K, V)> for Map<K, V> {
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

// === impl Node ===

impl<K, V> Node<K, V> {
    const fn len(&self) -> usize {
        match self {
            Self::Leaf(entries) => entries.len(),
            Self::Branch(children) => children.len(),
        }
    }
}

impl<K: Clone, V: Clone> Clone for Node<K, V> {
    /// Copies with room to grow: a node is copied because it is about to be written to.
    fn clone(&self) -> Self {
        match self {
            Self::Leaf(entries) => Self::Leaf(copy(entries)),
            Self::Branch(children) => Self::Branch(copy(children)),
        }
    }
}

fn copy<T: Clone>(items: &[T]) -> Vec<T> {
    let mut copied = Vec::with_capacity(MAX + 1);
    copied.extend_from_slice(items);
    copied
}

/// Position of the child that has `key`, if any has.
fn child_of<K: Ord, V>(children: &[Child<K, V>], key: &K) -> usize {
    children
        .partition_point(|child| child.0 <= *key)
        .saturating_sub(1)
}

fn insert<K: Ord + Clone, V: Clone>(
    node: &mut Arc<Node<K, V>>,
    key: K,
    value: V,
) -> (Option<V>, Split<K, V>) {
    match Arc::make_mut(node) {
        Node::Leaf(entries) => match entries.binary_search_by(|entry| entry.0.cmp(&key)) {
            Ok(at) => (
                Some(std::mem::replace(&mut entries[at], (key, value)).1),
                None,
            ),
            Err(at) => {
                entries.insert(at, (key, value));
                (
                    None,
                    split_off(entries, at).and_then(|upper| child(upper, Node::Leaf)),
                )
            }
        },
        Node::Branch(children) => {
            let at = child_of(children, &key);
            let (old, upper) = insert(&mut children[at].1, key, value);
            let Some(upper) = upper else {
                return (old, None);
            };
            children.insert(at + 1, upper);
            (
                old,
                split_off(children, at + 1).and_then(|upper| child(upper, Node::Branch)),
            )
        }
    }
}

/// Splits off the upper part of what has grown too large by an insertion at `at`.
fn split_off<K, T>(items: &mut Vec<(K, T)>, at: usize) -> Option<Vec<(K, T)>> {
    if items.len() <= MAX {
        return None;
    }
    // Keys that arrive in order leave full nodes behind.
    let middle = if at + 1 == items.len() {
        at
    } else {
        items.len() / 2
    };
    let mut upper = Vec::with_capacity(MAX + 1);
    upper.extend(items.drain(middle..));
    Some(upper)
}

/// A child made of the upper half of a node.
fn child<K: Clone, V, T>(
    items: Vec<(K, T)>,
    node: impl FnOnce(Vec<(K, T)>) -> Node<K, V>,
) -> Split<K, V> {
    let bound = items.first()?.0.clone();
    Some((bound, Arc::new(node(items))))
}

fn remove<K: Ord + Clone, V: Clone>(node: &mut Arc<Node<K, V>>, key: &K) -> Option<V> {
    match Arc::make_mut(node) {
        Node::Leaf(entries) => {
            let at = entries.binary_search_by(|entry| entry.0.cmp(key)).ok()?;
            Some(entries.remove(at).1)
        }
        Node::Branch(children) => {
            let at = child_of(children, key);
            let old = remove(&mut children.get_mut(at)?.1, key);
            if children[at].1.len() < MIN {
                join(children, at);
            }
            old
        }
    }
}

/// Joins the child at `at`, which has become small, with a neighbour where that is not too large.
fn join<K: Clone, V: Clone>(children: &mut Vec<Child<K, V>>, at: usize) {
    let fits = |left: usize| {
        let pair = children.get(left..left + 2)?;
        (pair[0].1.len() + pair[1].1.len() <= JOINED).then_some(left)
    };
    let Some(left) = fits(at).or_else(|| at.checked_sub(1).and_then(fits)) else {
        return;
    };
    let (_, right) = children.remove(left + 1);
    match (
        Arc::make_mut(&mut children[left].1),
        Arc::unwrap_or_clone(right),
    ) {
        (Node::Leaf(entries), Node::Leaf(more)) => entries.extend(more),
        (Node::Branch(inner), Node::Branch(more)) => inner.extend(more),
        // Children of one branch are of one height, so of one kind.
        (Node::Leaf(_), Node::Branch(_)) | (Node::Branch(_), Node::Leaf(_)) => {}
    }
}
