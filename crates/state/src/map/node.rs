//! Nodes of a map.
//!
//! All keys that can ever come below a node share the `skip` bytes that the bounds left and right of it
//! share. Of what follows, `heads` holds eight bytes of each key: a search counts how many of them are
//! smaller, and compares whole keys only among those that are equal.

use std::sync::Arc;

use arrayvec::ArrayVec;

use super::MapKey;

/// Most rows of a node. More makes reads faster and copies dearer.
pub(super) const MAX: usize = 12;

/// A node with fewer rows than this is joined with a neighbour where both fit into [`JOINED`].
const MIN: usize = MAX / 4;

/// Size that two joined nodes may have: below [`MAX`], so that the next insertion does not split them again.
const JOINED: usize = MAX * 3 / 4;

/// One node, in the order of its keys.
#[derive(Clone)]
pub(super) struct Node<K, V> {
    heads: [u64; MAX + 1],
    skip: usize,
    pub(super) rows: Rows<K, V>,
}

/// What a node holds.
#[derive(Clone)]
pub(super) enum Rows<K, V> {
    Leaf(Few<(K, V)>),
    Branch(Few<Child<K, V>>),
}

/// The rows of a node, and room for one more before it is split.
pub(super) type Few<T> = ArrayVec<T, { MAX + 1 }>;

/// A node below another, by a lower bound of its keys. The first one's bound is not looked at: it takes
/// all smaller keys.
pub(super) type Child<K, V> = (K, Arc<Node<K, V>>);

impl<K, V> Node<K, V> {
    pub(super) fn len(&self) -> usize {
        match &self.rows {
            Rows::Leaf(entries) => entries.len(),
            Rows::Branch(children) => children.len(),
        }
    }

    fn key(&self, at: usize) -> Option<&K> {
        match &self.rows {
            Rows::Leaf(entries) => entries.get(at).map(|entry| &entry.0),
            Rows::Branch(children) => children.get(at).map(|child| &child.0),
        }
    }
}

impl<K: MapKey, V> Node<K, V> {
    /// A node of rows whose possible keys share their first `skip` bytes.
    pub(super) fn new(skip: usize, rows: Rows<K, V>) -> Self {
        let mut node = Self {
            heads: [0; MAX + 1],
            skip,
            rows,
        };
        node.set_skip(skip);
        node
    }

    fn set_skip(&mut self, skip: usize) {
        self.skip = skip;
        for at in 0..self.len() {
            self.heads[at] = self.key(at).map_or(0, |key| key.head(skip));
        }
    }

    /// Where a key is, or where it would have to be.
    pub(super) fn find(&self, key: &K) -> Result<usize, usize> {
        let head = key.head(self.skip);
        let heads = &self.heads[..self.len()];
        let mut from = heads.iter().filter(|other| **other < head).count();
        let mut to = heads.iter().filter(|other| **other <= head).count();
        while from < to {
            let middle = from.midpoint(to);
            match self
                .key(middle)
                .map_or(std::cmp::Ordering::Equal, |other| other.cmp(key))
            {
                std::cmp::Ordering::Less => from = middle + 1,
                std::cmp::Ordering::Equal => return Ok(middle),
                std::cmp::Ordering::Greater => to = middle,
            }
        }
        Err(from)
    }

    /// Position of the child that has `key`, if any has.
    pub(super) fn child_of(&self, key: &K) -> usize {
        child_at(self.find(key))
    }

    /// Puts the head of a row that is about to be inserted at `at`.
    fn insert_head(&mut self, at: usize, head: u64) {
        self.heads.copy_within(at..MAX, at + 1);
        self.heads[at] = head;
    }

    fn remove_head(&mut self, at: usize) {
        self.heads.copy_within(at + 1.., at);
    }
}

impl<K: MapKey, V: Clone> Node<K, V> {
    /// Puts a value below a node, and gives what was there and what the node had to split off.
    pub(super) fn insert(
        node: &mut Arc<Self>,
        key: K,
        value: V,
    ) -> (Option<V>, Option<Child<K, V>>) {
        let found = node.find(&key);
        let node = Arc::make_mut(node);
        match (&mut node.rows, found) {
            (Rows::Leaf(entries), Ok(at)) => {
                let old = std::mem::replace(&mut entries[at], (key, value));
                (Some(old.1), None)
            }
            (Rows::Leaf(_), Err(at)) => {
                node.insert_head(at, key.head(node.skip));
                if let Rows::Leaf(entries) = &mut node.rows {
                    entries.insert(at, (key, value));
                }
                (None, node.split(at))
            }
            (Rows::Branch(children), found) => {
                let at = child_at(found);
                let (old, upper) = Self::insert(&mut children[at].1, key, value);
                let Some(upper) = upper else {
                    return (old, None);
                };
                let head = upper.0.head(node.skip);
                node.insert_head(at + 1, head);
                if let Rows::Branch(children) = &mut node.rows {
                    // The first child of all has some bound or other; it only must not be above the next one's.
                    if at == 0 && upper.0 < children[0].0 {
                        children[0].0 = upper.0.clone();
                        node.heads[0] = head;
                    }
                    children.insert(at + 1, upper);
                    sharpen(children, at);
                    sharpen(children, at + 1);
                }
                (old, node.split(at + 1))
            }
        }
    }

    /// Splits off the upper part of what has grown too large by an insertion at `at`.
    fn split(&mut self, at: usize) -> Option<Child<K, V>> {
        let len = self.len();
        if len <= MAX {
            return None;
        }
        // Keys that arrive in order leave full nodes behind.
        let middle = if at + 1 == len { at } else { len / 2 };
        let rows = match &mut self.rows {
            Rows::Leaf(entries) => Rows::Leaf(upper(entries, middle)),
            Rows::Branch(children) => Rows::Branch(upper(children, middle)),
        };
        let upper = Self::new(self.skip, rows);
        let bound = upper.key(0)?.clone();
        Some((bound, Arc::new(upper)))
    }

    /// Takes a value out from below a node.
    pub(super) fn remove(node: &mut Arc<Self>, key: &K) -> Option<V> {
        let found = node.find(key);
        let node = Arc::make_mut(node);
        match (&mut node.rows, found) {
            (Rows::Leaf(entries), found) => {
                let at = found.ok()?;
                let old = entries.remove(at);
                node.remove_head(at);
                Some(old.1)
            }
            (Rows::Branch(children), found) => {
                let at = child_at(found);
                let child = &mut children.get_mut(at)?.1;
                let old = Self::remove(child, key);
                if child.len() < MIN
                    && let Some(gone) = join(children, at)
                {
                    node.remove_head(gone);
                }
                old
            }
        }
    }
}

/// Position of the child that has a key, from where the key is among the bounds.
pub(super) const fn child_at(found: Result<usize, usize>) -> usize {
    match found {
        Ok(at) => at,
        Err(at) => at.saturating_sub(1),
    }
}

fn upper<T>(rows: &mut Few<T>, middle: usize) -> Few<T> {
    rows.drain(middle..).collect()
}

/// Has a child skip what its bounds share. Those of the first and the last child are not known here.
fn sharpen<K: MapKey, V: Clone>(children: &mut [Child<K, V>], at: usize) {
    let Some([(bound, child), (next, _)]) = children.get_mut(at..at + 2) else {
        return;
    };
    let skip = bound.shared(next);
    if at > 0 && skip > child.skip {
        Arc::make_mut(child).set_skip(skip);
    }
}

/// Joins the child at `at`, which has become small, with a neighbour where that is not too large. Gives
/// the position of the one that is no more.
fn join<K: MapKey, V: Clone>(children: &mut Few<Child<K, V>>, at: usize) -> Option<usize> {
    let fits = |left: usize| {
        let [(_, one), (_, other)] = children.get(left..left + 2)? else {
            return None;
        };
        (one.len() + other.len() <= JOINED).then_some(left)
    };
    let left = fits(at).or_else(|| at.checked_sub(1).and_then(fits))?;
    let (_, right) = children.remove(left + 1);
    let right = Arc::unwrap_or_clone(right);
    let joined = Arc::make_mut(&mut children.get_mut(left)?.1);
    match (&mut joined.rows, right.rows) {
        (Rows::Leaf(entries), Rows::Leaf(more)) => entries.extend(more),
        (Rows::Branch(inner), Rows::Branch(more)) => inner.extend(more),
        // Children of one branch are of one height, so of one kind.
        (Rows::Leaf(_), Rows::Branch(_)) | (Rows::Branch(_), Rows::Leaf(_)) => {}
    }
    // Both ranges begin with what the bound between them begins with, as far as each of them goes.
    joined.set_skip(joined.skip.min(right.skip));
    Some(left + 1)
}

impl<K, V> Default for Node<K, V> {
    fn default() -> Self {
        Self {
            heads: [0; MAX + 1],
            skip: 0,
            rows: Rows::Leaf(Few::new()),
        }
    }
}
