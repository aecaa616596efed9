//! Tests of the log over a disk that forgets and fails.

use super::*;
use crate::disk::error::Damage;
use crate::disk::memory::{self, Fault, Memory};

mod crash;
mod faults;
mod model;

const SETTINGS: Settings = Settings {
    segment_bytes: 16 << 10,
    salt: 7,
};

/// A payload without zeros that is not like another one.
fn payload(index: u64, len: usize) -> Bytes {
    let bytes = (0..len as u64).map(|at| ((index * 31 + at * 7) % 255 + 1) as u8);
    bytes.collect()
}

fn record(index: u64, len: usize) -> Record {
    Record {
        index,
        term: index / 3 + 1,
        payload: payload(index, len),
    }
}

fn records(indexes: Range<u64>, len: usize) -> Vec<Record> {
    indexes.map(|index| record(index, len)).collect()
}

fn open(memory: &Memory) -> Result<(Log<Memory>, Recovery), OpenError> {
    Log::open(Arc::new(memory.clone()), SETTINGS)
}

fn opened(memory: &Memory) -> Log<Memory> {
    open(memory).unwrap().0
}

/// Everything that is in a log.
fn all(log: &Log<Memory>) -> Vec<Record> {
    match (log.first(), log.last()) {
        (Some(first), Some(last)) => log.read(first.index..last.index + 1).unwrap(),
        _ => Vec::new(),
    }
}

#[test]
fn what_was_synced_is_there_after_it_is_opened_again() {
    let memory = Memory::new();
    let mut log = opened(&memory);
    log.append(&records(0..40, 100)).unwrap();
    log.append(&records(40..41, 5000)).unwrap();
    log.sync().unwrap();
    let (log, recovery) = open(&memory.crash(|_| 0)).unwrap();
    let expected = [records(0..40, 100), records(40..41, 5000)].concat();
    assert_eq!(all(&log), expected);
    assert_eq!(recovery.first, Some(Position { index: 0, term: 1 }));
    assert_eq!(
        recovery.last,
        Some(Position {
            index: 40,
            term: 14
        })
    );
    assert_eq!((recovery.cut, recovery.purged), (None, None));
}

#[test]
fn a_record_that_does_not_follow_is_refused() {
    let mut log = opened(&Memory::new());
    log.append(&records(5..7, 10)).unwrap();
    for index in [5, 6, 8] {
        let refused = log.append(&[record(index, 10)]).unwrap_err().to_string();
        let expected = format!("record {index} does not follow: the next one has index 7");
        assert_eq!(refused, expected);
    }
    log.purge_up_to(Position { index: 9, term: 2 }).unwrap();
    log.append(&[record(9, 10)]).unwrap_err();
    log.append(&[record(10, 10)]).unwrap();
}

#[test]
fn a_range_is_read_up_to_a_size_and_at_least_one_record() {
    let mut log = opened(&Memory::new());
    log.append(&records(0..10, 100)).unwrap();
    let reader = log.reader();
    assert_eq!(reader.read_up_to(2..9, 1).unwrap(), records(2..3, 100));
    assert_eq!(reader.read_up_to(2..9, 450).unwrap(), records(2..5, 100));
    assert_eq!(reader.read(4..4).unwrap(), []);
    let missing = reader.read(8..11).unwrap_err().to_string();
    assert_eq!(missing, "record 10 is not in the log, which has 0..10");
}

#[test]
fn segments_are_removed_when_nothing_in_them_is_needed() {
    let memory = Memory::new();
    let mut log = opened(&memory);
    for index in 0..100 {
        log.append(&records(index..index + 1, 1000)).unwrap();
    }
    let before = memory.list_segments();
    assert!(before.len() > 5, "{before:?}");
    log.purge_up_to(Position {
        index: 60,
        term: 21,
    })
    .unwrap();
    let after = memory.list_segments();
    assert!(after.len() < before.len() / 2 + 1, "{after:?}");
    assert_eq!(after.last(), before.last());
    let (log, recovery) = open(&memory).unwrap();
    assert_eq!(
        recovery.purged,
        Some(Position {
            index: 60,
            term: 21
        })
    );
    assert_eq!(all(&log), records(61..100, 1000));
}

#[test]
fn a_segment_that_is_missing_is_said() {
    let memory = Memory::new();
    let mut log = opened(&memory);
    for index in 0..40 {
        log.append(&records(index..index + 1, 1000)).unwrap();
    }
    let segments = memory.list_segments();
    for missing in &segments[..segments.len() - 1] {
        let copy = memory.crash(|count| count - 1);
        copy.remove(missing).unwrap();
        let refused = open(&copy).unwrap_err();
        assert!(matches!(refused, OpenError::Missing { .. }), "{refused}");
    }
}

#[test]
fn a_segment_of_a_later_version_is_refused_with_both_versions() {
    let memory = Memory::new();
    drop(opened(&memory));
    let name = segment::name(1);
    let file = memory.open(&name).unwrap();
    let mut header = memory.content(&name).unwrap()[..segment::HEADER].to_vec();
    header[8] = 9;
    let checksum = crc32fast::hash(&header[..508]);
    header[508..].copy_from_slice(&checksum.to_le_bytes());
    file.write_at(&header, 0).unwrap();
    let refused = open(&memory).unwrap_err().to_string();
    assert!(refused.contains("version 9"), "{refused}");
    assert!(refused.contains("up to 1"), "{refused}");
}

impl Memory {
    /// The segments that there are.
    fn list_segments(&self) -> Vec<String> {
        let mut names = self.list().unwrap();
        names.retain(|name| matches!(segment::role(name), segment::Role::Segment(_)));
        names.sort();
        names
    }
}
