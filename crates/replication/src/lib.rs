//! The one way to change the catalog, and to know that a change was made.
//!
//! There is one server, and its log is in memory: [`Handle`] is what stands in front of it now and of a
//! replicated log later, with the same errors and the same promises.
//!
//! Invariant: commands are applied one after the other, and observers are told in that order, before the
//! proposer is.
//! Invariant: an answer that was lost says so; the same request proposed again is applied once.

mod error;
mod faults;
mod handle;
mod retry;

pub use error::{ProposeError, ReadError};
pub use faults::{Fault, Faults};
pub use handle::{Consistency, Handle, Leadership, Observer};
pub use retry::propose_with_retry;
