//! Leaf certificates of this process: issued once, renewed ahead of expiry, shared by all who hold them.
//!
//! A [`Manager`] has an [`Issuer`] certify keys that are made here. Readers of the HTTP API and proxy
//! streams that stand for the same [`Subject`] get the same [`Leaf`] by pointer. While somebody holds a
//! [`Subscription`], the leaf is renewed between 60 % and 90 % of its lifetime, and at once when another
//! root becomes active.
//!
//! Invariant: one issuance at a time for a subject, however many wait for it.
//! Invariant: a leaf that is valid is served until a newer one is there; a failing issuer takes nothing away.
//! Invariant: private keys are in no log, no `Debug` form and no call to an issuer elsewhere.
//! Invariant: memory is bounded by what is held and a fixed number of leaves that nobody holds.

mod entry;
mod issuer;
mod leaf;
mod manager;
mod subject;
mod subscription;

pub use issuer::{IssueError, Issuer, Issuing, LocalIssuer};
pub use leaf::{Leaf, Problem};
pub use manager::{Manager, Now};
pub use subject::Subject;
pub use subscription::Subscription;

#[cfg(test)]
mod tests;
