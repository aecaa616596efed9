//! Disks that fail, are full, and get room again; snapshots that are made, kept and sent.

use std::time::Duration;

use tribune_replication::disk::{Call, Fault, Operation};
use tribune_replication::{HandleError, ProposeError, RaftHealth, RaftStatus};
use tribune_types::call::Consistency;

use crate::entries::{put, read};
use crate::world::{World, simulate};

/// Refuses whatever takes room.
fn full(call: &Call) -> Option<Fault> {
    let writes = [Operation::Write, Operation::Allocate, Operation::Create];
    writes.contains(&call.operation).then_some(Fault::NO_SPACE)
}

fn leads(status: &RaftStatus) -> bool {
    status.leads
}

#[test]
fn a_server_whose_sync_fails_takes_no_more_part_and_comes_back_with_what_counts() {
    simulate(1, async || {
        let mut world = World::cluster(1, 3).await;
        world.handle(0).propose(put("a", 1, None)).await.unwrap();
        let old = world.leader().await;
        world.slots[old]
            .disk
            .fail(|call| (call.operation == Operation::Sync).then_some(Fault::IO));
        let answered = world.handle(old).propose(put("a", 2, None)).await;
        assert!(
            matches!(answered, Ok(_) | Err(ProposeError::Unknown)),
            "{answered:?}"
        );
        let stopped = world.raft(old).failed().await;
        assert!(stopped.contains("sync"), "{stopped}");
        assert!(matches!(
            world.raft(old).health(),
            RaftHealth::Failed { .. }
        ));
        let spoken = world
            .raft(old)
            .handle("anybody", bytes::Bytes::from_static(b"\x01"))
            .await;
        assert!(
            matches!(spoken, Err(HandleError::Malformed { .. })),
            "{spoken:?}"
        );
        let refused = world.handle(old).propose(put("a", 3, None)).await;
        assert_eq!(refused, Err(ProposeError::Unavailable));
        let new = world.leader().await;
        assert_ne!(new, old);
        world.handle(new).propose(put("a", 4, None)).await.unwrap();
        world.crash(old).await;
        world.slots[old].disk.heal();
        world.start(old).await.unwrap();
        world.leader().await;
        world.converge(Duration::from_secs(5)).await;
        assert_eq!(read(&world.handle(old).snapshot(), "a").unwrap().0, 4);
        world.assert_no_violations();
    });
}

#[test]
fn one_server_with_a_full_disk_refuses_writes_reads_on_and_heals() {
    simulate(2, async || {
        let mut world = World::cluster(2, 1).await;
        let handle = world.handle(0);
        handle.propose(put("a", 1, None)).await.unwrap();
        world.slots[0].disk.fail(full);
        // What was on its way when the disk filled up may go through later.
        let first = handle.propose(put("a", 2, None)).await;
        assert_eq!(first, Err(ProposeError::Unknown));
        let refused = handle.propose(put("a", 3, None)).await;
        let Err(ProposeError::Full { reason }) = refused else {
            panic!("{refused:?}")
        };
        assert!(reason.contains("no room"), "{reason}");
        for consistency in [
            Consistency::Stale,
            Consistency::Default,
            Consistency::Consistent,
        ] {
            handle.read_barrier(consistency).await.unwrap();
        }
        assert_eq!(read(&handle.snapshot(), "a").unwrap().0, 1);
        assert!(matches!(world.raft(0).health(), RaftHealth::Stuck { .. }));
        world.slots[0].disk.heal();
        world
            .until("room is found", Duration::from_secs(2), |world| {
                world.raft(0).health() == RaftHealth::Fine
            })
            .await;
        handle.propose(put("a", 4, None)).await.unwrap();
        // It was not there before the disk had room, and it was not lost.
        assert_eq!(read(&handle.snapshot(), "a").unwrap().0, 4);
        world.crash(0).await;
        world.start(0).await.unwrap();
        world.leader().await;
        world
            .handle(0)
            .read_barrier(Consistency::Consistent)
            .await
            .unwrap();
        assert_eq!(read(&world.handle(0).snapshot(), "a").unwrap().0, 4);
    });
}

#[test]
fn a_leader_with_a_full_disk_hands_over_and_follows_again_when_there_is_room() {
    simulate(3, async || {
        let world = World::cluster(3, 3).await;
        world.handle(0).propose(put("a", 1, None)).await.unwrap();
        let old = world.leader().await;
        world.slots[old].disk.fail(full);
        let _: Result<_, _> = world.handle(old).propose(put("a", 2, None)).await;
        world
            .until("another leader", Duration::from_secs(3), |world| {
                world
                    .statuses()
                    .iter()
                    .any(|(at, status)| *at != old && leads(status))
            })
            .await;
        let new = world.leader().await;
        let (index, _) = world.handle(new).propose(put("a", 3, None)).await.unwrap();
        // The one without room knows of it as soon as it has some.
        world.slots[old].disk.heal();
        world
            .handle(old)
            .read_barrier(Consistency::Default)
            .await
            .unwrap();
        assert_eq!(read(&world.handle(old).snapshot(), "a"), Some((3, index)));
        world.handle(old).propose(put("a", 4, None)).await.unwrap();
        world.converge(Duration::from_secs(5)).await;
        world.assert_no_violations();
    });
}

#[test]
fn snapshots_take_the_place_of_the_log_and_survive_a_restart() {
    simulate(4, async || {
        let mut world = World::cluster(4, 3).await;
        let mut last = 0;
        for value in 0..300 {
            (last, _) = world
                .handle((value % 3) as usize)
                .propose(put("a", value, None))
                .await
                .unwrap();
        }
        world
            .until("a snapshot", Duration::from_secs(5), |world| {
                world
                    .statuses()
                    .iter()
                    .all(|(_, status)| status.snapshot > 200)
            })
            .await;
        for at in 0..3 {
            world.crash(at).await;
        }
        for at in 0..3 {
            world.start(at).await.unwrap();
            assert!(
                *world.handle(at).applied().borrow() > 200,
                "the snapshot is not restored"
            );
        }
        world.leader().await;
        for at in 0..3 {
            world
                .handle(at)
                .read_barrier(Consistency::Consistent)
                .await
                .unwrap();
            assert_eq!(read(&world.handle(at).snapshot(), "a"), Some((299, last)));
        }
        world.assert_no_violations();
    });
}

#[test]
fn a_server_that_is_far_behind_gets_a_snapshot_over_a_network_that_breaks() {
    simulate(5, async || {
        let mut world = World::cluster(5, 3).await;
        let leader = world.leader().await;
        let behind = (leader + 1) % 3;
        world.crash(behind).await;
        for value in 0..300 {
            world
                .handle(leader)
                .propose(put("a", value, None))
                .await
                .unwrap();
        }
        world.net.set_weather(crate::network::Weather::FOUL);
        world.start(behind).await.unwrap();
        for _ in 0..5 {
            tokio::time::sleep(Duration::from_millis(60)).await;
            world.isolate(behind);
            tokio::time::sleep(Duration::from_millis(60)).await;
            world.net.mend();
        }
        world.net.set_weather(crate::network::Weather::FAIR);
        world.leader().await;
        world.converge(Duration::from_secs(10)).await;
        assert_eq!(read(&world.handle(behind).snapshot(), "a").unwrap().0, 299);
        let restored = world
            .seen
            .lock()
            .unwrap()
            .restored
            .get(&world.id(behind))
            .copied();
        assert!(restored.is_some_and(|times| times >= 1), "{restored:?}");
        world.assert_no_violations();
    });
}
