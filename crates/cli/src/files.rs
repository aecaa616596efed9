//! Files that subcommands read.

use std::fs;

use tribune_hcl::{Value, parse_auto};

use crate::Context;
use crate::failure::Failure;

/// Text of a file, or of the input where its name is `-`.
pub(crate) fn text(context: &mut Context<'_>, name: &str) -> Result<String, Failure> {
    if name == "-" {
        let mut text = String::new();
        context
            .input
            .read_to_string(&mut text)
            .map_err(|error| Failure::new(format!("Failed to read the input: {error}")))?;
        return Ok(text);
    }
    fs::read_to_string(name)
        .map_err(|error| Failure::new(format!("Failed to read {name}: {error}")))
}

/// A file in HCL or JSON, or the input where its name is `-`.
pub(crate) fn value(context: &mut Context<'_>, name: &str) -> Result<Value, Failure> {
    parse_auto(&text(context, name)?).map_err(|error| at(name, &error))
}

/// What is wrong in a file.
pub(crate) fn at(name: &str, error: &tribune_hcl::Error) -> Failure {
    Failure::new(format!(
        "Failed to parse {}: {error}",
        if name == "-" { "the input" } else { name }
    ))
}
