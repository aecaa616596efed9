//! What happens in the cluster.

use crate::member::Member;

/// A change of who is in the cluster, or something that somebody told everybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A member is alive that was not, or that nobody knew of.
    Joined(Member),
    /// A member that is alive has other tags, another address or another status.
    Updated(Member),
    /// A member does not answer any more.
    Failed(Member),
    /// A member left, or was made to.
    Left(Member),
    /// A member that failed or left is forgotten.
    Reaped(Member),
    /// Somebody told everybody something.
    User(UserEvent),
}

/// Something that one member told all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserEvent {
    /// When, by the cluster's logical clock.
    pub time: u64,
    /// What kind of thing.
    pub name: String,
    /// The thing.
    pub payload: Vec<u8>,
    /// Whether a later one of that name may take its place on the way.
    pub coalesce: bool,
}
