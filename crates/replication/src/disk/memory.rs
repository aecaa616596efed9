//! A disk in memory, for tests: it forgets what was not synced, and fails when it is told to.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::files::{File, Files};

mod data;

use data::Data;

/// The files of one directory in memory. Clones are the same directory.
///
/// Everything behaves as after a power cut wherever it may: each sector that was written and not synced
/// is as it is after any one of the writes to it or before them, independent of the others; of what
/// happened to names, a part from the beginning is kept.
#[derive(Clone, Default)]
pub struct Memory {
    disk: Arc<Mutex<Disk>>,
}

/// What a disk is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the variants are the calls of a disk")]
pub enum Operation {
    Create,
    Open,
    Rename,
    Remove,
    List,
    SyncDir,
    Len,
    Read,
    Write,
    Allocate,
    Sync,
}

/// One call to a disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// How many were made before it.
    pub number: u64,
    /// What it asks for.
    pub operation: Operation,
    /// The file that it is about; empty for a call about the directory.
    pub file: String,
}

/// How a call goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It fails with this error of the operating system, and nothing is done. What a sync that fails
    /// was to make durable will not be by a later one either: it counts as written.
    Error(i32),
    /// It does a half: a write fails after that, a read reads that.
    Half,
    /// It says that it was done, and nothing is.
    Lie,
}

/// An open file in memory.
#[derive(Clone)]
pub struct MemoryFile {
    disk: Arc<Mutex<Disk>>,
    id: u64,
    name: String,
}

type Plan = Box<dyn FnMut(&Call) -> Option<Fault> + Send>;

#[derive(Default)]
struct Disk {
    files: BTreeMap<u64, Data>,
    names: BTreeMap<String, u64>,
    durable_names: BTreeMap<String, u64>,
    /// What happened to names since they were durable.
    journal: Vec<Renaming>,
    next: u64,
    calls: u64,
    capacity: Option<u64>,
    plan: Option<Plan>,
}

#[derive(Clone)]
enum Renaming {
    Link(String, u64),
    Unlink(String),
    Rename(String, String),
}

/// `EIO`.
const EIO: i32 = 5;

/// `ENOSPC`.
const ENOSPC: i32 = 28;

impl Fault {
    /// The disk reports an error (`EIO`).
    pub const IO: Self = Self::Error(EIO);

    /// The disk is full (`ENOSPC`).
    pub const NO_SPACE: Self = Self::Error(ENOSPC);
}

// === impl Memory ===

impl Memory {
    /// An empty directory.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Has `plan` decide from now on which calls go wrong, and how.
    pub fn fail(&self, plan: impl FnMut(&Call) -> Option<Fault> + Send + 'static) {
        self.disk().plan = Some(Box::new(plan));
    }

    /// Has all calls go well from now on.
    pub fn heal(&self) {
        self.disk().plan = None;
    }

    /// How many calls were made.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.disk().calls
    }

    /// Has room for no more than this many bytes in all files together, or as many as one likes.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.disk().capacity = bytes;
    }

    /// Turns a bit of a file around, where the file is that long; says whether it is.
    pub fn flip(&self, name: &str, bit: u64) -> bool {
        let mut disk = self.disk();
        let id = disk.names.get(name).copied();
        let data = id.and_then(|id| disk.files.get_mut(&id));
        data.is_some_and(|data| data.flip(bit))
    }

    /// What a file says now, where there is one.
    #[must_use]
    pub fn content(&self, name: &str) -> Option<Vec<u8>> {
        let disk = self.disk();
        let data = disk.files.get(disk.names.get(name)?)?;
        Some(data.current.clone())
    }

    /// The directory as a power cut might leave it now. Wherever there are several possibilities, `choose`
    /// gets their number and picks one; 0 is always the one in which nothing happened after the last sync.
    #[must_use]
    pub fn crash(&self, mut choose: impl FnMut(usize) -> usize) -> Self {
        let disk = self.disk();
        let mut names = disk.durable_names.clone();
        let happened = choose(disk.journal.len() + 1);
        for renaming in disk.journal.iter().take(happened) {
            renaming.apply(&mut names);
        }
        let named: BTreeSet<u64> = names.values().copied().collect();
        let files = named
            .iter()
            .filter_map(|id| Some((*id, disk.files.get(id)?.crash(&mut choose))))
            .collect();
        let after = Disk {
            files,
            durable_names: names.clone(),
            names,
            next: disk.next,
            capacity: disk.capacity,
            ..Disk::default()
        };
        Self {
            disk: Arc::new(Mutex::new(after)),
        }
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn file(&self, name: &str, id: u64) -> MemoryFile {
        MemoryFile {
            disk: Arc::clone(&self.disk),
            id,
            name: name.to_owned(),
        }
    }
}

// === impl Disk ===

impl Disk {
    /// Counts a call and says how it goes wrong.
    fn call(&mut self, operation: Operation, file: &str) -> io::Result<Option<Fault>> {
        let call = Call {
            number: self.calls,
            operation,
            file: file.to_owned(),
        };
        self.calls += 1;
        match self.plan.as_mut().and_then(|plan| plan(&call)) {
            Some(Fault::Error(error)) => Err(io::Error::from_raw_os_error(error)),
            other => Ok(other),
        }
    }

    fn rename(&mut self, renaming: Renaming) {
        renaming.apply(&mut self.names);
        self.journal.push(renaming);
    }

    fn named(&self, name: &str) -> io::Result<u64> {
        let id = self.names.get(name).copied();
        id.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Whether there is room for a file to become this long.
    fn make_room(&self, id: u64, len: u64) -> io::Result<()> {
        let Some(capacity) = self.capacity else {
            return Ok(());
        };
        let named: BTreeSet<u64> = self.names.values().copied().collect();
        let others = named.iter().filter(|other| **other != id);
        let used: u64 = others
            .filter_map(|other| self.files.get(other))
            .map(|data| data.current.len() as u64)
            .sum();
        let own = self
            .files
            .get(&id)
            .map_or(0, |data| data.current.len() as u64);
        if len > own && used + len > capacity {
            return Err(io::Error::from_raw_os_error(ENOSPC));
        }
        Ok(())
    }
}

impl Renaming {
    fn apply(&self, names: &mut BTreeMap<String, u64>) {
        match self {
            Self::Link(name, id) => {
                names.insert(name.clone(), *id);
            }
            Self::Unlink(name) => {
                names.remove(name);
            }
            Self::Rename(from, to) => {
                if let Some(id) = names.remove(from) {
                    names.insert(to.clone(), id);
                }
            }
        }
    }
}

impl Files for Memory {
    type File = MemoryFile;

    fn create(&self, name: &str) -> io::Result<MemoryFile> {
        let mut disk = self.disk();
        disk.call(Operation::Create, name)?;
        let id = disk.next;
        disk.next += 1;
        disk.files.insert(id, Data::default());
        disk.rename(Renaming::Link(name.to_owned(), id));
        drop(disk);
        Ok(self.file(name, id))
    }

    fn open(&self, name: &str) -> io::Result<MemoryFile> {
        let mut disk = self.disk();
        disk.call(Operation::Open, name)?;
        let id = disk.named(name)?;
        drop(disk);
        Ok(self.file(name, id))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut disk = self.disk();
        disk.call(Operation::Rename, from)?;
        disk.named(from)?;
        disk.rename(Renaming::Rename(from.to_owned(), to.to_owned()));
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut disk = self.disk();
        disk.call(Operation::Remove, name)?;
        disk.named(name)?;
        disk.rename(Renaming::Unlink(name.to_owned()));
        Ok(())
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let mut disk = self.disk();
        disk.call(Operation::List, "")?;
        Ok(disk.names.keys().cloned().collect())
    }

    fn sync_dir(&self) -> io::Result<()> {
        let mut disk = self.disk();
        if disk.call(Operation::SyncDir, "")? == Some(Fault::Lie) {
            return Ok(());
        }
        disk.journal.clear();
        disk.durable_names = disk.names.clone();
        Ok(())
    }
}

impl MemoryFile {
    /// Makes a call about this file.
    fn call<T>(
        &self,
        operation: Operation,
        act: impl FnOnce(&mut Disk, Option<Fault>) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut disk = self.disk.lock().unwrap_or_else(PoisonError::into_inner);
        let called = disk.call(operation, &self.name);
        if called.is_err() && operation == Operation::Sync {
            disk.data(self.id)?.forget();
        }
        act(&mut disk, called?)
    }
}

impl Disk {
    fn data(&mut self, id: u64) -> io::Result<&mut Data> {
        let data = self.files.get_mut(&id);
        data.ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl File for MemoryFile {
    fn len(&self) -> io::Result<u64> {
        self.call(Operation::Len, |disk, _| {
            Ok(disk.data(self.id)?.current.len() as u64)
        })
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.call(Operation::Read, |disk, fault| {
            let most = match fault {
                Some(Fault::Half) => buffer.len().div_ceil(2),
                _ => buffer.len(),
            };
            Ok(disk.data(self.id)?.read(&mut buffer[..most], offset))
        })
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.call(Operation::Write, |disk, fault| {
            disk.make_room(self.id, offset + bytes.len() as u64)?;
            match fault {
                Some(Fault::Lie) => Ok(()),
                Some(Fault::Half) => {
                    let half = &bytes[..bytes.len() / 2];
                    disk.data(self.id)?.write(half, offset);
                    Err(io::Error::from_raw_os_error(EIO))
                }
                Some(Fault::Error(_)) | None => {
                    disk.data(self.id)?.write(bytes, offset);
                    Ok(())
                }
            }
        })
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        self.call(Operation::Allocate, |disk, fault| {
            disk.make_room(self.id, len)?;
            if fault != Some(Fault::Lie) {
                disk.data(self.id)?.allocate(len);
            }
            Ok(())
        })
    }

    fn sync_data(&self) -> io::Result<()> {
        self.call(Operation::Sync, |disk, fault| {
            if fault != Some(Fault::Lie) {
                disk.data(self.id)?.sync();
            }
            Ok(())
        })
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let disk = self.disk();
        let files = disk.names.iter().filter_map(|(name, id)| {
            let data = disk.files.get(id)?;
            Some((name, data.current.len()))
        });
        f.debug_map().entries(files).finish()
    }
}

impl fmt::Debug for MemoryFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MemoryFile").field(&self.name).finish()
    }
}
