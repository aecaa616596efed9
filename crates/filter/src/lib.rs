//! The filter language of `?filter=` (bexpr), such as `Meta.rack == r1 and "v2" in Tags`.
//!
//! [`Filter::compile`] reads an expression against the [`Schema`] of the rows it will see, so that a
//! selector that no row can have, an operator that does not fit a field and a value of the wrong type
//! are refused before any row is looked at. [`Filter::matches`] then judges one row.
//!
//! Invariant: evaluation allocates nothing and cannot fail.
//! Invariant: nothing in an expression makes this crate panic or use unbounded time or memory: nesting,
//! and the size of compiled regular expressions, are limited.

mod error;
mod filter;
mod lexer;
mod parser;
mod schema;
mod value;

pub use crate::error::{Error, Reason};
pub use crate::filter::Filter;
pub use crate::schema::{Kind, Schema, rows};
pub use crate::value::{Fields, Items, Value};
