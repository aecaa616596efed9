//! What a request may do: [`Permission`] names the thing acted on, [`Authorizer`] says yes or no.
//!
//! There is no rule language yet: an authoriser allows everything, allows everything but managing the
//! ACLs themselves, or denies everything.
//!
//! Invariant: what is not allowed is denied.
//! Invariant: a decision reads nothing but the authoriser and the permission.

mod authorizer;
mod permission;

pub use authorizer::{Authorizer, ResolveError, Resolver};
pub use permission::{Access, Permission, Resource};
