//! The tables as registers: config entries, each with a number in it.

use std::sync::Arc;

use serde_json::json;
use tribune_state::{Command, Operation, Snapshot, WatchSet};
use tribune_types::Index;
use tribune_types::config_entry::{Entry, Key, Kind, Raw};
use xxhash_rust::xxh3::xxh3_64;

/// The entry of a register with a value.
pub(crate) fn entry(key: &str, value: u64) -> Arc<Entry> {
    let fields = json!({"Name": key, "Meta": {"value": value.to_string()}});
    let raw = Raw::deserialize(Kind::ServiceDefaults, fields).unwrap();
    Arc::new(raw.try_into().unwrap())
}

pub(crate) fn put(key: &str, value: u64, cas: Option<Index>) -> Command {
    Operation::PutConfigEntry {
        entry: entry(key, value),
        cas,
        checked_at: None,
    }
    .into()
}

/// The value of a register and the index at which it was written.
pub(crate) fn read(snapshot: &Snapshot, key: &str) -> Option<(u64, Index)> {
    let stored = snapshot
        .config_entry(&name(key), &mut WatchSet::ignore())
        .value?;
    Some((value(&stored.entry), stored.modify_index))
}

/// All of the registers, as a number.
pub(crate) fn hash(snapshot: &Snapshot) -> u64 {
    let stored = snapshot.config_entries(None, &mut WatchSet::ignore()).value;
    let all: Vec<String> = stored
        .iter()
        .map(|stored| {
            let key = stored.entry.key();
            format!(
                "{key:?} {} {} {}",
                value(&stored.entry),
                stored.create_index,
                stored.modify_index
            )
        })
        .collect();
    xxh3_64(all.join("\n").as_bytes())
}

fn name(key: &str) -> Key {
    entry(key, 0).key()
}

fn value(entry: &Entry) -> u64 {
    match entry {
        Entry::ServiceDefaults(defaults) => defaults.raw().meta["value"].parse().unwrap(),
        other => panic!("no register: {other:?}"),
    }
}
