//! The folder of an agent's state.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// The file that says whose folder it is.
const NODE_ID: &str = "node-id";
/// The file that is locked while an agent runs.
const LOCK: &str = "agent.lock";

/// A folder that this process alone uses.
#[derive(Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
    /// Locked until it is closed, so even where the process is killed.
    _lock: File,
}

impl DataDir {
    /// Takes a folder, and makes it where it is missing.
    ///
    /// # Errors
    /// Where it is none, cannot be written to, or is another agent's.
    pub(crate) fn open(path: &str) -> Result<Self> {
        let path = PathBuf::from(path);
        if path.exists() && !path.is_dir() {
            bail!("data_dir {path:?} is not a directory");
        }
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&path)
            .with_context(|| format!("data_dir {path:?} cannot be made"))?;
        let file = path.join(LOCK);
        let lock = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&file)
            .with_context(|| format!("data_dir {path:?} cannot be written to"))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, _lock: lock }),
            Err(TryLockError::WouldBlock) => bail!(
                "data_dir {path:?} is in use by another agent: end that one, or give this one a folder \
                 of its own"
            ),
            Err(TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("data_dir {path:?} cannot be locked"))
            }
        }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The node's ID: the configured one, else the one of before, else a new one; kept for the next start.
    ///
    /// # Errors
    /// Where it cannot be read or kept, or is none.
    pub(crate) fn node_id(&self, configured: Option<&str>) -> Result<String> {
        let file = self.path.join(NODE_ID);
        let kept = match fs::read_to_string(&file) {
            Ok(text) => Some(text.trim().to_lowercase()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(error).with_context(|| format!("cannot read {file:?}")),
        };
        let id = match (configured, &kept) {
            (Some(configured), _) => configured.to_owned(),
            (None, Some(kept)) => {
                uuid::Uuid::try_parse(kept).with_context(|| {
                    format!(
                        "{file:?} holds no UUID: put the node's ID back, or remove the file to have a new \
                         one made"
                    )
                })?;
                kept.clone()
            }
            (None, None) => uuid::Uuid::new_v4().to_string(),
        };
        if kept.as_ref() != Some(&id) {
            put(&file, &id).with_context(|| format!("cannot write {file:?}"))?;
        }
        Ok(id)
    }
}

/// Gives a file its content in one step.
fn put(file: &Path, text: &str) -> std::io::Result<()> {
    let unfinished = file.with_extension("tmp");
    let mut written = File::create(&unfinished)?;
    written.write_all(text.as_bytes())?;
    written.sync_all()?;
    fs::rename(&unfinished, file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> (tempfile::TempDir, String) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data").display().to_string();
        (folder, path)
    }

    #[test]
    fn a_node_keeps_its_id() {
        let (_folder, path) = folder();
        let id = DataDir::open(&path).unwrap().node_id(None).unwrap();
        let data_dir = DataDir::open(&path).unwrap();
        assert_eq!(data_dir.node_id(None).unwrap(), id);
        let other = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee";
        assert_eq!(data_dir.node_id(Some(other)).unwrap(), other);
        assert_eq!(data_dir.node_id(None).unwrap(), other);
        fs::write(data_dir.path().join(NODE_ID), "x").unwrap();
        let error = data_dir.node_id(None).unwrap_err().to_string();
        assert!(error.contains("holds no UUID"), "{error}");
    }

    #[test]
    fn a_folder_belongs_to_one_agent() {
        let (_folder, path) = folder();
        let first = DataDir::open(&path).unwrap();
        let error = DataDir::open(&path).unwrap_err().to_string();
        assert!(error.contains("in use by another agent"), "{error}");
        drop(first);
        DataDir::open(&path).unwrap();
        let file = format!("{path}/{LOCK}");
        let error = DataDir::open(&file).unwrap_err().to_string();
        assert!(error.ends_with("is not a directory"), "{error}");
    }
}
