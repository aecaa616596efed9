//! What a server has promised to the others, which it must not forget.

use std::sync::Arc;

use super::atomic::Small;
use super::error::{OpenError, WriteError};
use super::files::Files;

const FILE: Small = Small {
    name: "vote",
    magic: *b"TRIBVOTE",
    version: 1,
};

/// The file that holds a server's vote. What a vote says is up to whoever writes it.
#[derive(Debug)]
pub struct VoteFile<F> {
    files: Arc<F>,
    poisoned: Option<String>,
}

impl<F: Files> VoteFile<F> {
    /// Opens the file of a data directory, and gives what it says, where there is one.
    ///
    /// # Errors
    /// Where it is damaged, of a later version, or cannot be read.
    pub fn open(files: Arc<F>) -> Result<(Self, Option<Vec<u8>>), OpenError> {
        let says = FILE.read(&*files)?;
        let poisoned = None;
        Ok((Self { files, poisoned }, says))
    }

    /// Remembers a vote in place of the last one. It is durable when this returns; until then the last one is.
    ///
    /// # Errors
    /// Where the disk refuses. After a failed sync nobody knows which of the two a crash will leave, and
    /// nothing more is written.
    pub fn write(&mut self, vote: &[u8]) -> Result<(), WriteError> {
        if let Some(reason) = &self.poisoned {
            return Err(WriteError::Poisoned {
                file: FILE.name.to_owned(),
                reason: reason.clone(),
            });
        }
        let written = FILE.write(&*self.files, vote);
        if let Err(WriteError::Poisoned { reason, .. }) = &written {
            self.poisoned = Some(reason.clone());
        }
        written
    }
}
