//! The log and the vote, as openraft writes and reads them, over [`disk`](crate::disk).
//!
//! What is appended can be read at once and is written by one [`writer`], which makes everything durable that
//! waits while it is at it, with one sync.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::io;
use std::ops::{Bound, RangeBounds};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use futures_util::{Stream, stream};
use openraft::OptionalSend;
use openraft::storage::{IOFlushed, LogState, RaftLogReader, RaftLogStorage};
use tokio::sync::{mpsc, oneshot};

use super::codec::{encode_payload, payload};
use super::place::Place;
use super::types::{Entry, LogId, Types, Vote, log_id, term};
use crate::disk::{self, Files, Position, Record};

pub(crate) mod writer;

use writer::Job;

/// How much of the log is kept in memory, in bytes of commands, for followers that are a little behind.
const KEPT: usize = 16 << 20;

/// How much is read at once, for a message or to be applied.
const AT_ONCE: usize = 1 << 20;

/// The log, for openraft. Clones are the same log.
pub(crate) struct LogStore<F: Files> {
    shared: Arc<Shared<F>>,
}

/// What the log and its writer share.
pub(crate) struct Shared<F: Files> {
    tail: RwLock<Tail>,
    vote: RwLock<Option<Vote>>,
    reader: disk::Reader<F>,
    jobs: mpsc::UnboundedSender<Job>,
    place: Place,
}

/// The end of the log, in memory.
#[derive(Default)]
struct Tail {
    entries: VecDeque<Entry>,
    bytes: usize,
    /// The last entry that was purged.
    purged: Option<LogId>,
    /// The last entry there is, where there is one after what was purged.
    last: Option<LogId>,
    /// The index after the last one that is in a file. What is not yet cannot be forgotten.
    written: u64,
}

// === impl LogStore ===

impl<F: Files> LogStore<F> {
    pub(crate) fn new(
        log: &disk::Log<F>,
        vote: Option<Vote>,
        jobs: mpsc::UnboundedSender<Job>,
        place: Place,
    ) -> Self {
        let id = |position: Position| log_id(position.term, position.index);
        let tail = Tail {
            purged: log.purged().map(id),
            last: log.last().map(id),
            written: log.last().map_or(0, |last| last.index + 1),
            ..Tail::default()
        };
        Self {
            shared: Arc::new(Shared {
                tail: RwLock::new(tail),
                vote: RwLock::new(vote),
                reader: log.reader(),
                jobs,
                place,
            }),
        }
    }

    /// Tells that everything before an index is in a file.
    pub(crate) fn written(&self, end: u64) {
        let mut tail = self.tail_mut();
        tail.written = tail.written.max(end);
        tail.forget();
    }

    /// The last entry there is or was.
    pub(crate) fn last(&self) -> Option<LogId> {
        let tail = self.tail();
        tail.last.or(tail.purged)
    }

    /// Entries from `start` on and before `end`, up to about `bytes` of them and at least one.
    async fn read(&self, start: u64, end: u64, bytes: usize) -> io::Result<Vec<Entry>> {
        let kept = {
            let tail = self.tail();
            if start >= tail.first() {
                return Ok(tail.read(start, end, bytes));
            }
            tail.first()
        };
        let (reader, until) = (self.shared.reader.clone(), end.min(kept));
        let read = move || reader.read_up_to(start..until, bytes as u64);
        let records = self.shared.place.run(read).await?;
        let records = records.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        let entries: Result<Vec<Entry>, _> = records.into_iter().map(entry).collect();
        entries.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }

    /// Has the writer do something, and waits until it has.
    async fn ask(
        &self,
        job: impl FnOnce(oneshot::Sender<io::Result<()>>) -> Job,
    ) -> io::Result<()> {
        let (done, is_done) = oneshot::channel();
        self.shared.jobs.send(job(done)).map_err(|_| gone())?;
        is_done.await.map_err(|_| gone())?
    }

    /// A vote and whether this server has settled, made durable.
    pub(crate) async fn save(&self, vote: Vote) -> io::Result<()> {
        self.ask(|done| Job::Vote(Some(vote), done)).await?;
        *self
            .shared
            .vote
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Some(vote);
        Ok(())
    }

    fn tail(&self) -> RwLockReadGuard<'_, Tail> {
        self.shared
            .tail
            .read()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn tail_mut(&self) -> RwLockWriteGuard<'_, Tail> {
        self.shared
            .tail
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl<F: Files> Clone for LogStore<F> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

/// The writer has stopped, so nothing is written any more.
fn gone() -> io::Error {
    io::Error::other("the log is not written any more")
}

/// The record of an entry.
fn record(entry: &Entry) -> Record {
    Record {
        index: entry.log_id.index,
        term: term(&entry.log_id),
        payload: encode_payload(&entry.payload),
    }
}

/// The entry of a record.
fn entry(record: Record) -> Result<Entry, super::codec::Malformed> {
    Ok(Entry {
        log_id: log_id(record.term, record.index),
        payload: payload(record.payload)?,
    })
}

impl<F: Files> RaftLogReader<Types> for LogStore<F> {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> io::Result<Vec<Entry>> {
        let (mut start, end) = self.tail().within(&range);
        let mut entries = Vec::new();
        while start < end {
            let more = self.read(start, end, usize::MAX).await?;
            let Some(last) = more.last() else { break };
            start = last.log_id.index + 1;
            entries.extend(more);
        }
        Ok(entries)
    }

    async fn entries_stream<RB>(
        &mut self,
        range: RB,
    ) -> impl Stream<Item = io::Result<Entry>> + OptionalSend
    where
        RB: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        let (start, end) = self.tail().within(&range);
        let pieces = stream::unfold((self.clone(), start), move |(log, start)| async move {
            if start >= end {
                return None;
            }
            let piece = log.read(start, end, AT_ONCE).await;
            let next = match &piece {
                Ok(entries) => entries.last().map_or(end, |last| last.log_id.index + 1),
                Err(_) => end,
            };
            let piece: Vec<io::Result<Entry>> = match piece {
                Ok(entries) => entries.into_iter().map(Ok).collect(),
                Err(error) => vec![Err(error)],
            };
            Some((stream::iter(piece), (log, next)))
        });
        Box::pin(futures_util::StreamExt::flatten(pieces))
    }

    async fn read_vote(&mut self) -> io::Result<Option<Vote>> {
        Ok(*self
            .shared
            .vote
            .read()
            .unwrap_or_else(PoisonError::into_inner))
    }

    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> io::Result<Vec<Entry>> {
        let (start, end) = self.tail().within(&(start..end));
        self.read(start, end, AT_ONCE).await
    }
}

impl<F: Files> RaftLogStorage<Types> for LogStore<F> {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> io::Result<LogState<Types>> {
        let tail = self.tail();
        Ok(LogState {
            last_purged_log_id: tail.purged,
            last_log_id: tail.last.or(tail.purged),
        })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> io::Result<()> {
        self.save(*vote).await
    }

    async fn append<I>(&mut self, entries: I, flushed: IOFlushed<Types>) -> io::Result<()>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let entries: Vec<Entry> = entries.into_iter().collect();
        let records = entries.iter().map(record).collect();
        // They are in memory before the writer hears of them, so that it never forgets what it was not told.
        self.tail_mut().extend(entries);
        self.shared
            .jobs
            .send(Job::Append(records, flushed))
            .map_err(|_| gone())
    }

    async fn truncate_after(&mut self, last: Option<LogId>) -> io::Result<()> {
        let from = last.map_or(0, |last| last.index + 1);
        self.ask(|done| Job::Truncate(from, done)).await?;
        self.tail_mut().truncate(from, last);
        Ok(())
    }

    async fn purge(&mut self, id: LogId) -> io::Result<()> {
        let position = Position {
            index: id.index,
            term: term(&id),
        };
        self.ask(|done| Job::Purge(position, done)).await?;
        self.tail_mut().purge(id);
        Ok(())
    }
}

// === impl Tail ===

impl Tail {
    /// Index of the first entry in memory, or after the last one where none is.
    fn first(&self) -> u64 {
        let end = self.last.or(self.purged).map_or(0, |last| last.index + 1);
        self.entries.front().map_or(end, |entry| entry.log_id.index)
    }

    /// A range, cut to what is in the log.
    fn within(&self, range: &impl RangeBounds<u64>) -> (u64, u64) {
        let start = match range.start_bound() {
            Bound::Included(&start) => start,
            Bound::Excluded(&before) => before.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(&last) => last.saturating_add(1),
            Bound::Excluded(&end) => end,
            Bound::Unbounded => u64::MAX,
        };
        let first = self.purged.map_or(0, |purged| purged.index + 1);
        (
            start.max(first),
            end.min(self.last.map_or(first, |last| last.index + 1)),
        )
    }

    fn read(&self, start: u64, end: u64, limit: usize) -> Vec<Entry> {
        let skipped = usize::try_from(start.saturating_sub(self.first())).unwrap_or(usize::MAX);
        let (mut bytes, mut read) = (0, Vec::new());
        for entry in self.entries.iter().skip(skipped) {
            bytes += size(entry);
            if entry.log_id.index >= end || (bytes > limit && !read.is_empty()) {
                break;
            }
            read.push(entry.clone());
        }
        read
    }

    fn extend(&mut self, entries: Vec<Entry>) {
        for entry in entries {
            self.bytes += size(&entry);
            self.last = Some(entry.log_id);
            self.entries.push_back(entry);
        }
    }

    fn truncate(&mut self, from: u64, last: Option<LogId>) {
        while self
            .entries
            .back()
            .is_some_and(|entry| entry.log_id.index >= from)
        {
            if let Some(entry) = self.entries.pop_back() {
                self.bytes -= size(&entry);
            }
        }
        self.last = last.filter(|last| self.purged.is_none_or(|purged| last.index > purged.index));
        self.written = self.written.min(from);
    }

    fn purge(&mut self, id: LogId) {
        while self
            .entries
            .front()
            .is_some_and(|entry| entry.log_id.index <= id.index)
        {
            self.pop_front();
        }
        self.purged = Some(id);
        self.last = self.last.filter(|last| last.index > id.index);
        self.written = self.written.max(id.index + 1);
    }

    /// Takes the oldest entries out of memory where there is too much of it.
    fn forget(&mut self) {
        while self.bytes > KEPT
            && self
                .entries
                .front()
                .is_some_and(|entry| entry.log_id.index < self.written)
        {
            self.pop_front();
        }
    }

    fn pop_front(&mut self) {
        if let Some(entry) = self.entries.pop_front() {
            self.bytes -= size(&entry);
        }
    }
}

/// About how much memory an entry takes.
fn size(entry: &Entry) -> usize {
    64 + match &entry.payload {
        openraft::EntryPayload::Normal(data) => data.bytes.len(),
        openraft::EntryPayload::Blank | openraft::EntryPayload::Membership(_) => 0,
    }
}
