//! What every endpoint means: [`answer`] reads a snapshot and the views, [`plan`] turns a change into an
//! operation of the store. Both ask the authoriser about the stored objects they touch.
//!
//! Invariant: the same request over the same snapshot has the same answer, wherever it is asked.
//! Invariant: no row leaves that the authoriser does not let be seen.

mod answer;
mod context;
mod page;
mod plan;
pub mod rows;

pub use answer::{Answered, answer};
pub use context::{Context, Settings};
pub use page::Filtered;
pub use plan::{Plan, Reply, plan};
