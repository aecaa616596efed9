//! A response on its way to the client.

use std::sync::Arc;
use std::time::Instant;

use crate::message::{Nonce, Version};

/// What the answer to a response means for one of its resources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// The client has what it acknowledges.
    Settle,
    /// It has, and has asked to be told again since.
    Again,
    /// It has given the name up since.
    Forget,
}

#[derive(Debug)]
pub(super) struct Item {
    pub(super) name: Arc<str>,
    /// None for a removal.
    pub(super) version: Option<Version>,
    pub(super) fate: Fate,
}

/// A response that the client has not answered.
#[derive(Debug)]
pub(super) struct InFlight {
    pub(super) nonce: Nonce,
    pub(super) since: Instant,
    /// Ordered by name.
    pub(super) items: Vec<Item>,
}

// === impl InFlight ===

impl InFlight {
    pub(super) fn item(&mut self, name: &str) -> Option<&mut Item> {
        let at = self
            .items
            .binary_search_by(|item| (*item.name).cmp(name))
            .ok()?;
        self.items.get_mut(at)
    }

    pub(super) fn find(&self, name: &str) -> Option<&Item> {
        let at = self
            .items
            .binary_search_by(|item| (*item.name).cmp(name))
            .ok()?;
        self.items.get(at)
    }
}
