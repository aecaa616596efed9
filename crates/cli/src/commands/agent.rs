//! `agent`, which reads its arguments itself: they are keys of its configuration.

use crate::Context;
use crate::failure::Failure;

/// Runs until the process is told to end.
pub(super) fn run(_: &mut Context<'_>, arguments: &[String]) -> Result<u8, Failure> {
    match tribune_agent::main(arguments, false) {
        Ok(()) => Ok(0),
        Err(error) => Err(Failure::new(format!("==> {error:#}"))),
    }
}
