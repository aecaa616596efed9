//! Failures that are planted where the log meets the rest of the world, to prove that they are found: refused by
//! the servers themselves where they can know, and seen by the simulation where they cannot.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tribune_replication::disk::{Call, Fault, Memory, Operation};
use tribune_types::call::Consistency;
use xxhash_rust::xxh3::xxh3_64;

use crate::entries::{put, read};
use crate::history::{self, Op, What};
use crate::story::{Flaw, tell_with};
use crate::world::{World, simulate};

const APPEND: u8 = 1;
const CHUNK: u8 = 5;

/// The kind of a message: what comes after its version, and the names of its cluster, its sender and its receiver.
fn kind(message: &Bytes) -> u8 {
    let mut at = 1;
    for _ in 0..3 {
        let length = message[at..at + 4].try_into().unwrap();
        at += 4 + u32::from_le_bytes(length) as usize;
    }
    message[at]
}

/// A message that is altered and says that it is not.
fn sealed(message: &Bytes, alter: impl FnOnce(&mut BytesMut)) -> Bytes {
    let mut body = BytesMut::from(&message[..message.len() - 8]);
    alter(&mut body);
    let checksum = xxh3_64(&body);
    body.extend_from_slice(&checksum.to_le_bytes());
    body.freeze()
}

fn position(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

fn op(world: &World, begun: Duration, what: What) -> Op {
    Op {
        client: 0,
        key: 0,
        begun,
        ended: Some(world.now()),
        what,
    }
}

async fn write(world: &World, at: usize, value: u64) -> Op {
    let begun = world.now();
    world
        .handle(at)
        .propose(put("a", value, None))
        .await
        .unwrap();
    op(world, begun, What::Write(value))
}

async fn read_at(world: &World, at: usize) -> Op {
    let begun = world.now();
    let handle = world.handle(at);
    handle.read_barrier(Consistency::Consistent).await.unwrap();
    let seen = read(&handle.snapshot(), "a").map(|(value, _)| value);
    op(world, begun, What::Read(seen))
}

#[test]
fn messages_that_are_damaged_on_their_way_are_refused() {
    simulate(1, async || {
        let world = World::cluster(1, 3).await;
        let mut count = 0u64;
        world.net.alter(Some(Box::new(move |_, _, message| {
            count += 1;
            let mut damaged = message.to_vec();
            let at = (count as usize * 31) % damaged.len();
            damaged[at] ^= 1 << (count % 8);
            count.is_multiple_of(3).then(|| damaged.into())
        })));
        for value in 0..50 {
            let _: Result<_, _> = world.handle(0).propose(put("a", value, None)).await;
        }
        world.net.alter(None);
        world.leader().await;
        world.converge(Duration::from_secs(5)).await;
        world.assert_no_violations();
    });
}

#[test]
fn messages_that_are_altered_and_sealed_again_are_seen_in_the_tables() {
    simulate(2, async || {
        let world = World::cluster(2, 3).await;
        let leader = world.leader().await;
        let victim = world.id((leader + 1) % 3);
        world.net.alter(Some(Box::new(move |_, to, message| {
            if to != victim || kind(message) != APPEND {
                return None;
            }
            let value = position(message, b"value")? + 6;
            Some(sealed(message, |body| body[value] = b'9'))
        })));
        world
            .handle(leader)
            .propose(put("a", 1, None))
            .await
            .unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        let violations = world.seen.lock().unwrap().violations.clone();
        assert!(
            violations
                .iter()
                .any(|what| what.contains("differ at index")),
            "{violations:?}"
        );
    });
}

/// A server votes, forgets it, and votes again in the same term.
async fn forgotten_vote(forget: bool) -> Vec<String> {
    let mut world = World::cluster(3, 3).await;
    let old = world.leader().await;
    let (first, voter) = ((old + 1) % 3, (old + 2) % 3);
    if forget {
        // The vote is written to a new file, whose name the disk forgets.
        let lie = |call: &Call| (call.operation == Operation::SyncDir).then_some(Fault::Lie);
        world.slots[voter].disk.fail(lie);
    }
    // The voter elects another leader, of which it hears nothing afterwards.
    world.isolate(old);
    let (from, to) = (world.id(first), world.id(voter));
    world
        .net
        .alter(Some(Box::new(move |sender, receiver, message| {
            (sender == from && receiver == to && kind(message) == APPEND).then(Bytes::new)
        })));
    let elected = |world: &World| world.raft(first).status().leads;
    for _ in 0..200 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        world.watch();
        if elected(&world) {
            break;
        }
    }
    assert!(elected(&world), "{:#?}", world.statuses());
    world.watch();
    world.net.mend();
    world.isolate(first);
    for at in [voter, old] {
        world.quit(at).await;
        world.slots[at].disk = world.slots[at].disk.crash(|_| 0);
        world.start(at).await.unwrap();
    }
    for _ in 0..300 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        world.watch();
    }
    let seen = world.seen.lock().unwrap();
    seen.violations.clone()
}

#[test]
fn a_vote_that_was_not_kept_elects_two_leaders_of_one_term() {
    let found = simulate(3, async || forgotten_vote(true).await);
    assert!(
        found.iter().any(|what| what.contains("both led term")),
        "{found:?}"
    );
    let kept = simulate(3, async || forgotten_vote(false).await);
    assert!(kept.is_empty(), "{kept:?}");
}

/// All servers lose power after a write was acknowledged.
async fn power_cut(lie: bool) -> Vec<Op> {
    let mut world = World::cluster(4, 3).await;
    if lie {
        for slot in &world.slots {
            slot.disk.fail(|call| {
                let log = call.file.starts_with("log");
                (log && call.operation == Operation::Sync).then_some(Fault::Lie)
            });
        }
    }
    let written = write(&world, 0, 1).await;
    for at in 0..3 {
        world.quit(at).await;
        // Nothing is left but what the disk was made to keep.
        world.slots[at].disk = world.slots[at].disk.crash(|_| 0);
        world.start(at).await.unwrap();
    }
    world.leader().await;
    vec![written, read_at(&world, 0).await]
}

#[test]
fn a_sync_that_is_lost_loses_a_write_that_was_acknowledged() {
    let lost = simulate(4, async || power_cut(true).await);
    assert!(history::check(&lost).is_err(), "{lost:?}");
    let kept = simulate(4, async || power_cut(false).await);
    assert!(history::check(&kept).is_ok(), "{kept:?}");
}

#[test]
fn a_log_that_cannot_be_read_is_not_taken_for_an_empty_one() {
    simulate(5, async || {
        let mut world = World::cluster(5, 3).await;
        write(&world, 0, 1).await;
        world.crash(1).await;
        let reads = |call: &Call| {
            let log = call.file.starts_with("log");
            (log && call.operation == Operation::Read).then_some(Fault::IO)
        };
        world.slots[1].disk.fail(reads);
        let error = world.start(1).await.unwrap_err().to_string();
        assert!(error.contains("cannot read log"), "{error}");
        world.slots[1].disk.heal();
        world.start(1).await.unwrap();
        world.converge(Duration::from_secs(5)).await;
    });
}

/// A server comes back with a log of some time ago, beside the vote of now, and helps to elect one that lacks what
/// it had acknowledged.
#[test]
fn a_log_that_comes_back_shorter_loses_a_write_that_was_acknowledged() {
    let ops = simulate(6, async || {
        let mut world = World::cluster(6, 3).await;
        let leader = world.leader().await;
        let (short, other) = ((leader + 1) % 3, (leader + 2) % 3);
        let first = write(&world, leader, 1).await;
        world.converge(Duration::from_secs(5)).await;
        let old: Memory = world.slots[short].disk.crash(|many| many - 1);
        world.isolate(other);
        let second = write(&world, leader, 2).await;
        world.quit(short).await;
        world.slots[short].disk = old;
        world.quit(leader).await;
        world.net.mend();
        world.start(short).await.unwrap();
        world.leader().await;
        vec![first, second, read_at(&world, other).await]
    });
    assert!(history::check(&ops).is_err(), "{ops:?}");
}

#[test]
fn reads_of_a_leader_that_trusts_itself_for_too_long_are_found_stale() {
    let found = (0..20).any(|seed| {
        let told = simulate(seed, async || tell_with(seed, Flaw::TrustingLeader).await);
        told.is_err_and(|found| found.contains("Inexplicable"))
    });
    assert!(found);
}

#[test]
fn a_snapshot_that_is_cut_short_replaces_nothing() {
    simulate(8, async || {
        let mut world = World::cluster(8, 3).await;
        let leader = world.leader().await;
        let behind = (leader + 1) % 3;
        write(&world, leader, 1000).await;
        world.converge(Duration::from_secs(5)).await;
        world.crash(behind).await;
        for value in 0..300 {
            write(&world, leader, value).await;
        }
        // The first part of the snapshot says that there are no others.
        world.net.alter(Some(Box::new(|_, _, message| {
            if kind(message) != CHUNK {
                return None;
            }
            let start = position(message, b"TRIBTABL")?;
            Some(sealed(message, |body| {
                let length = (body.len() - start) as u64;
                body[start - 12..start - 4].copy_from_slice(&length.to_le_bytes());
            }))
        })));
        world.start(behind).await.unwrap();
        tokio::time::sleep(Duration::from_secs(20)).await;
        let handle = world.handle(behind);
        assert_eq!(read(&handle.snapshot(), "a").unwrap().0, 1000);
        world.net.alter(None);
        world.leader().await;
        world.converge(Duration::from_secs(20)).await;
        assert_eq!(read(&handle.snapshot(), "a").unwrap().0, 299);
        world.assert_no_violations();
    });
}

#[test]
fn leaders_that_hand_over_under_load_lose_nothing_and_block_nobody() {
    for seed in 0..5 {
        let told = simulate(seed, async || tell_with(seed, Flaw::OnlyTransfers).await).unwrap();
        assert!(told.elections > 2, "{told:?}");
        assert!(told.unknown == 0, "{told:?}");
    }
}
