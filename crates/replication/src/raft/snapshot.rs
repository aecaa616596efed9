//! Snapshots of the tables: kept on the disk, sent to servers that are far behind, and taken from others.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use openraft::type_config::alias::SnapshotOf;
use tribune_state::Store;

use super::codec::{Malformed, Reader, Write};
use super::place::Place;
use super::types::{SnapshotMeta, Types, log_id, term};
use crate::disk::{Files, Meta, Position, ReadError, SnapshotReader, Snapshots, WriteError};

/// How much of a snapshot is read, written or sent at once.
pub(crate) const PIECE: usize = 512 << 10;

/// How long writing a snapshot waits until it is tried again where the disk refused.
const AGAIN: Duration = Duration::from_secs(1);

/// Where snapshots are kept. The last one is.
pub(crate) trait Shelf: Send + Sync + 'static {
    /// Keeps one in place of the last, unless that reaches further.
    fn keep(&self, meta: &SnapshotMeta, pieces: &[Bytes]) -> Result<(), WriteError>;
    /// The last one.
    fn latest(&self) -> Option<Arc<dyn Kept>>;
}

/// A snapshot on the disk.
pub(crate) trait Kept: Send + Sync + 'static {
    fn meta(&self) -> &Meta;
    fn pieces(&self) -> Result<Vec<Bytes>, ReadError>;
}

/// What openraft hands around.
#[derive(Clone)]
pub(crate) enum SnapshotFile {
    /// One that is kept here.
    Kept(Arc<dyn Kept>),
    /// One that was received, is right, and is kept already.
    Received(Arc<std::sync::Mutex<Option<Store>>>),
}

// === impl Shelf ===

impl<F: Files> Shelf for Snapshots<F> {
    fn keep(&self, meta: &SnapshotMeta, pieces: &[Bytes]) -> Result<(), WriteError> {
        let position = meta
            .last_log_id
            .map_or(Position { index: 0, term: 0 }, |last| Position {
                index: last.index,
                term: term(&last),
            });
        let mut data = BytesMut::new();
        data.snapshot_meta(meta);
        let mut writer = self.begin(Meta {
            position,
            data: data.to_vec(),
        })?;
        for piece in pieces {
            writer.write(piece)?;
        }
        writer.finish()
    }

    fn latest(&self) -> Option<Arc<dyn Kept>> {
        Some(Arc::new(Self::latest(self)?))
    }
}

impl<F: Files> Kept for SnapshotReader<F> {
    fn meta(&self) -> &Meta {
        Self::meta(self)
    }

    fn pieces(&self) -> Result<Vec<Bytes>, ReadError> {
        self.chunks().map(|chunk| Ok(chunk?.into())).collect()
    }
}

/// What the log knows of a snapshot that is kept.
pub(crate) fn meta(kept: &Meta) -> Result<SnapshotMeta, Malformed> {
    let mut reader = Reader(kept.data.clone().into());
    let meta = reader.snapshot_meta()?;
    reader.end()?;
    let position = log_id(kept.position.term, kept.position.index);
    if meta.last_log_id.is_some_and(|last| last != position) {
        return Err(Malformed("a snapshot of two positions"));
    }
    Ok(meta)
}

/// A snapshot that is kept, for openraft.
pub(crate) fn kept(kept: Arc<dyn Kept>) -> io::Result<SnapshotOf<Types, SnapshotFile>> {
    let meta = meta(kept.meta()).map_err(invalid)?;
    Ok(openraft::Snapshot {
        meta,
        snapshot: SnapshotFile::Kept(kept),
    })
}

/// Writes a snapshot, and goes on trying while the disk is full: the log grows meanwhile, which harms nobody.
pub(crate) async fn keep(
    shelf: &Arc<dyn Shelf>,
    place: &Place,
    meta: &SnapshotMeta,
    pieces: Vec<Bytes>,
) -> io::Result<()> {
    let pieces: Arc<[Bytes]> = pieces.into();
    loop {
        let (shelf, meta, pieces) = (Arc::clone(shelf), meta.clone(), Arc::clone(&pieces));
        let written = place.run(move || shelf.keep(&meta, &pieces)).await?;
        match written {
            Ok(()) => return Ok(()),
            Err(error @ (WriteError::NoSpace { .. } | WriteError::Io { .. })) => {
                tracing::warn!(%error, "a snapshot could not be written; trying again");
                tokio::time::sleep(AGAIN).await;
            }
            Err(error) => return Err(io::Error::other(error.to_string())),
        }
    }
}

/// Something on the disk or from another server that is not what it should be.
pub(crate) fn invalid(error: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
