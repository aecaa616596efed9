//! What a power cut leaves behind, in every way in which it can.

use super::*;

/// Counts through all sequences of choices.
#[derive(Default)]
struct Choices {
    taken: Vec<(usize, usize)>,
    at: usize,
}

impl Choices {
    fn choose(&mut self, of: usize) -> usize {
        if self.at == self.taken.len() {
            self.taken.push((0, of));
        }
        let (choice, known) = self.taken[self.at];
        assert_eq!(known, of, "the same choices come again");
        self.at += 1;
        choice
    }

    /// Goes on to the next sequence, if there is one.
    fn advance(&mut self) -> bool {
        self.at = 0;
        while let Some((choice, of)) = self.taken.pop() {
            if choice + 1 < of {
                self.taken.push((choice + 1, of));
                return true;
            }
        }
        false
    }
}

/// Opens the log after every crash that is possible now, and checks that it has `durable` records, and
/// after them some of the others from their beginning. Says how many crashes there are.
fn every_crash(memory: &Memory, durable: usize, expected: &[Record]) -> usize {
    let (mut choices, mut count) = (Choices::default(), 0);
    loop {
        let after = memory.crash(|of| choices.choose(of));
        let (mut log, _) =
            open(&after).unwrap_or_else(|error| panic!("{error}: {:?}", choices.taken));
        let found = all(&log);
        assert!(found.len() >= durable, "{:?}", choices.taken);
        assert_eq!(found, expected[..found.len()], "{:?}", choices.taken);
        // It goes on from there, and what was cut off never comes back.
        let next = log.reader.places().next().unwrap_or(0);
        log.append(&[record(next, 3)]).unwrap();
        log.sync().unwrap();
        drop(log);
        let again = all(&opened(&after));
        assert_eq!(again.len(), found.len() + 1);
        assert_eq!(again[..found.len()], found);
        count += 1;
        if !choices.advance() {
            return count;
        }
    }
}

#[test]
fn f03_every_torn_or_reordered_write_leaves_what_was_acknowledged_and_a_prefix_of_the_rest() {
    for len in [1, 430, 470, 512, 700, 1300] {
        let memory = Memory::new();
        let mut log = opened(&memory);
        log.append(&records(0..3, 300)).unwrap();
        log.sync().unwrap();
        log.append(&records(3..6, len)).unwrap();
        log.append(&records(6..8, 60)).unwrap();
        let expected = [records(0..3, 300), records(3..6, len), records(6..8, 60)].concat();
        let crashes = every_crash(&memory, 3, &expected);
        assert!(crashes >= 2, "{crashes}");
    }
}

#[test]
fn f02_a_crash_while_a_segment_is_begun_leaves_what_was_acknowledged() {
    for call in 0.. {
        let memory = Memory::new();
        let mut log = opened(&memory);
        log.append(&records(0..2, 5000)).unwrap();
        log.sync().unwrap();
        // The third does not fit any more; every call that making another segment takes fails once.
        let failing = memory.calls() + call;
        memory.fail(move |made| (made.number == failing).then_some(Fault::IO));
        let appended = log.append(&records(2..3, 5000));
        memory.heal();
        every_crash(&memory, 2, &records(0..3, 5000));
        if appended.is_ok() {
            assert!(call > 5, "{call}");
            return;
        }
    }
}

#[test]
fn f03_a_crash_during_a_truncation_leaves_all_or_what_is_before_it() {
    let memory = Memory::new();
    let mut log = opened(&memory);
    log.append(&records(0..8, 200)).unwrap();
    log.sync().unwrap();
    memory.fail(|call| (call.operation == memory::Operation::Sync).then_some(Fault::IO));
    log.truncate_from(4).unwrap_err();
    memory.heal();
    let mut choices = Choices::default();
    loop {
        let found = all(&opened(&memory.crash(|of| choices.choose(of))));
        assert!(found == records(0..8, 200) || found == records(0..4, 200));
        if !choices.advance() {
            return;
        }
    }
}

#[test]
fn a_torn_end_is_told_of() {
    let memory = Memory::new();
    let mut log = opened(&memory);
    log.append(&records(0..1, 100)).unwrap();
    log.sync().unwrap();
    log.append(&records(1..2, 1000)).unwrap();
    // The first sector of the second record is written, and those after it are not.
    let mut sectors = 0;
    let torn = memory.crash(|of| {
        sectors += usize::from(of == 2);
        usize::from(of == 2 && sectors == 1)
    });
    let (log, recovery) = open(&torn).unwrap();
    let offset = (segment::HEADER + taken(100)) as u64;
    let cut = recovery.cut.unwrap();
    assert_eq!((cut.file, cut.offset), (segment::name(1), offset));
    assert!(cut.bytes > 0 && cut.bytes <= 512, "{}", cut.bytes);
    assert_eq!(all(&log), records(0..1, 100));
    assert_eq!(open(&torn).unwrap().1.cut, None);
}
