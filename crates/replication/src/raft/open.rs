//! What a server finds on its disk when it starts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tribune_state::Store;

use super::codec::{encode_payload, payload};
use super::place::{Latency, Place};
use super::snapshot::{self, Shelf};
use super::storage::writer::Promise;
use super::types::{Membership, Payload, SnapshotMeta, vote};
use super::{OpenError, Server, storage_error};
use crate::disk::{self, Files, Log, Position, Record, Snapshots, VoteFile};

/// Where a server keeps its log, its vote and its snapshots.
pub struct Storage<F: Files> {
    files: Arc<F>,
    log: disk::Settings,
    place: Place,
    recover: Option<Vec<Server>>,
}

/// What was found.
pub(crate) struct Opened<F: Files> {
    pub(crate) log: Log<F>,
    pub(crate) votes: VoteFile<F>,
    pub(crate) promise: Promise,
    pub(crate) shelf: Arc<dyn Shelf>,
    pub(crate) store: Store,
    pub(crate) meta: SnapshotMeta,
    /// Whether this server is the only one that votes, so that nobody else can know better.
    pub(crate) alone: bool,
}

// === impl Storage ===

impl<F: Files> Storage<F> {
    /// Keeps everything in a directory.
    #[must_use]
    pub const fn new(files: Arc<F>, log: disk::Settings) -> Self {
        Self {
            files,
            log,
            place: Place::Threads,
            recover: None,
        }
    }

    /// Does everything on the thread that the rest runs on, each time after the disk has taken as long as `latency`
    /// says. For tests that are to be the same every time.
    #[must_use]
    pub fn on_this_thread(mut self, latency: Latency) -> Self {
        self.place = Place::Here(latency);
        self
    }

    /// Puts a new configuration in place of the one that is there, for the survivors of a cluster that has lost its
    /// quorum for good. All other servers must be stopped, and each survivor started once with the same
    /// `members`. Whatever its log has counts then, acknowledged or not; what only the lost ones had is gone.
    #[must_use]
    pub fn recover(mut self, members: Vec<Server>) -> Self {
        self.recover = Some(members);
        self
    }

    pub(crate) fn place(&self) -> Place {
        self.place.clone()
    }

    /// Reads what is there.
    pub(crate) async fn open(self, me: &Server, store: Store) -> Result<Opened<F>, OpenError> {
        let (place, me) = (self.place.clone(), me.clone());
        let opened = place.run(move || self.read(&me, store)).await;
        opened.map_err(storage_error)?
    }

    fn read(self, me: &Server, store: Store) -> Result<Opened<F>, OpenError> {
        let (mut log, _) = Log::open(Arc::clone(&self.files), self.log).map_err(storage_error)?;
        let (mut votes, promised) =
            VoteFile::open(Arc::clone(&self.files)).map_err(storage_error)?;
        let mut promise = match promised {
            Some(bytes) => Promise::decode(bytes).map_err(storage_error)?,
            None => Promise::NONE,
        };
        let (snapshots, _) = Snapshots::open(self.files, log.purged()).map_err(storage_error)?;
        let shelf: Arc<dyn Shelf> = Arc::new(snapshots);
        let (store, meta) = match shelf.latest() {
            None => (store, SnapshotMeta::default()),
            Some(kept) => {
                let pieces = kept.pieces().map_err(storage_error)?;
                let meta = snapshot::meta(kept.meta()).map_err(storage_error)?;
                (Store::restore(&pieces).map_err(storage_error)?, meta)
            }
        };
        agree(&mut log, &meta)?;
        if let Some(members) = self.recover {
            promise = recover(&mut log, &mut votes, &promise, (me, members))?;
        }
        let membership =
            last_membership(&log)?.or_else(|| Some(meta.last_membership.membership().clone()));
        let alone = membership.is_some_and(|membership| membership.voter_ids().eq([me.number()]));
        Ok(Opened {
            log,
            votes,
            promise,
            shelf,
            store,
            meta,
            alone,
        })
    }
}

/// A snapshot that was taken from another server counts, whatever the log says that a crash kept from being cut.
fn agree<F: Files>(log: &mut Log<F>, meta: &SnapshotMeta) -> Result<(), OpenError> {
    let Some(last) = meta.last_log_id else {
        return Ok(());
    };
    let position = Position {
        index: last.index,
        term: super::types::term(&last),
    };
    let here = log.reader().position(last.index);
    let behind = log.last().is_some_and(|end| end.index < last.index);
    if behind || here.is_some_and(|here| here.term != position.term) {
        let first = log.first().map_or(0, |first| first.index);
        log.truncate_from(first).map_err(storage_error)?;
        log.purge_up_to(position).map_err(storage_error)?;
    }
    Ok(())
}

/// The last configuration in the log.
fn last_membership<F: Files>(log: &Log<F>) -> Result<Option<Membership>, OpenError> {
    let (Some(first), Some(last)) = (log.first(), log.last()) else {
        return Ok(None);
    };
    let reader = log.reader();
    let (mut end, start) = (last.index + 1, first.index);
    while end > start {
        let from = end.saturating_sub(1024).max(start);
        for record in reader
            .read(from..end)
            .map_err(storage_error)?
            .into_iter()
            .rev()
        {
            let payload = payload(record.payload).map_err(storage_error)?;
            if let Payload::Membership(membership) = payload {
                return Ok(Some(membership));
            }
        }
        end = from;
    }
    Ok(None)
}

/// See [`Storage::recover`]. The configuration is an entry of a term that no leader has had.
fn recover<F: Files>(
    log: &mut Log<F>,
    votes: &mut VoteFile<F>,
    promise: &Promise,
    (me, members): (&Server, Vec<Server>),
) -> Result<Promise, OpenError> {
    let last = log.last().or_else(|| log.purged());
    let voted = promise.vote.map_or(0, |vote| vote.leader_id.term);
    let term = last.map_or(0, |last| last.term).max(voted) + 1;
    let index = last.map_or(0, |last| last.index + 1);
    let membership = configuration(members)?;
    if membership.get_node(&me.number()).is_none() {
        return Err(OpenError::Settings {
            reason: "this server is not among those that the cluster is to have".to_owned(),
        });
    }
    tracing::warn!(
        index,
        term,
        %membership,
        "the configuration is replaced; whatever the log has counts from now on, and what only the lost servers had is gone"
    );
    let record = Record {
        index,
        term,
        payload: encode_payload(&Payload::Membership(membership)),
    };
    log.append(&[record]).map_err(storage_error)?;
    log.sync().map_err(storage_error)?;
    let promise = Promise {
        vote: Some(vote(term, me.number(), false)),
        settled: true,
    };
    votes.write(&promise.encode()).map_err(storage_error)?;
    Ok(promise)
}

/// The configuration of servers all of which vote.
pub(crate) fn configuration(members: Vec<Server>) -> Result<Membership, OpenError> {
    let mut nodes: BTreeMap<u64, Server> = BTreeMap::new();
    for member in members {
        let id = member.id.clone();
        if let Some(other) = nodes.insert(member.number(), member) {
            return Err(OpenError::Settings {
                reason: format!("servers {id} and {} have one ID, or collide", other.id),
            });
        }
    }
    let voters: BTreeSet<u64> = nodes.keys().copied().collect();
    Membership::new(vec![voters], nodes).map_err(|error| OpenError::Settings {
        reason: error.to_string(),
    })
}
