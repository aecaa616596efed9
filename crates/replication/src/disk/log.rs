//! A log of records in segments.
//!
//! Records are appended to the last segment, whose room is taken ahead, and one sync makes a group of them
//! durable. Cutting the log off at its end and forgetting its beginning are records as well, so nothing
//! that was written is ever written over: what a crash leaves behind is what was durable, whole, and after
//! it possibly parts of what was not, each sector of which is as it was written or zeros. That is how the
//! end of a log that a crash tore can be told from a log that is damaged (see [`recover`]).

mod reader;
mod record;
mod recover;
mod segment;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::error::{OpenError, ReadError, WriteError};
use super::files::{File, Files};
use reader::Place;
pub use reader::Reader;
use record::{Content, Kind, LONGEST, Seal, taken};
use segment::Segment;

/// Room at the end of a segment that only truncations and purges use, so that a full disk can be purged.
const RESERVE: u64 = 4096;

/// How long a group of records may be, so that offsets fit into 32 bits.
const LONGEST_GROUP: usize = 1 << 30;

/// A record. Nobody here looks into its payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its index, one more than that of the record before it.
    pub index: u64,
    /// Its term.
    pub term: u64,
    /// What it says.
    pub payload: Bytes,
}

/// Index and term of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Its index.
    pub index: u64,
    /// Its term.
    pub term: u64,
}

/// What a log may be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How large a segment is, in bytes, where no group of records is larger; 4 KiB at least.
    pub segment_bytes: u32,
    /// Part of every checksum of segments made from now on, so that nobody who does not know it can have
    /// bytes stored that pass for records. Any number will do that others cannot guess.
    pub salt: u64,
}

/// What was found when a log was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// The first record.
    pub first: Option<Position>,
    /// The last record.
    pub last: Option<Position>,
    /// The last record that was purged.
    pub purged: Option<Position>,
    /// What was cut off at the end: writes that a crash interrupted, none of which had been acknowledged.
    pub cut: Option<Cut>,
    /// Files that were left over and are removed.
    pub removed: Vec<String>,
}

/// The end of a segment that was cut off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Name of the file.
    pub file: String,
    /// Where the whole records end.
    pub offset: u64,
    /// How many bytes after that were set to zero.
    pub bytes: u64,
}

/// A log, with the one right to write to it.
pub struct Log<F: Files> {
    files: Arc<F>,
    settings: Settings,
    reader: Reader<F>,
    /// The last segment.
    active: Arc<Segment<F::File>>,
    /// Where the next record goes.
    tail: u64,
    /// Up to where the last segment is durable.
    durable: u64,
    /// How many records are not durable yet.
    unsynced: usize,
    /// Where a failed write may have left something, after the tail.
    dirty: Option<u64>,
    /// Which file's sync failed, and why.
    poisoned: Option<(String, String)>,
}

// === impl Log ===

impl<F: Files> Log<F> {
    /// Opens the log in a directory, or begins one.
    ///
    /// Writes that a crash interrupted are cut off, see [`Recovery::cut`].
    ///
    /// # Errors
    /// Where it is damaged, not whole, of a later version, or cannot be read. Then nothing was changed.
    pub fn open(files: Arc<F>, settings: Settings) -> Result<(Self, Recovery), OpenError> {
        recover::open(files, settings)
    }

    /// A reader of this log.
    #[must_use]
    pub fn reader(&self) -> Reader<F> {
        self.reader.clone()
    }

    /// Appends records, which are durable after the next [`Log::sync`]. The first of an empty log may have
    /// any index; after a purge, and otherwise, each follows the one before it.
    ///
    /// # Errors
    /// Where they don't follow, or the disk refused: then all of it is undone, and reads go on.
    pub fn append(&mut self, records: &[Record]) -> Result<(), WriteError> {
        let Some(first) = records.first() else {
            return self.healthy();
        };
        let begin = self.reader.places().next().unwrap_or(first.index);
        for (record, expected) in records.iter().zip(begin..) {
            let (index, len) = (record.index, record.payload.len());
            if index != expected {
                return Err(WriteError::OutOfOrder { index, expected });
            }
            if len > LONGEST {
                return Err(WriteError::TooLarge {
                    len,
                    limit: LONGEST,
                });
            }
        }
        let contents = records.iter().map(|record| Content {
            kind: Kind::Entry,
            index: record.index,
            term: record.term,
            payload: &record.payload,
        });
        let mut offset = self.write(contents, RESERVE)?;
        let mut places = self.reader.places_mut();
        for record in records {
            let len = record.payload.len();
            places.push(
                record.index,
                Place {
                    term: record.term,
                    segment: self.active.seal.sequence,
                    // Groups are short enough for both.
                    offset: offset as u32,
                    len: len as u32,
                },
            );
            offset += taken(len) as u64;
        }
        self.unsynced += records.len();
        Ok(())
    }

    /// Makes everything appended so far durable.
    ///
    /// # Errors
    /// Where that fails, once and for all: nothing more is written, and what was not durable is not read.
    pub fn sync(&mut self) -> Result<(), WriteError> {
        self.healthy()?;
        if self.durable == self.tail {
            return Ok(());
        }
        if let Err(error) = self.active.file.sync_data() {
            let name = self.active.name.clone();
            return Err(self.poison(name, error.to_string()));
        }
        self.durable = self.tail;
        self.unsynced = 0;
        Ok(())
    }

    /// The records of a range, see [`Reader::read`].
    ///
    /// # Errors
    /// Where one of them is not there, is damaged, or cannot be read.
    pub fn read(&self, range: Range<u64>) -> Result<Vec<Record>, ReadError> {
        self.reader.read(range)
    }

    /// Takes off the records from `index` on. It is durable when this returns, as is all that was appended.
    ///
    /// # Errors
    /// Where the disk refused: then they are still there.
    pub fn truncate_from(&mut self, index: u64) -> Result<(), WriteError> {
        self.healthy()?;
        if self.last().is_none_or(|last| last.index < index) {
            return Ok(());
        }
        self.mark(Kind::Truncation, Position { index, term: 0 })?;
        self.reader.places_mut().truncate(index);
        Ok(())
    }

    /// Takes off the records up to a position, which may lie after the last one. It is durable when this
    /// returns, as is all that was appended; segments that are not needed any more are removed.
    ///
    /// # Errors
    /// Where the disk refused: then they are still there.
    pub fn purge_up_to(&mut self, position: Position) -> Result<(), WriteError> {
        self.healthy()?;
        if self
            .purged()
            .is_some_and(|purged| purged.index >= position.index)
        {
            return Ok(());
        }
        self.mark(Kind::Purge, position)?;
        let unused = {
            let mut places = self.reader.places_mut();
            places.purge(position);
            places.take_unused()
        };
        for segment in &unused {
            // One that stays behind does no harm, and is removed when the log is opened again.
            let _: std::io::Result<()> = self.files.remove(&segment.name);
        }
        if !unused.is_empty() {
            let _: std::io::Result<()> = self.files.sync_dir();
        }
        Ok(())
    }

    /// Index and term of the first record.
    #[must_use]
    pub fn first(&self) -> Option<Position> {
        self.reader.first()
    }

    /// Index and term of the last record, synced or not. `None` where there is none, whatever was purged.
    #[must_use]
    pub fn last(&self) -> Option<Position> {
        self.reader.last()
    }

    /// The last record that was purged.
    #[must_use]
    pub fn purged(&self) -> Option<Position> {
        self.reader.purged()
    }

    /// Writes a record that is no entry, and makes it durable.
    fn mark(&mut self, kind: Kind, position: Position) -> Result<(), WriteError> {
        let content = Content {
            kind,
            index: position.index,
            term: position.term,
            payload: &[],
        };
        self.write(std::iter::once(content), 0)?;
        self.sync()
    }

    /// Writes records that are to lie in one segment, with some room left after them, and says where.
    fn write<'a>(
        &mut self,
        contents: impl Iterator<Item = Content<'a>> + Clone,
        reserve: u64,
    ) -> Result<u64, WriteError> {
        self.healthy()?;
        self.clean()?;
        let len: usize = contents
            .clone()
            .map(|content| taken(content.payload.len()))
            .sum();
        if len > LONGEST_GROUP {
            return Err(WriteError::TooLarge {
                len,
                limit: LONGEST_GROUP,
            });
        }
        if self.tail + len as u64 + reserve > self.active.len {
            self.begin_segment(len as u64)?;
        }
        let mut bytes = Vec::with_capacity(len);
        for content in contents {
            content.encode(&mut bytes, self.active.seal, self.tail, self.durable);
        }
        let (start, end) = (self.tail, self.tail + bytes.len() as u64);
        if let Err(error) = self.active.file.write_at(&bytes, start) {
            self.dirty = Some(end);
            let error = WriteError::io("write to", &self.active.name)(error);
            // Where this fails too, it is done again before the next write.
            return Err(match self.clean() {
                Err(poisoned @ WriteError::Poisoned { .. }) => poisoned,
                Ok(()) | Err(_) => error,
            });
        }
        self.tail = end;
        Ok(start)
    }

    /// Sets to zero what a failed write may have left after the tail, durably: recovery relies on it.
    fn clean(&mut self) -> Result<(), WriteError> {
        let Some(end) = self.dirty else { return Ok(()) };
        let zeros = vec![0; usize::try_from(end - self.tail).unwrap_or(usize::MAX)];
        let name = &self.active.name;
        self.active
            .file
            .write_at(&zeros, self.tail)
            .map_err(WriteError::io("undo a write to", name))?;
        if let Err(error) = self.active.file.sync_data() {
            let name = name.clone();
            return Err(self.poison(name, error.to_string()));
        }
        self.dirty = None;
        self.durable = self.tail;
        self.unsynced = 0;
        Ok(())
    }

    /// Goes on in a new segment that has room for `len` bytes of records.
    fn begin_segment(&mut self, len: u64) -> Result<(), WriteError> {
        self.sync()?;
        let header = segment::Header {
            seal: Seal {
                salt: self.settings.salt,
                sequence: self.active.seal.sequence + 1,
            },
            previous_end: self.tail,
            purged: self.purged(),
        };
        self.active = match begin_segment(&*self.files, &header, self.settings, len) {
            Ok(segment) => Arc::new(segment),
            Err(Failed::Undone(error)) => return Err(error),
            Err(Failed::Unknown(file, reason)) => return Err(self.poison(file, reason)),
        };
        let mut places = self.reader.places_mut();
        places.segments.push_back(Arc::clone(&self.active));
        drop(places);
        self.tail = segment::HEADER as u64;
        self.durable = self.tail;
        Ok(())
    }

    fn healthy(&self) -> Result<(), WriteError> {
        match &self.poisoned {
            None => Ok(()),
            Some((file, reason)) => Err(WriteError::Poisoned {
                file: file.clone(),
                reason: reason.clone(),
            }),
        }
    }

    /// Remembers that a sync failed. What was not durable is not read any more: nobody knows where it is.
    fn poison(&mut self, file: String, reason: String) -> WriteError {
        let mut places = self.reader.places_mut();
        let durable = places.records.len().saturating_sub(self.unsynced);
        places.records.truncate(durable);
        drop(places);
        self.unsynced = 0;
        self.poisoned = Some((file.clone(), reason.clone()));
        WriteError::Poisoned { file, reason }
    }
}

/// Why there is no new segment.
enum Failed {
    /// It was undone.
    Undone(WriteError),
    /// A sync of the directory failed, so nobody knows whether the segment is there.
    Unknown(String, String),
}

/// Makes a segment that has room for `len` bytes of records.
fn begin_segment<F: Files>(
    files: &F,
    header: &segment::Header,
    settings: Settings,
    len: u64,
) -> Result<Segment<F::File>, Failed> {
    let needed = segment::HEADER as u64 + len + RESERVE;
    let len = needed.max(u64::from(settings.segment_bytes));
    let name = segment::name(header.seal.sequence);
    let unfinished = segment::unfinished(&name);
    let made = Segment::create(files, header, len)
        .and_then(|segment| files.rename(&unfinished, &name).map(|()| segment));
    match made {
        Ok(segment) => match files.sync_dir() {
            Ok(()) => Ok(segment),
            Err(error) => Err(Failed::Unknown(name, error.to_string())),
        },
        Err(error) => {
            // One that stays behind is emptied by the next attempt, or removed when the log is opened.
            let _: std::io::Result<()> = files.remove(&unfinished);
            Err(Failed::Undone(WriteError::io("make", &name)(error)))
        }
    }
}

impl<F: Files> std::fmt::Debug for Log<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Log")
            .field("reader", &self.reader)
            .field("segment", &self.active.name)
            .field("tail", &self.tail)
            .field("durable", &self.durable)
            .field("poisoned", &self.poisoned)
            .finish_non_exhaustive()
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            segment_bytes: 64 << 20,
            // The one source of randomness in the standard library.
            salt: RandomState::new().hash_one(0),
        }
    }
}
