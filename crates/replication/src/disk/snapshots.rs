//! Snapshots of the tables, one file each, of which the last one is kept.
//!
//! ```text
//! 8 bytes  TRIBSNAP
//! u32      version of the format
//! u64 u64  index and term of the last record that is part of it
//! u32      length of, and
//!          what whoever made it wants to know of it
//! u32      CRC-32 of everything before
//! then for each chunk
//! u32      its length, not 0
//! u32      CRC-32 of its number (u64, from 0), its length, and itself
//!          the chunk
//! and at the end
//! u32      0
//! u64 u64  how many chunks and how many bytes there are in all
//! u32      CRC-32 of the 20 bytes before
//! ```

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crc32fast::Hasher;

use super::error::{Damage, OpenError, ReadError, WriteError};
use super::files::{File, Files};
use super::log::Position;

#[cfg(test)]
mod tests;

/// Version of the format.
const VERSION: u32 = 1;

const MAGIC: [u8; 8] = *b"TRIBSNAP";
const PREFIX: &str = "snapshot-";
const UNFINISHED: &str = ".new";

/// Length of the header up to what whoever made the snapshot wants to know.
const FIXED: usize = 32;

/// Longest chunk, and longest description.
const LONGEST: usize = 256 << 20;

/// The snapshots of a data directory. Clones are the same ones.
pub struct Snapshots<F: Files> {
    files: Arc<F>,
    state: Arc<Mutex<State<F::File>>>,
}

struct State<F> {
    latest: Option<Kept<F>>,
    /// Sequence of the next one.
    next: u64,
    /// Why nothing more is written.
    poisoned: Option<(String, String)>,
}

struct Kept<F> {
    name: String,
    file: Arc<F>,
    meta: Meta,
    /// Where its chunks begin.
    begin: u64,
}

/// What a snapshot is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    /// The last record that is part of it.
    pub position: Position,
    /// What whoever made it wants to know of it.
    pub data: Vec<u8>,
}

/// What was found when the snapshots were opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SnapshotRecovery {
    /// The last one that is right.
    pub latest: Option<Meta>,
    /// Later ones that are damaged and are done without.
    pub damaged: Vec<Damage>,
    /// Files that were left over and are removed.
    pub removed: Vec<String>,
}

/// A snapshot being written. Dropped before it is finished, it leaves nothing behind.
pub struct SnapshotWriter<F: Files> {
    snapshots: Snapshots<F>,
    name: String,
    file: Option<F::File>,
    meta: Meta,
    begin: u64,
    end: u64,
    chunks: u64,
    bytes: u64,
}

/// A snapshot to be read, also after a later one has taken its place.
pub struct SnapshotReader<F: Files> {
    name: String,
    file: Arc<F::File>,
    meta: Meta,
    begin: u64,
}

/// The chunks of a snapshot, each checked against its checksum.
pub struct Chunks<'a, F: Files> {
    reader: &'a SnapshotReader<F>,
    at: u64,
    chunks: u64,
    bytes: u64,
    done: bool,
}

// === impl Meta ===

impl Meta {
    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(FIXED + self.data.len() + 4);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&self.position.index.to_le_bytes());
        bytes.extend_from_slice(&self.position.term.to_le_bytes());
        bytes.extend_from_slice(&(self.data.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&self.data);
        bytes.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
        bytes
    }

    /// Reads a header, and says where the chunks begin.
    fn read<F: File>(name: &str, file: &F) -> Result<(Self, u64), OpenError> {
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::UnexpectedEof => Damage::new(name, 0, "the header is cut off").into(),
            _ => OpenError::io("read", name)(error),
        };
        let mut bytes = vec![0; FIXED];
        file.read_exact_at(&mut bytes, 0).map_err(failed)?;
        if bytes.first_chunk() != Some(&MAGIC) {
            return Err(Damage::new(name, 0, "this is not a snapshot").into());
        }
        let len = number::<4>(&bytes, 28) as usize;
        if len > LONGEST {
            return Err(Damage::new(name, 28, "the header has an impossible length").into());
        }
        bytes.resize(FIXED + len + 4, 0);
        file.read_exact_at(&mut bytes, 0).map_err(failed)?;
        if u64::from(crc32fast::hash(&bytes[..FIXED + len])) != number::<4>(&bytes, FIXED + len) {
            return Err(Damage::new(name, 0, "the header does not match its checksum").into());
        }
        let version = number::<4>(&bytes, 8) as u32;
        if version > VERSION {
            return Err(OpenError::Newer {
                file: name.to_owned(),
                found: version,
                known: VERSION,
            });
        }
        let position = Position {
            index: number::<8>(&bytes, 12),
            term: number::<8>(&bytes, 20),
        };
        let data = bytes[FIXED..FIXED + len].to_vec();
        Ok((Self { position, data }, bytes.len() as u64))
    }
}

/// The number of some bytes at a place that the caller knows to be inside.
fn number<const BYTES: usize>(bytes: &[u8], at: usize) -> u64 {
    let mut eight = [0; 8];
    let found = bytes.get(at..at + BYTES).unwrap_or_default();
    for (to, from) in eight.iter_mut().zip(found) {
        *to = *from;
    }
    u64::from_le_bytes(eight)
}

/// The checksum of a chunk at its place.
fn checksum(ordinal: u64, chunk: &[u8]) -> u32 {
    let mut hasher = Hasher::new();
    hasher.update(&ordinal.to_le_bytes());
    hasher.update(&(chunk.len() as u32).to_le_bytes());
    hasher.update(chunk);
    hasher.finalize()
}

/// What stands after the last chunk.
fn end(chunks: u64, bytes: u64) -> [u8; 24] {
    let mut end = [0; 24];
    end[4..12].copy_from_slice(&chunks.to_le_bytes());
    end[12..20].copy_from_slice(&bytes.to_le_bytes());
    let checksum = crc32fast::hash(&end[..20]);
    end[20..].copy_from_slice(&checksum.to_le_bytes());
    end
}

// === impl Snapshots ===

impl<F: Files> Snapshots<F> {
    /// Opens the snapshots of a data directory. All of the latest is read and checked. Where it is damaged,
    /// an earlier one will do, if there is one and the log has all records after it: `purged` is the
    /// last one that it has no more.
    ///
    /// # Errors
    /// Where no snapshot is right and one is needed, where one is of a later version or cannot be read.
    pub fn open(
        files: Arc<F>,
        purged: Option<Position>,
    ) -> Result<(Self, SnapshotRecovery), OpenError> {
        let (mut recovery, mut sequences) = (SnapshotRecovery::default(), Vec::new());
        let names = files
            .list()
            .map_err(OpenError::io("list", "the data directory"))?;
        for name in names {
            match name.strip_prefix(PREFIX) {
                Some(rest) if rest.ends_with(UNFINISHED) => recovery.removed.push(name),
                Some(rest) => sequences.extend(u64::from_str_radix(rest, 16)),
                None => {}
            }
        }
        sequences.sort_unstable();
        let next = sequences.last().map_or(1, |last| last + 1);
        let mut latest = None;
        for sequence in sequences.into_iter().rev() {
            let name = name(sequence);
            if latest.is_some() {
                recovery.removed.push(name);
                continue;
            }
            match SnapshotReader::open(&*files, &name) {
                Ok(reader) => latest = Some(reader),
                Err(OpenError::Damaged(damage)) => recovery.damaged.push(damage),
                Err(error) => return Err(error),
            }
        }
        let reaches = |reader: &SnapshotReader<F>| {
            purged.is_none_or(|purged| reader.meta.position.index >= purged.index)
        };
        if let Some(damage) = recovery.damaged.first()
            && !latest.as_ref().is_some_and(reaches)
        {
            return Err(damage.clone().into());
        }
        recovery.removed.sort_unstable();
        for name in &recovery.removed {
            // One that stays behind is found again.
            let _: io::Result<()> = files.remove(name);
        }
        recovery.latest = latest.as_ref().map(|reader| reader.meta.clone());
        let latest = latest.map(|reader| Kept {
            name: reader.name,
            file: reader.file,
            meta: reader.meta,
            begin: reader.begin,
        });
        let state = State {
            latest,
            next,
            poisoned: None,
        };
        let state = Arc::new(Mutex::new(state));
        Ok((Self { files, state }, recovery))
    }

    /// The latest snapshot.
    #[must_use]
    pub fn latest(&self) -> Option<SnapshotReader<F>> {
        let state = self.state();
        let kept = state.latest.as_ref()?;
        Some(SnapshotReader {
            name: kept.name.clone(),
            file: Arc::clone(&kept.file),
            meta: kept.meta.clone(),
            begin: kept.begin,
        })
    }

    /// Begins to write a snapshot.
    ///
    /// # Errors
    /// Where the disk refuses; nothing is left behind.
    pub fn begin(&self, meta: Meta) -> Result<SnapshotWriter<F>, WriteError> {
        let (name, poisoned) = {
            let mut state = self.state();
            state.next += 1;
            (name(state.next - 1), state.poisoned.clone())
        };
        if let Some((file, reason)) = poisoned {
            return Err(WriteError::Poisoned { file, reason });
        }
        if meta.data.len() > LONGEST {
            return Err(WriteError::TooLarge {
                len: meta.data.len(),
                limit: LONGEST,
            });
        }
        let file = self
            .files
            .create(&unfinished(&name))
            .map_err(WriteError::io("make", &name))?;
        let header = meta.encode();
        let begin = header.len() as u64;
        let mut writer = SnapshotWriter {
            snapshots: self.clone(),
            name,
            file: Some(file),
            meta,
            begin,
            end: 0,
            chunks: 0,
            bytes: 0,
        };
        writer.put(&header)?;
        Ok(writer)
    }

    /// Nothing that can fail is done under the lock but the files of a finished snapshot.
    fn state(&self) -> MutexGuard<'_, State<F::File>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<F: Files> Clone for Snapshots<F> {
    fn clone(&self) -> Self {
        Self {
            files: Arc::clone(&self.files),
            state: Arc::clone(&self.state),
        }
    }
}

fn name(sequence: u64) -> String {
    format!("{PREFIX}{sequence:016x}")
}

fn unfinished(name: &str) -> String {
    format!("{name}{UNFINISHED}")
}

// === impl SnapshotWriter ===

impl<F: Files> SnapshotWriter<F> {
    /// Appends a chunk; an empty one is none.
    ///
    /// # Errors
    /// Where the disk refuses. The snapshot is to be dropped then.
    pub fn write(&mut self, chunk: &[u8]) -> Result<(), WriteError> {
        let (len, limit) = (chunk.len(), LONGEST);
        if len > limit {
            return Err(WriteError::TooLarge { len, limit });
        }
        if len == 0 {
            return Ok(());
        }
        let mut frame = Vec::with_capacity(8 + len);
        frame.extend_from_slice(&(len as u32).to_le_bytes());
        frame.extend_from_slice(&checksum(self.chunks, chunk).to_le_bytes());
        frame.extend_from_slice(chunk);
        self.put(&frame)?;
        self.chunks += 1;
        self.bytes += len as u64;
        Ok(())
    }

    /// Makes the snapshot durable and the latest one, and removes the one before it. One that reaches less
    /// far than the latest, which was finished meanwhile, is removed itself.
    ///
    /// # Errors
    /// Where the disk refuses: then the one before it stays the latest.
    pub fn finish(mut self) -> Result<(), WriteError> {
        self.put(&end(self.chunks, self.bytes))?;
        let snapshots = self.snapshots.clone();
        let mut state = snapshots.state();
        let position = self.meta.position;
        if state
            .latest
            .as_ref()
            .is_some_and(|latest| latest.meta.position > position)
        {
            return Ok(());
        }
        let unfinished = unfinished(&self.name);
        let file = self.file.as_ref();
        let synced = file.map_or(Ok(()), File::sync_data);
        let named = synced.map(|()| {
            let renamed = snapshots.files.rename(&unfinished, &self.name);
            renamed.map_err(WriteError::io("name", &self.name))
        });
        let synced = match named {
            Ok(Ok(())) => snapshots.files.sync_dir(),
            Ok(Err(refused)) => return Err(refused),
            Err(error) => Err(error),
        };
        if let Err(error) = synced {
            let (file, reason) = (self.name.clone(), error.to_string());
            state.poisoned = Some((file.clone(), reason.clone()));
            return Err(WriteError::Poisoned { file, reason });
        }
        let Some(file) = self.file.take() else {
            return Ok(());
        };
        let kept = Kept {
            name: self.name.clone(),
            file: Arc::new(file),
            meta: self.meta.clone(),
            begin: self.begin,
        };
        if let Some(old) = state.latest.replace(kept) {
            // One that stays behind is removed when the snapshots are opened again.
            let _: io::Result<()> = snapshots.files.remove(&old.name);
        }
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        let file = self.file.as_ref();
        file.map_or(Ok(()), |file| file.write_at(bytes, self.end))
            .map_err(WriteError::io("write", &self.name))?;
        self.end += bytes.len() as u64;
        Ok(())
    }
}

impl<F: Files> Drop for SnapshotWriter<F> {
    fn drop(&mut self) {
        if self.file.is_some() {
            // One that stays behind is removed when the snapshots are opened again.
            let _: io::Result<()> = self.snapshots.files.remove(&unfinished(&self.name));
        }
    }
}

// === impl SnapshotReader ===

impl<F: Files> SnapshotReader<F> {
    /// Opens a snapshot and checks all of it.
    fn open(files: &F, name: &str) -> Result<Self, OpenError> {
        let file = files.open(name).map_err(OpenError::io("open", name))?;
        let (meta, begin) = Meta::read(name, &file)?;
        let reader = Self {
            name: name.to_owned(),
            file: Arc::new(file),
            meta,
            begin,
        };
        for chunk in reader.chunks() {
            chunk.map_err(|error| match error {
                ReadError::Damaged(damage) => damage.into(),
                ReadError::Io { file, source } => OpenError::io("read", &file)(source),
                // Chunks have no index.
                missing @ ReadError::Missing { .. } => {
                    OpenError::io("read", name)(io::Error::other(missing))
                }
            })?;
        }
        Ok(reader)
    }

    /// What it is of.
    #[must_use]
    pub const fn meta(&self) -> &Meta {
        &self.meta
    }

    /// Its chunks. A reader may ask for them more than once.
    #[must_use]
    pub const fn chunks(&self) -> Chunks<'_, F> {
        Chunks {
            reader: self,
            at: self.begin,
            chunks: 0,
            bytes: 0,
            done: false,
        }
    }
}

// === impl Chunks ===

impl<F: Files> Chunks<'_, F> {
    fn read(&self, at: u64, len: usize) -> Result<Vec<u8>, ReadError> {
        let mut bytes = vec![0; len];
        let name = &self.reader.name;
        match self.reader.file.read_exact_at(&mut bytes, at) {
            Ok(()) => Ok(bytes),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err(Damage::new(name, at, "the snapshot is cut off").into())
            }
            Err(source) => Err(ReadError::Io {
                file: name.clone(),
                source,
            }),
        }
    }

    fn next_chunk(&mut self) -> Result<Option<Vec<u8>>, ReadError> {
        let damage = |what| Err(Damage::new(&self.reader.name, self.at, what).into());
        let header = self.read(self.at, 8)?;
        let len = number::<4>(&header, 0) as usize;
        if len == 0 {
            let ending = end(self.chunks, self.bytes);
            if self.read(self.at, ending.len())? != ending {
                return damage("the end of the snapshot does not match what is before it");
            }
            let after = self.at + ending.len() as u64;
            let file_len = self.reader.file.len().map_err(|source| ReadError::Io {
                file: self.reader.name.clone(),
                source,
            })?;
            if file_len != after {
                return damage("there is more behind the end of the snapshot");
            }
            return Ok(None);
        }
        if len > LONGEST {
            return damage("a chunk has an impossible length");
        }
        let chunk = self.read(self.at + 8, len)?;
        if u64::from(checksum(self.chunks, &chunk)) != number::<4>(&header, 4) {
            return damage("a chunk does not match its checksum");
        }
        self.at += 8 + len as u64;
        self.chunks += 1;
        self.bytes += len as u64;
        Ok(Some(chunk))
    }
}

impl<F: Files> Iterator for Chunks<'_, F> {
    type Item = Result<Vec<u8>, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let next = self.next_chunk().transpose();
        self.done = !matches!(next, Some(Ok(_)));
        next
    }
}

impl<F: Files> std::fmt::Debug for Snapshots<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = self.state();
        let latest = state.latest.as_ref().map(|latest| &latest.meta.position);
        f.debug_struct("Snapshots")
            .field("latest", &latest)
            .finish_non_exhaustive()
    }
}
