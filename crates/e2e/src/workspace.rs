//! Where this checkout lies and what it builds.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context, Result, ensure};

/// The top of the checkout.
pub fn root() -> &'static Path {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.ancestors()
        .nth(2)
        .expect("this crate lies two folders below the top")
}

/// The folder for what is built, fetched or left to be looked at.
pub fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| root().join("target"), |folder| root().join(folder))
}

/// The cargo that runs this, or the one in PATH.
pub fn cargo() -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root());
    cargo
}

/// Builds `tribune` and gives its path.
pub fn build_tribune(release: bool) -> Result<PathBuf> {
    let mut build = cargo();
    build.args([
        "build",
        "--quiet",
        "--package",
        "tribune-cli",
        "--bin",
        "tribune",
    ]);
    build.args(release.then_some("--release"));
    let status = build.status().context("starting cargo")?;
    ensure!(status.success(), "building tribune failed ({status})");
    Ok(target()
        .join(if release { "release" } else { "debug" })
        .join("tribune"))
}

/// The `tribune` to test: the one that `TRIBUNE_BIN` names, or the one of this checkout, built now in
/// the profile of the tests.
pub fn tribune() -> Result<&'static Path> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let built = BUILT.get_or_init(|| match env::var_os("TRIBUNE_BIN") {
        Some(named) => Ok(root().join(named)),
        None => build_tribune(!cfg!(debug_assertions)).map_err(|error| format!("{error:#}")),
    });
    built.as_deref().map_err(|error| anyhow::anyhow!("{error}"))
}
