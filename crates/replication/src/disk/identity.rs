//! Whose data directory it is.

use super::atomic::Small;
use super::error::{Damage, OpenError, WriteError};
use super::files::Files;

const FILE: Small = Small {
    name: "identity",
    magic: *b"TRIBIDEN",
    version: 1,
};

/// Files that only a server's directory has: the beginnings of their names.
const DATA: [&str; 3] = ["log-", "snapshot-", "vote"];

/// The server that a data directory belongs to, and its cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// ID of the cluster.
    pub cluster: String,
    /// ID of the server.
    pub server: String,
}

/// Why a data directory is not this server's.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// It is another's.
    #[error(
        "the data directory belongs to server {} of cluster {}, and this is server {} of cluster {}: point this server at its own directory, or at an empty one",
        found.server, found.cluster, expected.server, expected.cluster
    )]
    Other {
        /// Whose it is.
        found: Identity,
        /// Who asked.
        expected: Identity,
    },
    /// There is data in it and nothing that says whose.
    #[error(
        "the data directory has {file} in it but no file {}, so nobody can tell whose it is: restore that file, or give this server an empty directory",
        FILE.name
    )]
    Unmarked {
        /// One of the files.
        file: String,
    },
    /// It cannot be read.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It cannot be marked.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl Identity {
    /// Whose directory it is; `None` for one that is nobody's yet.
    ///
    /// # Errors
    /// Where the file that says so is damaged, of a later version, or cannot be read.
    pub fn read<F: Files>(files: &F) -> Result<Option<Self>, OpenError> {
        let Some(says) = FILE.read(files)? else {
            return Ok(None);
        };
        let parsed = Self::decode(&says);
        let damaged = || Damage::new(FILE.name, 16, "these are not two IDs");
        Ok(Some(parsed.ok_or_else(damaged)?))
    }

    /// Takes a directory for this server, for good, where it is nobody's yet or this server's already.
    ///
    /// # Errors
    /// Where it is another's, or cannot be read or written.
    pub fn claim<F: Files>(&self, files: &F) -> Result<(), IdentityError> {
        match Self::read(files)? {
            Some(found) if found == *self => Ok(()),
            Some(found) => Err(IdentityError::Other {
                found,
                expected: self.clone(),
            }),
            None => {
                let names = files
                    .list()
                    .map_err(OpenError::io("list", "the data directory"))?;
                let data = |name: &String| DATA.iter().any(|prefix| name.starts_with(prefix));
                if let Some(file) = names.into_iter().find(data) {
                    return Err(IdentityError::Unmarked { file });
                }
                Ok(FILE.write(files, self.encode().as_bytes())?)
            }
        }
    }

    fn encode(&self) -> String {
        format!("{}\n{}", self.cluster, self.server)
    }

    fn decode(says: &[u8]) -> Option<Self> {
        let (cluster, server) = std::str::from_utf8(says).ok()?.split_once('\n')?;
        Some(Self {
            cluster: cluster.to_owned(),
            server: server.to_owned(),
        })
    }
}
