//! Finding out what a log says when it is opened.
//!
//! A segment that another one follows was durable before that one was made, and that one says where it
//! ends: all of it must be right. In the last segment the records end where none is right any more. What
//! is there then is one of:
//!
//! - zeros up to the end: the log was closed, or the crash came between two groups;
//! - the remains of a group that was not durable: of its sectors some were written and the others are as
//!   they were, zeros. They are cut off: set to zero, and [told of](super::Cut);
//! - damage, where every sector of the record was written and still it is not right, or where a record
//!   that is right lies behind and says that what is before it had been durable.
//!
//! What this cannot tell apart is a sector of the last group of all that turned to zeros: it looks like one
//! that was never written, and is cut off and told of. Where there are other servers, they have it.

use std::sync::Arc;

use super::reader::{Place, Places, Reader};
use super::record::{self, Header, Kind, Seal, taken};
use super::segment::{self, Role, Segment};
use super::{Cut, Failed, Log, Position, Recovery, Settings, VecDeque, begin_segment};
use crate::disk::error::{Damage, OpenError, WriteError};
use crate::disk::files::{File, Files};

/// What is written at once: all of it, or nothing.
const SECTOR: usize = 512;

/// The records of a segment, and where they end.
struct Scan {
    records: Vec<(Header, u32)>,
    end: u64,
    /// Up to where something lies behind the end, in the last segment.
    remains: Option<u64>,
}

pub(super) fn open<F: Files>(
    files: Arc<F>,
    settings: Settings,
) -> Result<(Log<F>, Recovery), OpenError> {
    let mut recovery = Recovery::default();
    let sequences = list(&*files, &mut recovery)?;
    let Some(&newest) = sequences.last() else {
        return Ok((begin(files, settings)?, recovery));
    };
    let mut places = Places {
        segments: VecDeque::new(),
        first: 0,
        records: VecDeque::new(),
        purged: None,
    };
    let mut opened = Vec::with_capacity(sequences.len());
    for sequence in sequences {
        opened.push(Segment::open(&*files, sequence)?);
    }
    let first_sequence = opened.first().map_or(0, |(_, header)| header.seal.sequence);
    places.purged = opened.first().and_then(|(_, header)| header.purged);
    let ends: Vec<Option<u64>> = opened
        .iter()
        .skip(1)
        .map(|(_, header)| Some(header.previous_end))
        .chain([None])
        .collect();
    let mut last = None;
    for ((segment, _), end) in opened.into_iter().zip(ends) {
        let segment = Arc::new(segment);
        places.segments.push_back(Arc::clone(&segment));
        let scan = scan(&segment, end)?;
        for (header, offset) in &scan.records {
            replay(&mut places, &segment, header, *offset)?;
        }
        last = Some((segment, scan));
    }
    whole(&places, first_sequence)?;
    let Some((active, scan)) = last else {
        return Err(Damage::new(&segment::name(newest), 0, "it is gone").into());
    };
    // Nothing is changed before all of it was found right.
    recovery.cut = cut(&active, &scan)?;
    for name in &recovery.removed {
        // One that stays behind is found again.
        let _: std::io::Result<()> = files.remove(name);
    }
    let unused = places.take_unused();
    for segment in &unused {
        recovery.removed.push(segment.name.clone());
        let _: std::io::Result<()> = files.remove(&segment.name);
    }
    let log = Log {
        files,
        settings,
        reader: Reader::new(places),
        active,
        tail: scan.end,
        durable: scan.end,
        unsynced: 0,
        dirty: None,
        poisoned: None,
    };
    recovery.first = log.first();
    recovery.last = log.last();
    recovery.purged = log.purged();
    Ok((log, recovery))
}

/// The sequences of the segments, from the last gap on, in order. What lies before a gap was purged, and
/// a crash came before all of it was removed; if it was not, that is found out later.
fn list<F: Files>(files: &F, recovery: &mut Recovery) -> Result<Vec<u64>, OpenError> {
    let names = files
        .list()
        .map_err(OpenError::io("list", "the data directory"))?;
    let mut sequences = Vec::new();
    for name in names {
        match segment::role(&name) {
            Role::Segment(sequence) => sequences.push(sequence),
            Role::Unfinished => recovery.removed.push(name),
            Role::Other => {}
        }
    }
    sequences.sort_unstable();
    recovery.removed.sort_unstable();
    let gap = sequences
        .windows(2)
        .rposition(|pair| pair[0] + 1 != pair[1]);
    let before: Vec<u64> = sequences.drain(..gap.map_or(0, |at| at + 1)).collect();
    recovery
        .removed
        .extend(before.into_iter().map(segment::name));
    Ok(sequences)
}

/// Begins a log.
fn begin<F: Files>(files: Arc<F>, settings: Settings) -> Result<Log<F>, OpenError> {
    let header = segment::Header {
        seal: Seal {
            salt: settings.salt,
            sequence: 1,
        },
        previous_end: 0,
        purged: None,
    };
    let made = begin_segment(&*files, &header, settings, 0);
    let active = Arc::new(made.map_err(|failed| match failed {
        Failed::Undone(
            WriteError::Io {
                file,
                doing,
                source,
            }
            | WriteError::NoSpace {
                file,
                doing,
                source,
            },
        ) => OpenError::Io {
            file,
            doing,
            source,
        },
        Failed::Undone(error) => OpenError::io("begin", "the log")(std::io::Error::other(error)),
        Failed::Unknown(file, reason) => {
            OpenError::io("sync", &file)(std::io::Error::other(reason))
        }
    })?);
    let places = Places {
        segments: VecDeque::from([Arc::clone(&active)]),
        first: 0,
        records: VecDeque::new(),
        purged: None,
    };
    Ok(Log {
        files,
        settings,
        reader: Reader::new(places),
        active,
        tail: segment::HEADER as u64,
        durable: segment::HEADER as u64,
        unsynced: 0,
        dirty: None,
        poisoned: None,
    })
}

/// Does again what a record says was done.
fn replay<F: Files>(
    places: &mut Places<F>,
    segment: &Segment<F::File>,
    header: &Header,
    offset: u32,
) -> Result<(), OpenError> {
    match header.kind {
        Kind::Entry => {
            // What a log whose first segments are gone begins with is judged at the end.
            let next = if places.records.is_empty() {
                None
            } else {
                places.next()
            };
            if let Some(expected) = next.filter(|expected| *expected != header.index) {
                let what = format!("record {} is where {expected} should be", header.index);
                return Err(Damage::new(&segment.name, u64::from(offset), what).into());
            }
            places.push(
                header.index,
                Place {
                    term: header.term,
                    segment: segment.seal.sequence,
                    offset,
                    len: header.len,
                },
            );
        }
        Kind::Truncation => places.truncate(header.index),
        Kind::Purge => places.purge(Position {
            index: header.index,
            term: header.term,
        }),
    }
    Ok(())
}

/// Whether nothing is missing at the beginning.
fn whole<F: Files>(places: &Places<F>, first_sequence: u64) -> Result<(), OpenError> {
    let purged = places.purged.map(|purged| purged.index);
    let missing = match (places.records.is_empty(), purged) {
        (false, Some(purged)) => places.first > purged + 1,
        (_, None) => first_sequence > 1,
        (true, Some(_)) => false,
    };
    if missing {
        return Err(OpenError::Missing {
            first: places.first,
            purged,
        });
    }
    Ok(())
}

/// Reads a segment. `end` is where its records end, where that is known.
fn scan<F: File>(segment: &Segment<F>, end: Option<u64>) -> Result<Scan, OpenError> {
    let name = &segment.name;
    let len = usize::try_from(end.unwrap_or(segment.len)).unwrap_or(usize::MAX);
    if len as u64 > segment.len || len < segment::HEADER {
        let what = format!(
            "the segment has {} bytes and should have {len}",
            segment.len
        );
        return Err(Damage::new(name, segment.len, what).into());
    }
    let mut bytes = vec![0; len];
    segment
        .file
        .read_exact_at(&mut bytes, 0)
        .map_err(OpenError::io("read", name))?;
    let mut records = Vec::new();
    let mut at = segment::HEADER;
    while let Some(header) = whole_record(&bytes, segment.seal, at) {
        records.push((header, at as u32));
        at += taken(header.len as usize);
    }
    let remains = match end {
        Some(end) if end == at as u64 => None,
        Some(_) => return Err(Damage::new(name, at as u64, "there is no whole record").into()),
        None => judge(segment, &bytes, at)?,
    };
    Ok(Scan {
        records,
        end: at as u64,
        remains,
    })
}

/// The record at an offset, where there is one that is right.
fn whole_record(bytes: &[u8], seal: Seal, at: usize) -> Option<Header> {
    let rest = bytes.get(at..)?;
    let header = Header::decode(rest, seal, at as u64)?;
    let payload = rest.get(record::HEADER..taken(header.len as usize))?;
    header.fits(payload).then_some(header)
}

/// Tells what lies behind the last record: nothing, remains of a group that was not durable up to some
/// offset, or damage.
fn judge<F>(segment: &Segment<F>, bytes: &[u8], at: usize) -> Result<Option<u64>, OpenError> {
    let rest = bytes.get(at..).unwrap_or_default();
    let Some(last) = rest.iter().rposition(|byte| *byte != 0) else {
        return Ok(None);
    };
    let damage = |what| Err(Damage::new(&segment.name, at as u64, what).into());
    let len = Header::decode(rest, segment.seal, at as u64)
        .map_or(record::HEADER, |header| taken(header.len as usize));
    let written = rest.get(..len).unwrap_or(rest);
    if !has_unwritten_sector(written, at) {
        return damage("all of a record is there and does not match its checksum");
    }
    let behind = (at..bytes.len()).step_by(8).skip(1);
    for later in behind {
        if whole_record(bytes, segment.seal, later).is_some_and(|header| header.synced > at as u64)
        {
            return damage("there is no whole record, and one had been durable");
        }
    }
    Ok(Some((at + last + 1) as u64))
}

/// Whether a sector, as far as it lies in what begins at `at`, is zeros.
fn has_unwritten_sector(mut bytes: &[u8], mut at: usize) -> bool {
    while !bytes.is_empty() {
        let len = (SECTOR - at % SECTOR).min(bytes.len());
        let (sector, rest) = bytes.split_at(len);
        if sector.iter().all(|byte| *byte == 0) {
            return true;
        }
        bytes = rest;
        at += len;
    }
    false
}

/// Sets what remains of an interrupted group to zero.
fn cut<F: File>(segment: &Segment<F>, scan: &Scan) -> Result<Option<Cut>, OpenError> {
    let Some(until) = scan.remains else {
        return Ok(None);
    };
    let zeros = vec![0; usize::try_from(until - scan.end).unwrap_or(usize::MAX)];
    segment
        .file
        .write_at(&zeros, scan.end)
        .and_then(|()| segment.file.sync_data())
        .map_err(OpenError::io("cut off the end of", &segment.name))?;
    Ok(Some(Cut {
        file: segment.name.clone(),
        offset: scan.end,
        bytes: zeros.len() as u64,
    }))
}
