//! Reading the tables as they were at one index.

use std::sync::Arc;

use tribune_types::Index;

use crate::tables::Tables;

mod catalog;
mod config;
mod health;

pub use catalog::{NodeServices, ServiceNode};
pub use health::CheckServiceNode;

/// The tables as they were after one command. Clones share them; nothing ever changes them.
///
/// Every read records in its [`WatchSet`](crate::WatchSet) what it depends on, and gives the index that
/// Consul gives with that answer (`X-Consul-Index`, where 0 is shown as 1).
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    tables: Arc<Tables>,
}

/// What a read found, and the index of the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Indexed<T> {
    /// When the answer changed last, as Consul keeps it: sometimes later, where a whole table has one index.
    pub index: Index,
    /// The answer.
    pub value: T,
}

impl Snapshot {
    pub(crate) const fn new(tables: Arc<Tables>) -> Self {
        Self { tables }
    }

    pub(crate) fn tables(&self) -> &Tables {
        &self.tables
    }

    /// Index of the last command that is part of it.
    #[must_use]
    pub fn index(&self) -> Index {
        self.tables.index
    }

    /// Whether two snapshots are the same object.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.tables, &other.tables)
    }
}

impl<T> Indexed<T> {
    /// The same index with something made from the answer.
    pub fn map<U>(self, make: impl FnOnce(T) -> U) -> Indexed<U> {
        Indexed {
            index: self.index,
            value: make(self.value),
        }
    }
}
