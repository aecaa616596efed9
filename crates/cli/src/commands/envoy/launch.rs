//! Becoming Envoy.

use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::io::{FdFlags, fcntl_setfd};
use serde_json::Value as Json;

use crate::failure::Failure;

/// The Envoy to start: the given one, else the first in `path`.
pub(super) fn find(given: Option<String>, path: Option<String>) -> Result<PathBuf, Failure> {
    if let Some(given) = given {
        return Ok(given.into());
    }
    let folders = path.unwrap_or_default();
    std::env::split_paths(&folders)
        .map(|folder| folder.join("envoy"))
        .find(|candidate| candidate.is_file())
        .ok_or_else(|| Failure::new("Couldn't find envoy binary: no \"envoy\" in PATH (-envoy-binary names one elsewhere)"))
}

/// Replaces this process by Envoy; comes back only with the reason why it could not.
pub(super) fn launch(binary: &Path, bootstrap: &Json, arguments: &[String]) -> Failure {
    let failed = |error: std::io::Error| {
        Failure::new(format!("Failed to start {}: {error}", binary.display()))
    };
    match hand_over(bootstrap) {
        Ok(file) => {
            // Envoy opens what it inherits under this name, and refuses others outside of ordinary files.
            let config = format!("/dev/fd/{}", file.as_raw_fd());
            failed(
                Command::new(binary)
                    .arg("--config-path")
                    .arg(config)
                    .args(with_defaults(arguments))
                    .exec(),
            )
        }
        Err(error) => failed(error),
    }
}

/// A file that holds the bootstrap, with the token in it, and goes when Envoy does: it has no name that anybody else could open.
fn hand_over(bootstrap: &Json) -> std::io::Result<File> {
    let mut file = tempfile::tempfile()?;
    serde_json::to_writer(&mut file, bootstrap)?;
    file.flush()?;
    file.rewind()?;
    fcntl_setfd(&file, FdFlags::empty())?;
    Ok(file)
}

/// The arguments for Envoy, with what holds unless they say otherwise.
///
/// Envoys on one machine fall out over hot restarts, so only who asks for one gets it. When a listener changes, Envoy
/// keeps connections of the old configuration open for its drain time, ten minutes by default: with intentions in the
/// listener, a denied client would stay connected that long. So they are drained at once: HTTP connections end with the
/// answer to the request under way, and whatever is left is closed after 15 seconds, which is how long Envoy gives a
/// request by default, so that none is cut short.
fn with_defaults(arguments: &[String]) -> Vec<String> {
    let given = |flags: &[&str]| {
        arguments
            .iter()
            .any(|argument| flags.iter().any(|flag| argument.starts_with(flag)))
    };
    let mut all = Vec::new();
    if !given(&[
        "--restart-epoch",
        "--hot-restart-version",
        "--parent-shutdown-time-s",
        "--disable-hot-restart",
    ]) {
        all.push("--disable-hot-restart".to_owned());
    }
    for (flag, value) in [("--drain-time-s", "15"), ("--drain-strategy", "immediate")] {
        if !given(&[flag]) {
            all.extend([flag.to_owned(), value.to_owned()]);
        }
    }
    all.extend_from_slice(arguments);
    all
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use serde_json::json;

    use super::*;

    fn arguments(given: &str) -> String {
        let given: Vec<String> = given.split_whitespace().map(str::to_owned).collect();
        with_defaults(&given).join(" ")
    }

    #[test]
    fn old_connections_are_drained_at_once_unless_told_otherwise() {
        let defaults = "--disable-hot-restart --drain-time-s 15 --drain-strategy immediate";
        assert_eq!(arguments(""), defaults);
        assert_eq!(arguments("-l debug"), format!("{defaults} -l debug"));
        assert_eq!(
            arguments("--drain-time-s=600 --drain-strategy gradual"),
            "--disable-hot-restart --drain-time-s=600 --drain-strategy gradual"
        );
        assert_eq!(
            arguments("--drain-time-s 30"),
            "--disable-hot-restart --drain-strategy immediate --drain-time-s 30"
        );
    }

    #[test]
    fn hot_restarts_stay_possible_for_those_who_ask() {
        for given in [
            "--restart-epoch 1",
            "--parent-shutdown-time-s=9",
            "--disable-hot-restart",
        ] {
            assert_eq!(
                arguments(given),
                format!("--drain-time-s 15 --drain-strategy immediate {given}")
            );
        }
    }

    #[test]
    fn the_bootstrap_is_handed_over_in_a_file_without_a_name_that_a_new_program_inherits() {
        let mut file = hand_over(&json!({"token": "s3cret"})).unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text, r#"{"token":"s3cret"}"#);
        assert!(
            !rustix::io::fcntl_getfd(&file)
                .unwrap()
                .contains(FdFlags::CLOEXEC)
        );
        assert_eq!(
            std::os::unix::fs::MetadataExt::nlink(&file.metadata().unwrap()),
            0
        );
    }

    #[test]
    fn envoy_is_looked_for_in_the_path() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("envoy"), "").unwrap();
        let path = format!("/no/such:{}", folder.path().display());
        assert_eq!(find(None, Some(path)).unwrap(), folder.path().join("envoy"));
        assert!(find(None, Some("/no/such".to_owned())).is_err());
        assert_eq!(
            find(Some("./mine".to_owned()), None).unwrap(),
            Path::new("./mine")
        );
    }
}
