//! HCL 1 and JSON, read into one tree of values that know where they stood in the text, and turned from
//! there into Rust types with errors that say line, column, field, what was expected and what was found.
//!
//! Every JSON body of the HTTP API, every configuration file and every file given to the command line goes
//! through this crate: [`parse`] (or [`parse_auto`]) makes the tree, [`from_value`] makes the type.
//!
//! Invariant: the same key twice in one object is an error that names both places, and so are two spellings
//! of one field.
//! Invariant: no input panics, overflows the stack ([`MAX_DEPTH`]) or takes more than linear time.
//! Invariant: no number is rounded or wrapped to fit the type that a field asks for.

mod cursor;
mod de;
mod error;
mod hcl;
mod json;
mod nearest;
mod parse;
mod value;

pub use de::{Options, Unknown, from_str, from_value, from_value_seed};
pub use error::{Error, Problem};
pub use nearest::nearest;
pub use parse::{Format, MAX_DEPTH, parse, parse_auto};
pub use value::{Entry, Kind, Span, Value};
