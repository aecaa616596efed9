//! The drivers that lie beside the checkout, shared with other programs under test.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use tribune_e2e::workspace;

use crate::run;

/// The folder of the driver `name`.
///
/// # Errors
/// When it is not there; says where it is looked for.
pub(crate) fn folder(name: &str) -> Result<PathBuf> {
    let shared = env::var_os("TRIBUNE_SHARED").map_or_else(|| "../shared".into(), PathBuf::from);
    let folder = workspace::root().join(shared).join(name);
    ensure!(
        folder.join("Cargo.toml").is_file(),
        "the driver `{name}` is not at {}: it lies in the folder `shared` beside this checkout, or where the variable \
         TRIBUNE_SHARED says",
        folder.display()
    );
    Ok(folder)
}

/// Builds the driver `name`, whose binary is `binary`, below the target folder: its own may be read-only.
pub(crate) fn build(name: &str, binary: &str) -> Result<PathBuf> {
    let target = workspace::target().join(name);
    let mut build = workspace::cargo();
    build
        .args([
            "build",
            "--quiet",
            "--release",
            "--locked",
            "--manifest-path",
        ])
        .arg(folder(name)?.join("Cargo.toml"));
    run(build.env("CARGO_TARGET_DIR", &target))?;
    Ok(target.join("release").join(binary))
}

/// The program under test: what `TRIBUNE_BIN` names, else a release build made now.
pub(crate) fn program() -> Result<PathBuf> {
    match env::var_os("TRIBUNE_BIN") {
        Some(named) => Ok(workspace::root().join(Path::new(&named))),
        None => workspace::build_tribune(true),
    }
}
