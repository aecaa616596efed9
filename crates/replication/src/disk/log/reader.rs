//! Reading records, beside whoever writes them.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use bytes::Bytes;

use super::record::{self, Header, Kind, taken};
use super::segment::Segment;
use super::{Position, Record};
use crate::disk::error::{Damage, ReadError};
use crate::disk::files::{File, Files};

/// How much is read from a file at once, at most, where a record is not longer.
const AT_ONCE: u64 = 1 << 20;

/// Reads a log. Clones read the same log; none waits for a sync.
pub struct Reader<F: Files> {
    shared: Arc<RwLock<Places<F>>>,
}

/// Where the records are.
pub(super) struct Places<F: Files> {
    /// By sequence, without gaps.
    pub(super) segments: VecDeque<Arc<Segment<F::File>>>,
    /// Index of the first record.
    pub(super) first: u64,
    pub(super) records: VecDeque<Place>,
    /// The last record that was purged.
    pub(super) purged: Option<Position>,
}

/// Where a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) term: u64,
    /// Sequence of its segment.
    pub(super) segment: u64,
    pub(super) offset: u32,
    /// Length of its payload.
    pub(super) len: u32,
}

/// Records that lie beside each other.
struct Run<F> {
    segment: Arc<Segment<F>>,
    index: u64,
    offset: u64,
    bytes: u64,
    lens: Vec<u32>,
}

// === impl Places ===

impl<F: Files> Places<F> {
    /// Index after the last record's; `None` where any may come next.
    pub(super) fn next(&self) -> Option<u64> {
        if self.records.is_empty() {
            return self.purged.map(|purged| purged.index + 1);
        }
        Some(self.end())
    }

    fn end(&self) -> u64 {
        self.first + self.records.len() as u64
    }

    fn position(&self, index: u64) -> Option<Position> {
        let place = self.records.get(self.at(index)?)?;
        Some(Position {
            index,
            term: place.term,
        })
    }

    fn at(&self, index: u64) -> Option<usize> {
        usize::try_from(index.checked_sub(self.first)?).ok()
    }

    pub(super) fn push(&mut self, index: u64, place: Place) {
        if self.records.is_empty() {
            self.first = index;
        }
        self.records.push_back(place);
    }

    /// Forgets the records from `index` on.
    pub(super) fn truncate(&mut self, index: u64) {
        self.records.truncate(self.at(index).unwrap_or(0));
    }

    /// Forgets the records up to a position.
    pub(super) fn purge(&mut self, position: Position) {
        let gone = self.at(position.index).map_or(0, |at| at + 1);
        self.records.drain(..gone.min(self.records.len()));
        self.first += gone as u64;
        self.purged = Some(position);
    }

    /// Takes out the segments in which there is nothing any more; the last one stays.
    pub(super) fn take_unused(&mut self) -> Vec<Arc<Segment<F::File>>> {
        let newest = self.segments.back().map_or(0, |last| last.seal.sequence);
        let needed = self.records.front().map_or(newest, |place| place.segment);
        let unused = self
            .segments
            .iter()
            .take_while(|segment| segment.seal.sequence < needed.min(newest));
        let count = unused.count();
        self.segments.drain(..count).collect()
    }

    fn segment(&self, sequence: u64) -> Option<&Arc<Segment<F::File>>> {
        let oldest = self.segments.front()?.seal.sequence;
        let at = usize::try_from(sequence.checked_sub(oldest)?).ok()?;
        self.segments.get(at)
    }

    /// Where the records of a range are, up to a number of bytes but at least one record.
    fn runs(&self, range: Range<u64>, most: u64) -> Result<Vec<Run<F::File>>, ReadError> {
        let mut runs: Vec<Run<F::File>> = Vec::new();
        let mut total = 0;
        for index in range {
            let missing = || ReadError::Missing {
                index,
                first: self.first,
                end: self.end(),
            };
            let place = self.at(index).and_then(|at| self.records.get(at));
            let place = place.ok_or_else(missing)?;
            let bytes = taken(place.len as usize) as u64;
            if total > 0 && total + bytes > most {
                break;
            }
            total += bytes;
            match runs.last_mut() {
                Some(run)
                    if run.segment.seal.sequence == place.segment
                        && run.offset + run.bytes == u64::from(place.offset)
                        && run.bytes + bytes <= AT_ONCE =>
                {
                    run.bytes += bytes;
                    run.lens.push(place.len);
                }
                _ => runs.push(Run {
                    segment: Arc::clone(self.segment(place.segment).ok_or_else(missing)?),
                    index,
                    offset: u64::from(place.offset),
                    bytes,
                    lens: vec![place.len],
                }),
            }
        }
        Ok(runs)
    }
}

// === impl Run ===

impl<F: File> Run<F> {
    fn read(self, into: &mut Vec<Record>) -> Result<(), ReadError> {
        let name = &self.segment.name;
        let mut bytes = vec![0; usize::try_from(self.bytes).unwrap_or(usize::MAX)];
        self.segment
            .file
            .read_exact_at(&mut bytes, self.offset)
            .map_err(|source| ReadError::Io {
                file: name.clone(),
                source,
            })?;
        let bytes = Bytes::from(bytes);
        let mut at = 0;
        for (index, len) in (self.index..).zip(self.lens) {
            let offset = self.offset + at as u64;
            let end = at + taken(len as usize);
            let header = Header::decode(&bytes[at..], self.segment.seal, offset)
                .filter(|header| {
                    (header.kind, header.index, header.len) == (Kind::Entry, index, len)
                })
                .ok_or_else(|| {
                    Damage::new(
                        name,
                        offset,
                        format!("the header of record {index} is not there"),
                    )
                })?;
            let payload = at + record::HEADER;
            if !header.fits(&bytes[payload..end]) {
                let what = format!("record {index} does not match its checksum");
                return Err(Damage::new(name, offset, what).into());
            }
            into.push(Record {
                index,
                term: header.term,
                payload: bytes.slice(payload..payload + len as usize),
            });
            at = end;
        }
        Ok(())
    }
}

// === impl Reader ===

impl<F: Files> Reader<F> {
    pub(super) fn new(places: Places<F>) -> Self {
        Self {
            shared: Arc::new(RwLock::new(places)),
        }
    }

    /// The records of a range. Their checksums have been checked.
    ///
    /// # Errors
    /// Where one of them is not there, is damaged, or cannot be read.
    pub fn read(&self, range: Range<u64>) -> Result<Vec<Record>, ReadError> {
        self.read_up_to(range, u64::MAX)
    }

    /// Records of a range from its beginning: as many as take `bytes` on disk, but at least one.
    ///
    /// # Errors
    /// Where one of them is not there, is damaged, or cannot be read.
    pub fn read_up_to(&self, range: Range<u64>, bytes: u64) -> Result<Vec<Record>, ReadError> {
        // The files are read without the lock; one that is removed meanwhile stays open in its run.
        let runs = self.places().runs(range, bytes)?;
        let mut records = Vec::new();
        for run in runs {
            run.read(&mut records)?;
        }
        Ok(records)
    }

    /// Index and term of the first record.
    #[must_use]
    pub fn first(&self) -> Option<Position> {
        let places = self.places();
        places.position(places.first)
    }

    /// Index and term of the last record, synced or not. `None` where there is none, whatever was purged.
    #[must_use]
    pub fn last(&self) -> Option<Position> {
        let places = self.places();
        places.position(places.end().checked_sub(1)?)
    }

    /// Index and term of the record at an index.
    #[must_use]
    pub fn position(&self, index: u64) -> Option<Position> {
        self.places().position(index)
    }

    /// The last record that was purged.
    #[must_use]
    pub fn purged(&self) -> Option<Position> {
        self.places().purged
    }

    pub(super) fn places(&self) -> RwLockReadGuard<'_, Places<F>> {
        self.shared.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn places_mut(&self) -> RwLockWriteGuard<'_, Places<F>> {
        self.shared.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<F: Files> Clone for Reader<F> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<F: Files> std::fmt::Debug for Reader<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader")
            .field("first", &self.first())
            .field("last", &self.last())
            .field("purged", &self.purged())
            .finish()
    }
}
