//! What can be wrong with what is on disk.

use std::io;

/// A place in a file that does not say what was written there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{file} is damaged at byte {offset}: {what}. Nothing was changed. Have the data directory restored \
     from a backup, or move it away: a server of a cluster gets everything from the others again"
)]
pub struct Damage {
    /// Name of the file in the data directory.
    pub file: String,
    /// Where in it.
    pub offset: u64,
    /// What is wrong there.
    pub what: String,
}

impl Damage {
    pub(crate) fn new(file: &str, offset: u64, what: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            offset,
            what: what.into(),
        }
    }
}

/// Why what is on disk cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It is not what was written.
    #[error(transparent)]
    Damaged(#[from] Damage),
    /// A later version of the program wrote it.
    #[error(
        "{file} has format version {found}, and this program knows versions up to {known}: run the version that wrote it, or a later one"
    )]
    Newer {
        /// Name of the file.
        file: String,
        /// Version of its format.
        found: u32,
        /// The latest version that is known.
        known: u32,
    },
    /// A part of the log is not there.
    #[error(
        "the log begins at index {first}, but everything up to it should have been removed only up to {purged:?}: a segment is missing; have the data directory restored from a backup, or move it away"
    )]
    Missing {
        /// Index of the first record that is there.
        first: u64,
        /// Index of the last record that was removed on purpose.
        purged: Option<u64>,
    },
    /// The operating system refused something.
    #[error("cannot {doing} {file}: {source}")]
    Io {
        /// Name of the file.
        file: String,
        /// What was refused.
        doing: &'static str,
        /// What it said.
        source: io::Error,
    },
}

impl OpenError {
    pub(crate) fn io<'a>(doing: &'static str, file: &'a str) -> impl Fn(io::Error) -> Self + 'a {
        move |source| Self::Io {
            file: file.to_owned(),
            doing,
            source,
        }
    }
}

/// Why a write did not happen. What was durable before is so still.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The disk is full. The write was undone; the same value takes writes again when there is room.
    #[error(
        "no room to {doing} {file}: {source}. The write was refused and undone; make room on the disk of the data directory, and writes go on"
    )]
    NoSpace {
        /// Name of the file.
        file: String,
        /// What was refused.
        doing: &'static str,
        /// What the operating system said.
        source: io::Error,
    },
    /// The operating system refused something. The write was undone.
    #[error("cannot {doing} {file}: {source}. The write was refused and undone")]
    Io {
        /// Name of the file.
        file: String,
        /// What was refused.
        doing: &'static str,
        /// What it said.
        source: io::Error,
    },
    /// A sync failed, now or before, so nobody knows what is on disk. Nothing more is written.
    #[error(
        "syncing {file} failed ({reason}), so what was written last may be lost: nothing more is written until this server has started again and read what is there"
    )]
    Poisoned {
        /// Name of the file.
        file: String,
        /// What the operating system said.
        reason: String,
    },
    /// A record does not follow the last one.
    #[error("record {index} does not follow: the next one has index {expected}")]
    OutOfOrder {
        /// Index of the record.
        index: u64,
        /// The index that it should have.
        expected: u64,
    },
    /// A payload is too long for a record.
    #[error("a payload of {len} bytes is too long: at most {limit} fit into a record")]
    TooLarge {
        /// How long it is.
        len: usize,
        /// How long it may be.
        limit: usize,
    },
}

impl WriteError {
    pub(crate) fn io<'a>(doing: &'static str, file: &'a str) -> impl Fn(io::Error) -> Self + 'a {
        move |source| {
            let file = file.to_owned();
            match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::NoSpace {
                    file,
                    doing,
                    source,
                },
                _ => Self::Io {
                    file,
                    doing,
                    source,
                },
            }
        }
    }
}

/// Why records cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// They are not in the log.
    #[error("record {index} is not in the log, which has {first}..{end}")]
    Missing {
        /// The first one that was asked for and is not there.
        index: u64,
        /// Index of the first record that there is.
        first: u64,
        /// Index after the last one.
        end: u64,
    },
    /// What is there is not what was written.
    #[error(transparent)]
    Damaged(#[from] Damage),
    /// The operating system refused to read.
    #[error("cannot read {file}: {source}")]
    Io {
        /// Name of the file.
        file: String,
        /// What it said.
        source: io::Error,
    },
}
