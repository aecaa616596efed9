//! The tables, as openraft's state machine.

use std::io;
use std::sync::{Arc, PoisonError};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use openraft::storage::{ApplyResponder, EntryResponder, RaftSnapshotBuilder, RaftStateMachine};
use openraft::type_config::alias::SnapshotOf;
use openraft::{EntryPayload, OptionalSend};
use tribune_state::{Changes, Command, Snapshot, Store};

use super::place::Place;
use super::snapshot::{self, Shelf, SnapshotFile};
use super::types::{Answer, Data, Entry, LogId, SnapshotMeta, StoredMembership, Types};
use super::view::View;
use crate::handle::Observer;

/// How many entries are applied before those who wait are told.
const TOGETHER: usize = 4096;

/// The tables of one server, changed by the log alone.
pub(crate) struct Machine {
    store: Store,
    applied: Option<LogId>,
    membership: StoredMembership,
    view: Arc<View>,
    observer: Arc<dyn Observer>,
    shelf: Arc<dyn Shelf>,
    place: Place,
}

/// Makes a snapshot of the tables as they were, while they go on.
pub(crate) struct Builder {
    tables: Snapshot,
    meta: SnapshotMeta,
    shelf: Arc<dyn Shelf>,
    place: Place,
}

/// Entries that are being applied together.
#[derive(Default)]
struct Batch {
    changes: Option<Changes>,
    answers: Vec<(Option<ApplyResponder<Types>>, Answer)>,
    requests: Vec<(u128, Answer)>,
}

// === impl Machine ===

impl Machine {
    pub(crate) fn new(
        store: Store,
        meta: SnapshotMeta,
        observer: Arc<dyn Observer>,
        shelf: Arc<dyn Shelf>,
        place: Place,
    ) -> (Self, Arc<View>) {
        let end = meta.last_log_id.map_or(0, |last| last.index + 1);
        let view = View::new(store.snapshot(), end);
        let machine = Self {
            store,
            applied: meta.last_log_id,
            membership: meta.last_membership,
            view: Arc::clone(&view),
            observer,
            shelf,
            place,
        };
        (machine, view)
    }

    fn entry(
        &mut self,
        batch: &mut Batch,
        entry: Entry,
        responder: Option<ApplyResponder<Types>>,
    ) -> io::Result<()> {
        let index = entry.log_id.index;
        let answer = match entry.payload {
            EntryPayload::Blank => Answer(None),
            EntryPayload::Membership(membership) => {
                self.membership = StoredMembership::new(Some(entry.log_id), membership);
                Answer(None)
            }
            EntryPayload::Normal(data) => {
                let command = command(&data, index)?;
                let request = command.request_id;
                let applied = self.store.apply(index, command);
                batch.changes = Some(match batch.changes.take() {
                    None => applied.changes,
                    Some(earlier) => earlier.and(applied.changes),
                });
                let answer = Answer(Some((applied.index, applied.outcome)));
                batch
                    .requests
                    .extend(request.map(|id| (id, answer.clone())));
                answer
            }
        };
        self.applied = Some(entry.log_id);
        batch.answers.push((responder, answer));
        Ok(())
    }

    /// Tells of what was applied: whoever reads, then the observer, then those who proposed it.
    fn publish(&self, batch: Batch) {
        if let Some(changes) = batch.changes {
            let snapshot = self.store.snapshot();
            self.view.snapshot.store(Arc::new(snapshot.clone()));
            self.view.applied.send_replace(snapshot.index());
            self.observer.applied(&snapshot, &changes);
        }
        let outcomes = batch.requests.into_iter();
        self.view
            .answer(outcomes.filter_map(|(id, answer)| Some((id, answer.0?))));
        if let Some(applied) = self.applied {
            self.view.reached(applied.index + 1);
        }
        for (responder, answer) in batch.answers {
            if let Some(responder) = responder {
                responder.send(answer);
            }
        }
    }
}

/// The command of an entry. An entry that this version does not know stops the server: to pass over it would
/// make other tables of the same log.
fn command(data: &Data, index: u64) -> io::Result<Command> {
    data.command().map_err(|error| {
        io::Error::new(
            io::ErrorKind::InvalidData,
            format!(
                "entry {index} of the log is no command that this version knows ({error}); \
                 run the version that the other servers run"
            ),
        )
    })
}

impl RaftStateMachine<Types> for Machine {
    type SnapshotData = SnapshotFile;
    type SnapshotBuilder = Builder;

    async fn applied_state(&mut self) -> io::Result<(Option<LogId>, StoredMembership)> {
        Ok((self.applied, self.membership.clone()))
    }

    async fn apply<S>(&mut self, mut entries: S) -> io::Result<()>
    where
        S: Stream<Item = io::Result<EntryResponder<Types>>> + Unpin + OptionalSend,
    {
        let mut batch = Batch::default();
        while let Some(next) = entries.next().await {
            let applied =
                next.and_then(|(entry, responder)| self.entry(&mut batch, entry, responder));
            if let Err(error) = applied {
                self.publish(batch);
                return Err(error);
            }
            if batch.answers.len() >= TOGETHER {
                self.publish(std::mem::take(&mut batch));
            }
        }
        self.publish(batch);
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> Builder {
        Builder {
            tables: self.store.snapshot(),
            meta: SnapshotMeta {
                last_log_id: self.applied,
                last_membership: self.membership.clone(),
            },
            shelf: Arc::clone(&self.shelf),
            place: self.place.clone(),
        }
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMeta,
        snapshot: SnapshotFile,
    ) -> io::Result<()> {
        let received = match snapshot {
            SnapshotFile::Received(received) => {
                let mut received = received.lock().unwrap_or_else(PoisonError::into_inner);
                received.take()
            }
            SnapshotFile::Kept(kept) => {
                let pieces = kept.pieces().map_err(snapshot::invalid)?;
                Some(Store::restore(&pieces).map_err(snapshot::invalid)?)
            }
        };
        let store = received.ok_or_else(|| io::Error::other("a snapshot is installed twice"))?;
        self.store = store;
        self.applied = meta.last_log_id;
        self.membership = meta.last_membership.clone();
        let awaited = self.view.awaited().into_iter();
        let requests = awaited
            .filter_map(|id| Some((id, self.store.outcome(id)?)))
            .map(|(id, outcome)| (id, Answer(Some(outcome))))
            .collect();
        self.publish(Batch {
            changes: Some(Changes::everything(self.store.index())),
            requests,
            ..Batch::default()
        });
        Ok(())
    }

    async fn get_current_snapshot(
        &mut self,
    ) -> io::Result<Option<SnapshotOf<Types, SnapshotFile>>> {
        self.shelf.latest().map(snapshot::kept).transpose()
    }
}

// === impl Builder ===

impl RaftSnapshotBuilder<Types> for Builder {
    type SnapshotData = SnapshotFile;

    async fn build_snapshot(&mut self) -> io::Result<SnapshotOf<Types, SnapshotFile>> {
        let tables = self.tables.clone();
        let encoded = self
            .place
            .run(move || tables.encode().map(Bytes::from).collect());
        let pieces = encoded.await?;
        snapshot::keep(&self.shelf, &self.place, &self.meta, pieces).await?;
        let latest = self.shelf.latest();
        snapshot::kept(latest.ok_or_else(|| io::Error::other("no snapshot was kept"))?)
    }
}
