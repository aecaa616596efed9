//! The log of commands behind one handle: whoever writes proposes, whoever reads takes a snapshot, and an
//! observer hears of every change in order.
//!
//! [`single`] is a log in the memory of one server, [`raft`] one on the disks of a cluster. Nothing above the [`Handle`] can tell which log it
//! has; [`faulty`] puts one behind it that delays, loses answers and moves leadership, for tests.
//!
//! Invariant: a proposal is answered only after it was applied here and the observer has heard of it.
//! Invariant: a proposal that was refused with anything but [`ProposeError::Unknown`] was not applied and never will be.

pub mod disk;
mod error;
mod faults;
mod handle;
mod raft;
mod retry;
mod single;

pub use error::{ProposeError, ReadError};
pub use faults::{Fate, Fault, Faults, faulty};
pub use handle::{Handle, Leader, Leadership, Log, LogFuture, Observer, Proposed};
pub use raft::{
    HandleError, LARGEST_MESSAGE, Member, MembershipError, OpenError, Raft, RaftHealth,
    RaftSettings, RaftStatus, Role, Server, Storage, Transport, TransportError, TransportFuture,
    raft, seed_this_thread,
};
pub use single::{Settings, single};
