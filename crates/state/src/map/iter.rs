//! Walking a map in the order of its keys.

use std::slice;

use super::{Child, MapKey, Node, Rows};

/// The entries of a map, or those from a key on, in the order of their keys.
pub struct Iter<'a, K, V> {
    /// What is left of the branches above the leaf, outermost first.
    above: Vec<slice::Iter<'a, Child<K, V>>>,
    leaf: slice::Iter<'a, (K, V)>,
}

impl<'a, K, V> Iter<'a, K, V> {
    pub(super) fn all(root: &'a Node<K, V>) -> Self {
        let mut iter = Self {
            above: Vec::new(),
            leaf: [].iter(),
        };
        iter.descend(root);
        iter
    }

    /// Goes down to the first leaf below `node`.
    fn descend(&mut self, mut node: &'a Node<K, V>) {
        loop {
            match &node.rows {
                Rows::Leaf(entries) => {
                    self.leaf = entries.iter();
                    return;
                }
                Rows::Branch(children) => {
                    let mut rest = children.iter();
                    let Some((_, first)) = rest.next() else {
                        return;
                    };
                    self.above.push(rest);
                    node = first;
                }
            }
        }
    }
}

impl<'a, K: MapKey, V> Iter<'a, K, V> {
    pub(super) fn from(root: &'a Node<K, V>, key: &K) -> Self {
        let mut iter = Self {
            above: Vec::new(),
            leaf: [].iter(),
        };
        let mut node = root;
        loop {
            match &node.rows {
                Rows::Leaf(entries) => {
                    let (Ok(start) | Err(start)) = node.find(key);
                    iter.leaf = entries[start..].iter();
                    return iter;
                }
                Rows::Branch(children) => {
                    let mut rest = children[node.child_of(key)..].iter();
                    let Some((_, first)) = rest.next() else {
                        return iter;
                    };
                    iter.above.push(rest);
                    node = first;
                }
            }
        }
    }
}

impl<'a, K, V> Iterator for Iter<'a, K, V> {
    type Item = (&'a K, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((key, value)) = self.leaf.next() {
                return Some((key, value));
            }
            loop {
                match self.above.last_mut()?.next() {
                    Some((_, child)) => {
                        self.descend(child);
                        break;
                    }
                    None => {
                        self.above.pop();
                    }
                }
            }
        }
    }
}

impl<K, V> std::fmt::Debug for Iter<'_, K, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Iter").finish_non_exhaustive()
    }
}
