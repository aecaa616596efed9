//! A folder of small files, one for each ID, that are whole or not there.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use ring::digest::{SHA256, digest};
use tribune_types::Name;

use super::record::Record;

/// Where files go that cannot be used, below the agent's folder.
const ASIDE: &str = "quarantine";
/// Largest file that is read: registrations over HTTP are smaller.
const LARGEST: u64 = 4 << 20;
/// How names of files end that are not whole yet.
const UNFINISHED: &str = ".tmp";

/// A folder of files.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    name: &'static str,
    data_dir: PathBuf,
}

/// One change of a folder.
#[derive(Debug)]
pub(super) enum Write {
    /// A file gets this content.
    Put {
        path: PathBuf,
        content: Vec<u8>,
        /// Whether it survives the machine's end, too.
        durable: bool,
    },
    /// A file goes away.
    Remove(PathBuf),
}

impl Folder {
    pub(super) fn open(data_dir: &Path, name: &'static str) -> io::Result<Self> {
        let path = data_dir.join(name);
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&path)?;
        Ok(Self {
            path,
            name,
            data_dir: data_dir.to_owned(),
        })
    }

    /// Every file that can be used, by its name; others are put aside.
    pub(super) fn read<R: Record>(&self) -> io::Result<Vec<(String, R)>> {
        let mut records = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            let Ok(file) = entry.file_name().into_string() else {
                continue;
            };
            if entry.file_type()?.is_dir() {
                continue;
            }
            if file.ends_with(UNFINISHED) {
                // its writer ended before it was whole, so nobody was told that it is there
                self.remove(&file)?;
                continue;
            }
            match self.record::<R>(&file) {
                Ok(record) => records.push((file, record)),
                Err(error) => self.put_aside(&file, &error),
            }
        }
        records.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(records)
    }

    fn record<R: Record>(&self, file: &str) -> Result<R, Unusable> {
        let path = self.path.join(file);
        let metadata = fs::symlink_metadata(&path)?;
        if !metadata.is_file() {
            return Err(Unusable::NoFile);
        }
        if metadata.len() > LARGEST {
            return Err(Unusable::TooLarge(metadata.len()));
        }
        let record: R = serde_json::from_slice(&fs::read(&path)?)?;
        if file_name(record.id()) != file {
            return Err(Unusable::Foreign(record.id().clone()));
        }
        Ok(record)
    }

    /// Moves a file out of the way and says why.
    pub(super) fn put_aside(&self, file: &str, why: &dyn std::fmt::Display) {
        let from = self.path.join(file);
        let aside = self.data_dir.join(ASIDE);
        let to = aside.join(format!("{}-{file}", self.name.replace('/', "-")));
        let moved = fs::create_dir_all(&aside).and_then(|()| fs::rename(&from, &to));
        match moved {
            Ok(()) => tracing::error!(
                file = %from.display(), moved_to = %to.display(), %why,
                "a file cannot be used and is put aside; what it had is not registered, the rest is"
            ),
            Err(error) => tracing::error!(
                file = %from.display(), %why, %error,
                "a file cannot be used, nor moved away; what it had is not registered, the rest is"
            ),
        }
    }

    pub(super) fn remove(&self, file: &str) -> io::Result<()> {
        Write::Remove(self.path.join(file)).carry_out()
    }

    pub(super) fn write<R: Record>(&self, record: &R, durable: bool) -> Write {
        Write::Put {
            path: self.path.join(file_name(record.id())),
            content: record.to_json(),
            durable,
        }
    }

    pub(super) fn removal(&self, id: &Name) -> Write {
        Write::Remove(self.path.join(file_name(id)))
    }
}

impl Write {
    pub(super) fn carry_out(&self) -> io::Result<()> {
        match self {
            Self::Put {
                path,
                content,
                durable,
            } => put(path, content, *durable),
            Self::Remove(path) => match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                Ok(()) | Err(_) => Ok(()),
            },
        }
    }
}

/// Gives a file its content in one step: whoever reads it finds all of the old or all of the new.
fn put(path: &Path, content: &[u8], durable: bool) -> io::Result<()> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(UNFINISHED);
    let unfinished = PathBuf::from(unfinished);
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&unfinished)?;
    file.write_all(content)?;
    if durable {
        file.sync_all()?;
    }
    drop(file);
    fs::rename(&unfinished, path)?;
    if durable && let Some(folder) = path.parent() {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// The name of an ID's file. It says nothing of the ID, so no ID leads out of the folder or is too long, and
/// those that compare equal share one.
pub(super) fn file_name(id: &Name) -> String {
    let hash = digest(&SHA256, id.as_str().to_ascii_lowercase().as_bytes());
    hash.as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error("it is no regular file")]
    NoFile,
    #[error("it has {0} bytes, more than any registration")]
    TooLarge(u64),
    #[error("it has the name of another ID than {0:?}, which is in it")]
    Foreign(Name),
    #[error("it cannot be read: {0}")]
    Read(#[from] io::Error),
    #[error("it is cut off or damaged: {0}")]
    Json(#[from] serde_json::Error),
}
