//! A disk that fails, is full, or turns bits around.

use super::*;

#[test]
fn f06_every_bit_that_turns_is_found_when_the_log_is_opened() {
    let memory = Memory::new();
    let mut log = opened(&memory);
    log.append(&records(0..3, 61)).unwrap();
    log.sync().unwrap();
    log.append(&records(3..5, 300)).unwrap();
    log.sync().unwrap();
    let name = segment::name(1);
    for bit in 0..(log.tail + 64) * 8 {
        let copy = memory.crash(|_| 0);
        assert!(copy.flip(&name, bit));
        match open(&copy) {
            Err(OpenError::Damaged(damage)) => assert_eq!(damage.file, name),
            Err(other) => panic!("bit {bit}: {other}"),
            // Behind the end, in room that nobody has used, a bit is nothing that anybody wrote.
            Ok((log, recovery)) => {
                assert!(bit / 8 >= log.tail && recovery.cut.is_some(), "bit {bit}");
                assert_eq!(all(&log).len(), 5);
            }
        }
    }
}

#[test]
fn f06_a_bit_that_turns_in_a_segment_that_is_full_is_found() {
    let memory = Memory::new();
    let mut log = opened(&memory);
    for index in 0..30 {
        log.append(&records(index..index + 1, 1000)).unwrap();
    }
    log.sync().unwrap();
    let name = segment::name(1);
    let end = log.reader.places().segments.len();
    assert!(end > 2, "{end}");
    let used = segment::HEADER + 11 * taken(1000);
    for bit in (0..used as u64 * 8).step_by(97) {
        let copy = memory.crash(|_| 0);
        copy.flip(&name, bit);
        let refused = open(&copy).unwrap_err();
        assert!(
            matches!(refused, OpenError::Damaged(_)),
            "bit {bit}: {refused}"
        );
    }
}

#[test]
fn f06_a_bit_that_turns_later_is_found_by_the_read() {
    let memory = Memory::new();
    let mut log = opened(&memory);
    log.append(&records(0..3, 50)).unwrap();
    log.sync().unwrap();
    let name = segment::name(1);
    let begin = (segment::HEADER + taken(50)) as u64;
    for bit in begin * 8..(begin + 40 + 50) * 8 {
        memory.flip(&name, bit);
        let refused = log.read(0..3).unwrap_err();
        let ReadError::Damaged(Damage { file, offset, .. }) = refused else {
            panic!("bit {bit}: {refused}");
        };
        assert_eq!((file, offset), (name.clone(), begin));
        assert_eq!(log.read(0..1).unwrap(), records(0..1, 50));
        memory.flip(&name, bit);
    }
    assert_eq!(all(&log), records(0..3, 50));
}

#[test]
fn damage_before_the_end_is_refused_with_file_offset_and_what_to_do() {
    let memory = Memory::new();
    let mut log = opened(&memory);
    log.append(&records(0..1, 1000)).unwrap();
    log.sync().unwrap();
    log.append(&records(1..2, 1000)).unwrap();
    log.sync().unwrap();
    // A whole sector of the first record is lost, as if it had never been written.
    let file = memory.open(&segment::name(1)).unwrap();
    file.write_at(&[0; 512], 1024).unwrap();
    let before = memory.content(&segment::name(1));
    let refused = open(&memory).unwrap_err().to_string();
    assert_eq!(
        refused,
        "log-0000000000000001 is damaged at byte 512: there is no whole record, and one had been durable. \
         Nothing was changed. Have the data directory restored from a backup, or move it away: a server of \
         a cluster gets everything from the others again"
    );
    assert_eq!(memory.content(&segment::name(1)), before);
}

#[test]
fn f04_after_a_failed_sync_nothing_more_is_written_and_a_new_start_reads_what_is_there() {
    let memory = Memory::new();
    let mut log = opened(&memory);
    log.append(&records(0..2, 50)).unwrap();
    log.sync().unwrap();
    log.append(&records(2..4, 50)).unwrap();
    let mut failed = false;
    memory.fail(move |call| {
        let first =
            call.operation == memory::Operation::Sync && !std::mem::replace(&mut failed, true);
        first.then_some(Fault::IO)
    });
    let syncs = memory.calls();
    let refused = log.sync().unwrap_err();
    assert!(matches!(refused, WriteError::Poisoned { .. }), "{refused}");
    assert_eq!(memory.calls(), syncs + 1);
    for again in [
        log.sync(),
        log.append(&records(2..3, 50)),
        log.truncate_from(1),
        log.purge_up_to(Position { index: 1, term: 1 }),
    ] {
        assert!(matches!(again, Err(WriteError::Poisoned { .. })));
    }
    assert_eq!(
        memory.calls(),
        syncs + 1,
        "nothing is tried on the same handle"
    );
    assert_eq!(all(&log), records(0..2, 50));
    assert_eq!(all(&opened(&memory.crash(|_| 0))), records(0..2, 50));
}

#[test]
fn f05_a_full_disk_refuses_appends_while_reads_go_on_and_heals_without_a_restart() {
    let memory = Memory::new();
    let mut log = opened(&memory);
    memory.set_capacity(Some(u64::from(SETTINGS.segment_bytes) + 100));
    let mut index = 0;
    let refused = loop {
        match log.append(&records(index..index + 1, 1000)) {
            Ok(()) => index += 1,
            Err(refused) => break refused,
        }
    };
    assert!(matches!(refused, WriteError::NoSpace { .. }), "{refused}");
    log.append(&records(index..index + 1, 1000)).unwrap_err();
    assert_eq!(all(&log), records(0..index, 1000));
    // What makes room has room of its own.
    log.purge_up_to(Position { index: 2, term: 1 }).unwrap();
    memory.set_capacity(None);
    log.append(&records(index..index + 3, 1000)).unwrap();
    log.sync().unwrap();
    assert_eq!(all(&opened(&memory)), records(3..index + 3, 1000));
}

#[test]
fn f05_a_write_that_is_refused_half_way_is_undone() {
    for fault in [Fault::Half, Fault::NO_SPACE, Fault::IO] {
        let memory = Memory::new();
        let mut log = opened(&memory);
        log.append(&records(0..2, 100)).unwrap();
        log.sync().unwrap();
        let write = memory.calls();
        memory.fail(move |call| (call.number == write).then_some(fault));
        log.append(&records(2..5, 1500)).unwrap_err();
        memory.heal();
        log.append(&records(2..3, 10)).unwrap();
        log.sync().unwrap();
        let (log, recovery) = open(&memory.crash(|_| 0)).unwrap();
        assert_eq!(recovery.cut, None);
        assert_eq!(all(&log), [records(0..2, 100), records(2..3, 10)].concat());
    }
}

#[test]
fn a_disk_that_lies_about_a_sync_is_found_out_when_later_records_are_there() {
    let memory = Memory::new();
    let mut log = opened(&memory);
    log.append(&records(0..2, 600)).unwrap();
    memory.fail(|call| (call.operation == memory::Operation::Sync).then_some(Fault::Lie));
    log.sync().unwrap();
    log.append(&records(2..4, 600)).unwrap();
    memory.heal();
    // Only what was written after the lie reaches the disk.
    let lost = (segment::HEADER..segment::HEADER + 2 * taken(600)).len() / 512;
    let mut sector = 0;
    let after = memory.crash(|of| {
        sector += 1;
        if sector > lost + 2 { of - 1 } else { 0 }
    });
    let refused = open(&after).unwrap_err();
    assert!(matches!(refused, OpenError::Damaged(_)), "{refused}");
}

#[test]
fn short_reads_are_read_on() {
    let memory = Memory::new();
    let mut log = opened(&memory);
    log.append(&records(0..5, 700)).unwrap();
    log.sync().unwrap();
    memory.fail(|call| (call.operation == memory::Operation::Read).then_some(Fault::Half));
    assert_eq!(all(&opened(&memory)), records(0..5, 700));
}
