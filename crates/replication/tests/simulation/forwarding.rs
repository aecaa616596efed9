//! Proposals and reads on every server.

use std::time::Duration;

use tribune_replication::Leader;
use tribune_state::Outcome;
use tribune_types::call::Consistency;

use crate::entries::{put, read};
use crate::world::{World, simulate};

#[test]
fn a_proposal_is_answered_by_every_server_after_it_has_applied_it() {
    simulate(1, async || {
        let world = World::cluster(1, 3).await;
        for at in 0..3 {
            let handle = world.handle(at);
            let (index, outcome) = handle.propose(put("a", at as u64, None)).await.unwrap();
            assert_eq!(outcome, Outcome::Done);
            assert_eq!(read(&handle.snapshot(), "a"), Some((at as u64, index)));
            assert!(*handle.applied().borrow() >= index);
        }
        world.converge(Duration::from_secs(1)).await;
        world.assert_no_violations();
    });
}

#[test]
fn reads_see_what_was_acknowledged_elsewhere() {
    simulate(2, async || {
        let world = World::cluster(2, 3).await;
        for (round, consistency) in [Consistency::Default, Consistency::Consistent]
            .into_iter()
            .enumerate()
        {
            for writer in 0..3 {
                let value = (round * 3 + writer) as u64;
                world
                    .handle(writer)
                    .propose(put("a", value, None))
                    .await
                    .unwrap();
                for reader in 0..3 {
                    let handle = world.handle(reader);
                    handle.read_barrier(consistency).await.unwrap();
                    assert_eq!(read(&handle.snapshot(), "a").unwrap().0, value);
                }
            }
        }
    });
}

#[test]
fn a_killed_leader_is_replaced_within_two_seconds() {
    for seed in 0..20 {
        simulate(seed, async || {
            let mut world = World::cluster(seed, 3).await;
            let leader = world.leader().await;
            tokio::time::sleep(Duration::from_millis(seed * 13)).await;
            world.crash(leader).await;
            let begun = world.now();
            let new = world.leader().await;
            assert_ne!(new, leader);
            let taken = world.now() - begun;
            assert!(taken <= Duration::from_secs(2), "seed {seed}: {taken:?}");
            assert_eq!(world.handle(new).leadership().borrow().leader, Leader::This);
        });
    }
}
