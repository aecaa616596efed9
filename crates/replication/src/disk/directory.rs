//! A directory of the operating system.

use std::fs::{self, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::files::{File, Files};

/// Name of the file that is locked while a process has the directory.
const LOCK: &str = "lock";

/// A data directory, which one process has at a time. Only its owner may read what is in it: the signing
/// key of the mesh is.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    /// Synced to make names durable.
    handle: fs::File,
    /// Locked as long as it is open.
    _lock: fs::File,
}

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// Another process has it.
    #[error(
        "data directory {path} is in use by another process; stop it, or give this server a directory of its own"
    )]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// The operating system refused something.
    #[error("data directory {path}: cannot {doing}: {source}")]
    Io {
        /// The directory.
        path: PathBuf,
        /// What was refused.
        doing: &'static str,
        /// What it said.
        source: io::Error,
    },
}

impl Directory {
    /// Opens a directory, and makes it where there is none.
    ///
    /// # Errors
    /// Where another process has it, or the operating system refuses.
    pub fn open(path: &Path) -> Result<Self, DirectoryError> {
        let failed = |doing| {
            move |source| DirectoryError::Io {
                path: path.to_owned(),
                doing,
                source,
            }
        };
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(failed("create it"))?;
        let handle = fs::File::open(path).map_err(failed("open it"))?;
        let lock = options()
            .create(true)
            .truncate(false)
            .open(path.join(LOCK))
            .map_err(failed("open its lock file"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(DirectoryError::InUse {
                    path: path.to_owned(),
                });
            }
            Err(TryLockError::Error(source)) => return Err(failed("lock it")(source)),
        }
        Ok(Self {
            path: path.to_owned(),
            handle,
            _lock: lock,
        })
    }
}

/// How files are opened: to be read and written, and by nobody else.
fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600);
    options
}

impl Files for Directory {
    type File = fs::File;

    fn create(&self, name: &str) -> io::Result<fs::File> {
        options()
            .create(true)
            .truncate(true)
            .open(self.path.join(name))
    }

    fn open(&self, name: &str) -> io::Result<fs::File> {
        options().open(self.path.join(name))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path.join(from), self.path.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path.join(name))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            // A name that is no text is none of ours.
            names.extend(entry?.file_name().into_string());
        }
        Ok(names)
    }

    fn sync_dir(&self) -> io::Result<()> {
        self.handle.sync_all()
    }
}

impl File for fs::File {
    fn len(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        FileExt::read_at(self, buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        FileExt::write_all_at(self, bytes, offset)
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        allocate(self, len)
    }

    fn sync_data(&self) -> io::Result<()> {
        Self::sync_data(self)
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn allocate(file: &fs::File, len: u64) -> io::Result<()> {
    use rustix::fs::{FallocateFlags, fallocate};
    use rustix::io::Errno;
    match fallocate(file, FallocateFlags::empty(), 0, len) {
        // Some file systems cannot take room ahead; there writes may find the disk full, and say so.
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => file.set_len(len),
        done => Ok(done?),
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn allocate(file: &fs::File, len: u64) -> io::Result<()> {
    file.set_len(len)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::sync::Arc;

    use super::*;
    use crate::disk::{Log, Position, Record, Settings};

    #[test]
    fn f08_a_directory_that_a_process_has_is_refused_to_another_until_it_ends() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data");
        let first = Directory::open(&path).unwrap();
        let refused = Directory::open(&path).unwrap_err();
        assert!(matches!(refused, DirectoryError::InUse { .. }), "{refused}");
        drop(first);
        Directory::open(&path).unwrap();
    }

    #[test]
    fn only_its_owner_reads_what_is_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data");
        let directory = Directory::open(&path).unwrap();
        directory.create("vote").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(&path.join("vote"))), (0o700, 0o600));
    }

    #[test]
    fn a_log_in_a_directory_of_the_operating_system_is_there_again() {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings {
            segment_bytes: 64 << 10,
            salt: 1,
        };
        let records: Vec<Record> = (1..200)
            .map(|index| Record {
                index,
                term: 3,
                payload: vec![index as u8; 1000].into(),
            })
            .collect();
        let open = || {
            let directory = Directory::open(folder.path()).unwrap();
            Log::open(Arc::new(directory), settings).unwrap()
        };
        let (mut log, _) = open();
        for group in records.chunks(7) {
            log.append(group).unwrap();
            log.sync().unwrap();
        }
        log.truncate_from(190).unwrap();
        log.purge_up_to(Position {
            index: 150,
            term: 3,
        })
        .unwrap();
        drop(log);
        let (log, recovery) = open();
        assert_eq!(
            (recovery.cut, recovery.purged.map(|purged| purged.index)),
            (None, Some(150))
        );
        assert_eq!(log.read(151..190).unwrap(), records[150..189]);
    }
}
