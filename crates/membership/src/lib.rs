//! Who is in the cluster and who is alive, by gossip; and events that reach everybody.
//!
//! The protocol is SWIM, by `foca`. What it lacks is built around it here: frames that are encrypted
//! whole, a keyring that is changed across the cluster, tags, a graceful leave, user events, and
//! coordinates that estimate round trips.
//!
//! Invariant: what a member says changes who is thought alive and where, never what anybody may do.
//! Invariant: nothing that arrives panics, and what is kept of it is bounded.

mod codec;
mod coordinate;
mod core;
mod effects;
mod error;
mod event;
mod gate;
mod item;
mod key;
mod keyring;
mod keyring_file;
mod member;
mod membership;
mod memory;
mod message;
mod peer;
mod settings;
mod stream;
mod table;
mod transport;
mod wire;

pub use coordinate::Coordinate;
pub use error::{
    ForceLeaveError, JoinError, JoinFailure, KeyError, KeyringError, KeyringFileError, Refusal,
    StartError, TagsError, UserEventError,
};
pub use event::{Event, UserEvent};
pub use key::Key;
pub use keyring::{Keyring, KeyringReport};
pub use keyring_file::KeyringFile;
pub use member::{Member, Status, Tags, Versions};
pub use membership::{DEFAULT_PORT, Membership};
pub use memory::MemoryNetwork;
pub use settings::{Encryption, Limits, RetryJoin, Settings, Timing};
