//! A group of records made durable: the log on disk against redb, on the file system of the target folder.

#![expect(clippy::print_stdout, reason = "it prints what it measured")]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use redb::{Database, TableDefinition};
use tribune_replication::disk::{Directory, Log, Record, Settings};

/// How long each is measured.
const TIME: Duration = Duration::from_secs(3);

/// Length of a record's payload.
const PAYLOAD: usize = 256;

const TABLE: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("log");

fn main() {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR"));
    println!("records of {PAYLOAD} bytes, {}", place.display());
    for group in [1, 16, 256] {
        let folder = tempfile::tempdir_in(place).expect("the folder can be made");
        report("log", group, log(&folder.path().join("log"), group));
        report("redb", group, redb(&folder.path().join("redb"), group));
    }
}

fn report(what: &str, group: u64, mut times: Vec<Duration>) {
    times.sort_unstable();
    let total: Duration = times.iter().sum();
    let rate = group as f64 * times.len() as f64 / total.as_secs_f64();
    let at = |part: usize| times[(times.len() - 1) * part / 100];
    println!(
        "{what:5} groups of {group:3}: {rate:9.0} records/s, a group takes p50 {:?}, p99 {:?}",
        at(50),
        at(99)
    );
}

/// How long each of many groups takes until it is durable.
fn timed(mut write: impl FnMut(u64)) -> Vec<Duration> {
    let (begin, mut times) = (Instant::now(), Vec::new());
    while begin.elapsed() < TIME {
        let before = Instant::now();
        write(times.len() as u64);
        times.push(before.elapsed());
    }
    times
}

fn log(path: &Path, group: u64) -> Vec<Duration> {
    let files = Directory::open(path).expect("the directory can be made");
    let (mut log, _) = Log::open(Arc::new(files), Settings::default()).expect("a new log");
    let payload = vec![7_u8; PAYLOAD];
    timed(|number| {
        let records = (number * group..(number + 1) * group).map(|index| Record {
            index,
            term: 1,
            payload: payload.clone().into(),
        });
        log.append(&records.collect::<Vec<_>>())
            .and_then(|()| log.sync())
            .expect("the disk takes it");
    })
}

fn redb(path: &Path, group: u64) -> Vec<Duration> {
    let database = Database::create(path).expect("a new database");
    let payload = vec![7_u8; PAYLOAD];
    timed(|number| {
        let write = database.begin_write().expect("one writer");
        {
            let mut table = write.open_table(TABLE).expect("the table");
            for index in number * group..(number + 1) * group {
                table.insert(index, payload.as_slice()).expect("room");
            }
        }
        write.commit().expect("the disk takes it");
    })
}
