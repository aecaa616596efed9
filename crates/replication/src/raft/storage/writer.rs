//! Writes the log and the vote.
//!
//! Where the disk refuses a write without harm, as a full one does, the writer tries it again until it goes
//! through, and says meanwhile that it is stuck. Where a sync fails, it says so to everybody and stops: nobody
//! knows then what is on the disk.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use bytes::BufMut;
use openraft::async_runtime::watch::WatchSender;
use openraft::storage::IOFlushed;
use tokio::sync::{mpsc, oneshot};

use super::LogStore;
use crate::disk::{Files, Log, Position, Record, VoteFile, WriteError};
use crate::raft::codec::{Malformed, Reader, Write};
use crate::raft::place::Place;
use crate::raft::runtime::Sender;
use crate::raft::types::{Types, Vote};

/// How long a write that was refused waits until it is tried again.
const AGAIN: Duration = Duration::from_millis(200);

/// How many jobs are done with one sync, at most.
const TOGETHER: usize = 4096;

/// Something to be written.
pub(crate) enum Job {
    /// Records after the last one.
    Append(Vec<Record>, IOFlushed<Types>),
    /// Take off everything from an index on.
    Truncate(u64, oneshot::Sender<io::Result<()>>),
    /// Forget everything up to a position.
    Purge(Position, oneshot::Sender<io::Result<()>>),
    /// A vote in place of the last one, or the last one anew.
    Vote(Option<Vote>, oneshot::Sender<io::Result<()>>),
    /// The server has settled in: its log is as good as its vote.
    Settle(oneshot::Sender<io::Result<()>>),
    /// The disk has failed elsewhere.
    Fail(String),
    /// Nothing comes after this.
    Stop,
}

/// What the vote file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Promise {
    pub(crate) vote: Option<Vote>,
    /// Whether this server has had everything that it may have acknowledged. One that has lost its disk has not
    /// until a leader has brought it up to date, so until then it must not help to elect one that lacks it.
    pub(crate) settled: bool,
}

/// How the disk does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Health {
    #[default]
    Fine,
    /// Writes are refused and tried again.
    Stuck(String),
    /// Nothing is written any more.
    Failed(String),
}

pub(crate) struct Writer<F: Files> {
    pub(crate) log: Log<F>,
    pub(crate) votes: VoteFile<F>,
    pub(crate) promise: Promise,
    pub(crate) health: Sender<Health>,
    pub(crate) store: LogStore<F>,
    pub(crate) jobs: mpsc::UnboundedReceiver<Job>,
}

/// What waits for the next sync.
struct Flush(IOFlushed<Types>);

/// Why a job was not done.
enum Undone {
    /// It is to be tried again.
    Again(Job, String),
    /// It never will be.
    Failed(String),
}

/// How it goes on after some work.
enum Next {
    Go,
    /// Something has to be tried again.
    Wait,
    Stop,
}

// === impl Writer ===

impl<F: Files> Writer<F> {
    /// Writes until nobody asks for anything any more.
    pub(crate) fn start(self, place: &Place, tasks: &tribune_runtime::Tasks) -> io::Result<()> {
        match place {
            Place::Threads => {
                let run = move || self.run_blocking();
                std::thread::Builder::new()
                    .name("raft-log".to_owned())
                    .spawn(run)?;
            }
            Place::Here(_) => tasks.spawn("raft log", self.run(place.clone())),
        }
        Ok(())
    }

    fn run_blocking(mut self) {
        let mut waiting = VecDeque::new();
        loop {
            if waiting.is_empty() {
                match self.jobs.blocking_recv() {
                    Some(job) => waiting.push_back(job),
                    None => return,
                }
            }
            self.take_waiting(&mut waiting);
            match self.work(&mut waiting) {
                Next::Go => {}
                Next::Wait => std::thread::sleep(AGAIN),
                Next::Stop => return,
            }
        }
    }

    async fn run(mut self, place: Place) {
        let mut waiting = VecDeque::new();
        loop {
            if waiting.is_empty() {
                match self.jobs.recv().await {
                    Some(job) => waiting.push_back(job),
                    None => return,
                }
            }
            // Whatever comes while the disk is busy is done together.
            if place.run(|| ()).await.is_err() {
                return;
            }
            self.take_waiting(&mut waiting);
            match self.work(&mut waiting) {
                Next::Go => {}
                Next::Wait => tokio::time::sleep(AGAIN).await,
                Next::Stop => return,
            }
        }
    }

    fn take_waiting(&mut self, waiting: &mut VecDeque<Job>) {
        while waiting.len() < TOGETHER
            && let Ok(job) = self.jobs.try_recv()
        {
            waiting.push_back(job);
        }
    }

    /// Does what waits, in order, and makes it durable.
    fn work(&mut self, waiting: &mut VecDeque<Job>) -> Next {
        let mut flushes = Vec::new();
        let mut stuck = None;
        // Whoever stops does not wait for room.
        let stop = waiting.iter().any(|job| matches!(job, Job::Stop));
        while let Some(job) = waiting.pop_front() {
            match self.job(job, &mut flushes) {
                Ok(()) => {}
                Err(Undone::Again(job, reason)) => {
                    waiting.push_front(job);
                    stuck = Some(reason);
                    break;
                }
                Err(Undone::Failed(reason)) => self.fail(&reason),
            }
        }
        self.flush(flushes);
        let next = match (stop, stuck.is_some()) {
            (true, _) => Next::Stop,
            (false, true) => Next::Wait,
            (false, false) => Next::Go,
        };
        self.health.send_if_modified(|health| {
            let now = match (&*health, stuck) {
                (Health::Failed(_), _) => return false,
                (_, Some(reason)) => Health::Stuck(reason),
                (_, None) => Health::Fine,
            };
            let differs = *health != now;
            *health = now;
            differs
        });
        next
    }

    fn job(&mut self, job: Job, flushes: &mut Vec<Flush>) -> Result<(), Undone> {
        match job {
            Job::Append(records, flushed) => match self.log.append(&records) {
                Ok(()) => {
                    flushes.push(Flush(flushed));
                    let end = records.last().map_or(0, |last| last.index + 1);
                    self.store.written(end);
                    Ok(())
                }
                Err(error) => match undone(&error) {
                    Some(reason) => Err(Undone::Again(Job::Append(records, flushed), reason)),
                    None => {
                        flushed.io_completed(Err(io::Error::other(error.to_string())));
                        Err(Undone::Failed(error.to_string()))
                    }
                },
            },
            Job::Truncate(from, done) => {
                let truncated = self.log.truncate_from(from);
                answer(truncated, done, |done| Job::Truncate(from, done))
            }
            Job::Purge(position, done) => {
                let purged = self.log.purge_up_to(position);
                answer(purged, done, |done| Job::Purge(position, done))
            }
            Job::Vote(vote, done) => {
                let promise = Promise {
                    vote: vote.or(self.promise.vote),
                    ..self.promise
                };
                answer(self.promise(promise), done, |done| Job::Vote(vote, done))
            }
            Job::Fail(reason) => Err(Undone::Failed(reason)),
            Job::Stop => Ok(()),
            Job::Settle(done) => {
                let promise = Promise {
                    settled: true,
                    ..self.promise
                };
                answer(self.promise(promise), done, Job::Settle)
            }
        }
    }

    fn promise(&mut self, promise: Promise) -> Result<(), WriteError> {
        if promise != self.promise {
            self.votes.write(&promise.encode())?;
            self.promise = promise;
        }
        Ok(())
    }

    /// One sync for all that was appended.
    fn flush(&mut self, flushes: Vec<Flush>) {
        if flushes.is_empty() {
            return;
        }
        let synced = self.log.sync().map_err(|error| error.to_string());
        if let Err(reason) = &synced {
            self.fail(reason);
        }
        for Flush(flushed) in flushes {
            flushed.io_completed(synced.clone().map_err(io::Error::other));
        }
    }

    fn fail(&self, reason: &str) {
        tracing::error!(
            reason,
            "the log cannot be written, so this server takes no more part"
        );
        self.health
            .send_if_different(Health::Failed(reason.to_owned()));
    }
}

/// What to say of an error after which the write may be tried again.
fn undone(error: &WriteError) -> Option<String> {
    match error {
        WriteError::NoSpace { .. } | WriteError::Io { .. } => Some(error.to_string()),
        WriteError::Poisoned { .. }
        | WriteError::OutOfOrder { .. }
        | WriteError::TooLarge { .. } => None,
    }
}

/// Answers whoever asked for something, unless it has to be tried again.
fn answer(
    written: Result<(), WriteError>,
    done: oneshot::Sender<io::Result<()>>,
    again: impl FnOnce(oneshot::Sender<io::Result<()>>) -> Job,
) -> Result<(), Undone> {
    let Err(error) = written else {
        let _: Result<(), _> = done.send(Ok(()));
        return Ok(());
    };
    if let Some(reason) = undone(&error) {
        return Err(Undone::Again(again(done), reason));
    }
    let reason = error.to_string();
    let _: Result<(), _> = done.send(Err(io::Error::other(reason.clone())));
    Err(Undone::Failed(reason))
}

// === impl Promise ===

impl Promise {
    /// What a server says that has never promised anything.
    pub(crate) const NONE: Self = Self {
        vote: None,
        settled: false,
    };

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.put_u8(u8::from(self.settled));
        out.flag(self.vote.is_some());
        if let Some(vote) = &self.vote {
            out.vote(vote);
        }
        out
    }

    pub(crate) fn decode(bytes: Vec<u8>) -> Result<Self, Malformed> {
        let mut reader = Reader(bytes.into());
        let settled = reader.flag()?;
        let vote = if reader.flag()? {
            Some(reader.vote()?)
        } else {
            None
        };
        reader.end()?;
        Ok(Self { vote, settled })
    }
}
