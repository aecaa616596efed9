//! What an operator is told of a stream.

use std::sync::Arc;

use crate::message::{TypeUrl, Version};

/// One resource as the client has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResourceStatus<'a> {
    /// Its type.
    pub type_url: TypeUrl,
    /// Its name.
    pub name: &'a Arc<str>,
    /// The version that the client should have; none when there is no such resource.
    pub version: Option<Version>,
    /// How far the client is.
    pub state: State<'a>,
}

/// How far a client is with one resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State<'a> {
    /// The client has acknowledged the current version.
    Synced,
    /// Sent and not answered yet.
    Sent,
    /// Changed and not sent yet: the client must answer something else first.
    Stale,
    /// The client refused the current version and keeps what it had before.
    Rejected {
        /// The client's own words.
        reason: &'a Arc<str>,
    },
    /// Asked for, and not there.
    Missing,
}
