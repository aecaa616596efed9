//! `cargo xtask perf`: figures of the release build, taken through its public interfaces.

use std::process::Command;

use anyhow::Result;

use crate::shared;

/// Runs the driver with `arguments`; see its README for them.
pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    let driver = shared::build("perf", "meshload")?;
    crate::run(
        Command::new(driver)
            .arg("--bin")
            .arg(shared::program()?)
            .args(arguments),
    )
}
