//! Settings of autopilot, and other tables in the place of all that there are.

use tribune_state::{ApplyError, Command, Operation, Outcome, RestorePart, Store};
use tribune_types::autopilot::Configuration;

use crate::support::*;

fn set(max_trailing_logs: u64, cas: Option<u64>) -> Operation {
    Operation::SetAutopilotConfiguration {
        configuration: Box::new(Configuration {
            max_trailing_logs,
            ..Configuration::default()
        }),
        cas,
    }
}

fn outcome(tables: &mut Tables, operation: Operation) -> Outcome {
    tables.apply(operation).outcome
}

#[test]
fn settings_of_autopilot_are_written_where_their_condition_holds() {
    let mut tables = Tables::default();
    let stored = |tables: &Tables| tables.read().autopilot_configuration(&mut ignore()).value;
    assert_eq!(stored(&tables), None);
    assert_eq!(outcome(&mut tables, set(1, Some(3))), Outcome::Cas(false));
    assert_eq!(outcome(&mut tables, set(2, Some(0))), Outcome::Cas(true));
    let first = stored(&tables).unwrap();
    assert_eq!(first.create_index, first.modify_index);
    assert_eq!(outcome(&mut tables, set(3, Some(0))), Outcome::Cas(false));
    assert_eq!(outcome(&mut tables, set(4, None)), Outcome::Done);
    let last = stored(&tables).unwrap();
    assert_eq!(last.max_trailing_logs, 4);
    assert_eq!(last.create_index, first.create_index);
    assert_eq!(last.modify_index, tables.store.index());
}

/// The bytes of tables in parts of this length.
fn parts(store: &Store, length: usize, id: u128) -> Vec<Operation> {
    let bytes: Vec<u8> = store.snapshot().encode().flatten().collect();
    let total = bytes.len();
    let parts = bytes.chunks(length).enumerate();
    parts
        .map(|(at, part)| {
            Operation::Restore(RestorePart {
                id,
                offset: (at * length) as u64,
                bytes: part.to_vec(),
                last: at * length + part.len() == total,
            })
        })
        .collect()
}

/// Tables of a log that has gone on to index 1000.
fn later() -> Store {
    let mut store = Store::new();
    let registered = Operation::Register(Box::new(on("n9", service("web-9", "web"))));
    store.apply(1000, registered.into());
    store
}

#[test]
fn the_last_part_puts_other_tables_in_the_place_of_all() {
    let mut tables = Tables::default();
    let request = Command::with_id(
        5,
        Operation::Register(Box::new(on("n1", service("a", "old")))),
    );
    tables.store.apply(1, request.clone());
    let parts = parts(&later(), 100, 1);
    let (last, first) = parts.split_last().unwrap();
    assert!(first.len() > 1);
    for part in first {
        let applied = tables.apply(part.clone());
        assert_eq!(applied.outcome, Outcome::Done);
        assert!(!applied.changes.is_everything() && applied.changes.keys.is_empty());
        assert_eq!(tables.read().nodes(&mut ignore()).value.len(), 1);
    }
    // a server that starts again in between goes on where it was
    tables.store = Store::restore(tables.read().encode()).unwrap();
    let applied = tables.apply(last.clone());
    assert_eq!(applied.outcome, Outcome::Done);
    assert!(applied.changes.is_everything());
    let nodes = tables.read().nodes(&mut ignore());
    let names: Vec<_> = nodes
        .value
        .iter()
        .map(|node| node.node.to_string())
        .collect();
    assert_eq!(names, ["n9"]);
    let now = tables.store.index();
    assert_eq!((nodes.index, nodes.value[0].modify_index), (now, now));
    // what was applied to this log is still known
    let again = tables.store.apply(now + 1, request);
    assert_eq!((again.index, again.outcome), (1, Outcome::Done));
    assert!(tables.done(deregister("n9", tribune_state::Removed::Node)) > now);
    assert_eq!(tables.read().nodes(&mut ignore()).value.len(), 0);
}

#[test]
fn parts_that_do_not_follow_or_are_wrong_change_nothing() {
    let mut tables = Tables::default();
    tables.register(on("n1", service("a", "web")));
    let one = parts(&later(), 100, 1);
    let other = parts(&later(), 100, 2);
    tables.done(one[0].clone());
    let gap = tables.refused(one[2].clone());
    assert!(
        gap.contains("byte 200 does not follow the 100 bytes"),
        "{gap}"
    );
    tables.refused(other[1].clone());
    // another one takes its place
    tables.done(other[0].clone());
    tables.refused(one[1].clone());
    let Operation::Restore(mut part) = other[1].clone() else {
        panic!("a part")
    };
    part.bytes[20] ^= 1;
    part.last = true;
    let Outcome::Refused(error) = outcome(&mut tables, Operation::Restore(part)) else {
        panic!("it is cut off")
    };
    assert!(matches!(error, ApplyError::NotRestorable { .. }), "{error}");
    assert_eq!(tables.read().nodes(&mut ignore()).value.len(), 1);
}
