//! The file that says which process this is.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// A file with the number of this process, there for as long as it is held.
#[derive(Debug)]
pub(crate) struct PidFile(PathBuf);

impl PidFile {
    /// Writes it. One that a process left behind is written over.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub(crate) fn write(path: &str) -> Result<Self> {
        let path = Path::new(path);
        if path.is_dir() {
            bail!("pid_file {path:?} is a directory; name a file");
        }
        fs::write(path, format!("{}\n", std::process::id()))
            .with_context(|| format!("pid_file {path:?} cannot be written"))?;
        Ok(Self(path.to_owned()))
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.0) {
            tracing::warn!(path = %self.0.display(), %error, "the pid file cannot be removed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_there_while_the_agent_runs() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pid");
        fs::write(&path, "1\n").unwrap();
        let file = PidFile::write(path.to_str().unwrap()).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.trim(), std::process::id().to_string());
        drop(file);
        assert!(!path.exists());
        assert!(PidFile::write(folder.path().to_str().unwrap()).is_err());
    }
}
