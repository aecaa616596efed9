//! Tests of the snapshots over a disk that forgets and fails.

use super::*;
use crate::disk::memory::{Fault, Memory, Operation};

fn meta(index: u64) -> Meta {
    Meta {
        position: Position { index, term: 2 },
        data: vec![index as u8 | 1; 5],
    }
}

fn chunks(index: u64) -> Vec<Vec<u8>> {
    let chunk = |number: u64| vec![(index + number) as u8 | 1; 300 * (number as usize + 1)];
    (0..3).map(chunk).collect()
}

fn open(memory: &Memory) -> Result<(Snapshots<Memory>, SnapshotRecovery), OpenError> {
    Snapshots::open(Arc::new(memory.clone()), None)
}

fn opened(memory: &Memory) -> Snapshots<Memory> {
    open(memory).unwrap().0
}

fn write(snapshots: &Snapshots<Memory>, index: u64) -> Result<(), WriteError> {
    let mut writer = snapshots.begin(meta(index))?;
    for chunk in chunks(index) {
        writer.write(&chunk)?;
    }
    writer.finish()
}

/// Index of the latest snapshot, all of which has been read.
fn latest(snapshots: &Snapshots<Memory>) -> Option<u64> {
    let reader = snapshots.latest()?;
    let index = reader.meta().position.index;
    assert_eq!(*reader.meta(), meta(index));
    let read: Result<Vec<_>, _> = reader.chunks().collect();
    assert_eq!(read.unwrap(), chunks(index));
    Some(index)
}

fn files(memory: &Memory) -> Vec<String> {
    memory.list().unwrap()
}

#[test]
fn a_finished_snapshot_takes_the_place_of_the_one_before_it() {
    let memory = Memory::new();
    let snapshots = opened(&memory);
    assert_eq!(latest(&snapshots), None);
    write(&snapshots, 5).unwrap();
    let old = snapshots.latest().unwrap();
    write(&snapshots, 9).unwrap();
    assert_eq!(latest(&snapshots), Some(9));
    assert_eq!(files(&memory).len(), 1);
    let read: Result<Vec<_>, _> = old.chunks().collect();
    assert_eq!(read.unwrap(), chunks(5), "who reads the old one reads on");
    assert_eq!(latest(&opened(&memory)), Some(9));
}

#[test]
fn one_that_reaches_less_far_does_not_take_the_place_of_the_latest() {
    let memory = Memory::new();
    let snapshots = opened(&memory);
    let slow = snapshots.begin(meta(3)).unwrap();
    write(&snapshots, 5).unwrap();
    slow.finish().unwrap();
    assert_eq!(latest(&snapshots), Some(5));
    assert_eq!(files(&memory).len(), 1);
}

#[test]
fn one_that_is_dropped_or_was_interrupted_leaves_nothing_behind() {
    let memory = Memory::new();
    let snapshots = opened(&memory);
    let mut writer = snapshots.begin(meta(3)).unwrap();
    writer.write(&[1]).unwrap();
    let interrupted = memory.crash(|count| count - 1);
    drop(writer);
    assert!(files(&memory).is_empty());
    let (snapshots, recovery) = open(&interrupted).unwrap();
    assert_eq!(latest(&snapshots), None);
    assert_eq!(recovery.removed, ["snapshot-0000000000000001.new"]);
    assert!(files(&interrupted).is_empty());
}

#[test]
fn f45_after_a_crash_at_any_call_there_is_the_old_snapshot_or_the_new_one_whole() {
    for kept in [0, 1] {
        for call in 0.. {
            let memory = Memory::new();
            let snapshots = opened(&memory);
            write(&snapshots, 5).unwrap();
            let failing = memory.calls() + call;
            let cut = std::sync::Arc::new(Mutex::new(None));
            let (seen, disk) = (Arc::clone(&cut), memory.clone());
            memory.fail(move |made| {
                if made.number == failing {
                    *seen.lock().unwrap() = Some(made.clone());
                }
                (made.number >= failing).then_some(Fault::IO)
            });
            let written = write(&snapshots, 9);
            let after = disk.crash(|count| (count - 1) * kept);
            let found = latest(&opened(&after));
            if cut.lock().unwrap().is_none() {
                written.unwrap();
                assert_eq!(found, Some(9));
                assert!(call > 8, "{call}");
                break;
            }
            assert!(
                found == Some(5) || found == Some(9),
                "call {call}: {found:?}"
            );
            if written.is_ok() {
                // Only the old file could not be removed.
                assert_eq!(found, Some(9), "call {call}");
            }
        }
    }
}

#[test]
fn f06_every_bit_that_turns_in_the_only_snapshot_is_refused() {
    let memory = Memory::new();
    write(&opened(&memory), 5).unwrap();
    let name = name(1);
    let len = memory.content(&name).unwrap().len() as u64;
    for bit in 0..len * 8 {
        memory.flip(&name, bit);
        let refused = open(&memory).unwrap_err();
        let OpenError::Damaged(damage) = refused else {
            panic!("bit {bit}: {refused}")
        };
        assert_eq!(damage.file, name, "bit {bit}");
        memory.flip(&name, bit);
    }
    for cut in (0..len).step_by(41) {
        let copy = memory.crash(|_| 0);
        copy.open(&name).unwrap().allocate(cut).unwrap();
        assert!(matches!(open(&copy), Err(OpenError::Damaged(_))), "{cut}");
    }
    assert_eq!(latest(&opened(&memory)), Some(5));
}

#[test]
fn a_damaged_snapshot_is_done_without_where_an_earlier_one_and_the_log_reach_as_far() {
    let memory = Memory::new();
    let snapshots = opened(&memory);
    write(&snapshots, 5).unwrap();
    memory.fail(|call| (call.operation == Operation::Remove).then_some(Fault::IO));
    write(&snapshots, 9).unwrap();
    memory.heal();
    memory.flip(&name(2), 3000);
    let purged = |index| Some(Position { index, term: 2 });
    let open = |purged| Snapshots::open(Arc::new(memory.clone()), purged);
    let (snapshots, recovery) = open(purged(5)).unwrap();
    assert_eq!(latest(&snapshots), Some(5));
    assert_eq!(recovery.damaged.len(), 1);
    assert_eq!(recovery.damaged[0].file, name(2));
    let refused = open(purged(6)).unwrap_err().to_string();
    assert!(
        refused.starts_with("snapshot-0000000000000002 is damaged at byte"),
        "{refused}"
    );
    // A later one takes the place of both.
    write(&snapshots, 11).unwrap();
    assert_eq!(latest(&open(purged(9)).unwrap().0), Some(11));
}

#[test]
fn f04_after_a_failed_sync_no_snapshot_is_begun() {
    let memory = Memory::new();
    let snapshots = opened(&memory);
    write(&snapshots, 5).unwrap();
    memory.fail(|call| (call.operation == Operation::Sync).then_some(Fault::IO));
    assert!(matches!(
        write(&snapshots, 9),
        Err(WriteError::Poisoned { .. })
    ));
    memory.heal();
    assert!(matches!(
        write(&snapshots, 9),
        Err(WriteError::Poisoned { .. })
    ));
    assert_eq!(latest(&snapshots), Some(5));
}

#[test]
fn f05_a_full_disk_refuses_a_snapshot_and_heals() {
    let memory = Memory::new();
    let snapshots = opened(&memory);
    write(&snapshots, 5).unwrap();
    let used = memory.content(&name(1)).unwrap().len() as u64;
    memory.set_capacity(Some(used + 500));
    assert!(matches!(
        write(&snapshots, 9),
        Err(WriteError::NoSpace { .. })
    ));
    assert_eq!((latest(&snapshots), files(&memory).len()), (Some(5), 1));
    memory.set_capacity(None);
    write(&snapshots, 9).unwrap();
    assert_eq!(latest(&snapshots), Some(9));
}
