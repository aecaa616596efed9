//! What both readers share: the choice between them and the limit on nesting.

use crate::{Error, Value, hcl, json};

/// Levels of lists and objects within each other that a document may have.
pub const MAX_DEPTH: usize = 64;

/// The language of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// HCL, version 1.
    Hcl,
    /// JSON (RFC 8259).
    Json,
}

/// Reads a whole text. An HCL document is an object, empty where nothing is written.
///
/// # Errors
/// The first place where the text is not of its format, repeats a key, or nests deeper than [`MAX_DEPTH`].
pub fn parse(text: &str, format: Format) -> Result<Value, Error> {
    match format {
        Format::Hcl => hcl::read(text),
        Format::Json => json::read(text),
    }
}

/// Reads a whole text: JSON if it begins with `{` or `[`, which HCL never does, else HCL.
///
/// # Errors
/// As [`parse`].
pub fn parse_auto(text: &str) -> Result<Value, Error> {
    let json = text.trim_start().starts_with(['{', '[']);
    parse(text, if json { Format::Json } else { Format::Hcl })
}
