//! Servers that come, go, lead and come back.

use std::time::Duration;

use tribune_replication::{MembershipError, Role};

use crate::entries::{put, read};
use crate::world::{Slot, World, simulate};

fn roles(world: &World, at: usize) -> Vec<(String, Role)> {
    let members = world.raft(at).status().members;
    members
        .into_iter()
        .map(|member| (member.server.name, member.role))
        .collect()
}

#[test]
fn a_cluster_is_made_once() {
    simulate(1, async || {
        let mut world = World::new(1, 2);
        world.start(0).await.unwrap();
        let (me, other) = (world.slots[0].server.clone(), world.slots[1].server.clone());
        let raft = world.raft(0);
        let foreign = raft.initialize(vec![other]).await;
        assert_eq!(foreign, Err(MembershipError::NotAmongMembers));
        raft.initialize(vec![me.clone()]).await.unwrap();
        world.leader().await;
        assert_eq!(
            raft.initialize(vec![me.clone()]).await,
            Err(MembershipError::Initialized)
        );
        world.crash(0).await;
        world.start(0).await.unwrap();
        world.leader().await;
        let again = world.raft(0).initialize(vec![me]).await;
        assert_eq!(again, Err(MembershipError::Initialized));
    });
}

#[test]
fn servers_join_with_all_that_there_is_and_vote_when_they_have_it() {
    simulate(2, async || {
        let mut world = World::new(2, 3);
        world.begin(1).await;
        for value in 0..200 {
            world
                .handle(0)
                .propose(put("a", value, None))
                .await
                .unwrap();
        }
        let raft = world.raft(0);
        raft.add_nonvoter(world.slots[1].server.clone())
            .await
            .unwrap();
        assert_eq!(roles(&world, 0)[1].1, Role::Nonvoter);
        raft.add_voter(world.slots[2].server.clone()).await.unwrap();
        raft.add_voter(world.slots[1].server.clone()).await.unwrap();
        world.converge(Duration::from_secs(5)).await;
        for at in 0..3 {
            assert!(
                roles(&world, at)
                    .iter()
                    .all(|(_, role)| *role == Role::Voter)
            );
            assert_eq!(read(&world.handle(at).snapshot(), "a").unwrap().0, 199);
        }
        // They got a snapshot, since the log does not reach back.
        assert!(world.raft(1).status().snapshot > 100);
        world.crash(0).await;
        let leader = world.leader().await;
        assert_ne!(leader, 0);
        world
            .handle(leader)
            .propose(put("a", 200, None))
            .await
            .unwrap();
        world.assert_no_violations();
    });
}

#[test]
fn leadership_is_handed_over_at_once_and_nothing_is_lost() {
    simulate(3, async || {
        let world = World::cluster(3, 3).await;
        let old = world.leader().await;
        let new = (old + 1) % 3;
        let begun = world.now();
        world
            .raft(old)
            .transfer_leadership(Some(&world.id(new)))
            .await
            .unwrap();
        assert!(world.now() - begun < Duration::from_millis(200));
        assert_eq!(world.leader().await, new);
        world.handle(old).propose(put("a", 1, None)).await.unwrap();
        let followed = world.raft(old).transfer_leadership(None).await;
        assert!(matches!(
            followed,
            Err(MembershipError::NotLeader { hint: Some(_) })
        ));
        world.raft(new).transfer_leadership(None).await.unwrap();
        assert_ne!(world.leader().await, new);
    });
}

#[test]
fn a_leader_that_cannot_hand_over_is_replaced_and_takes_no_writes_for_good() {
    simulate(4, async || {
        let world = World::cluster(4, 3).await;
        let old = world.leader().await;
        let cut = (old + 1) % 3;
        world.isolate(cut);
        let moved = world
            .raft(old)
            .transfer_leadership(Some(&world.id(cut)))
            .await;
        world.handle(old).propose(put("a", 1, None)).await.unwrap();
        let leader = world.leader().await;
        assert_ne!(leader, cut);
        if leader == old {
            assert_eq!(moved, Err(MembershipError::NotTransferred));
        }
        world.net.mend();
        world.handle(cut).propose(put("a", 2, None)).await.unwrap();
        world.converge(Duration::from_secs(5)).await;
    });
}

#[test]
fn a_leader_that_is_removed_leads_no_more() {
    simulate(5, async || {
        let world = World::cluster(5, 3).await;
        let old = world.leader().await;
        world.raft(old).remove(&world.id(old)).await.unwrap();
        world
            .until("another leader", Duration::from_secs(5), |world| {
                let leads = |(at, status): &(usize, tribune_replication::RaftStatus)| {
                    *at != old && status.leads && status.members.len() == 2
                };
                world.statuses().iter().any(leads)
            })
            .await;
        world
            .until("the old one knows", Duration::from_secs(5), |world| {
                !world.raft(old).status().leads
            })
            .await;
        let next = (old + 1) % 3;
        world.handle(next).propose(put("a", 1, None)).await.unwrap();
        let gone = world.id(old);
        let leader = if world.raft(next).status().leads {
            next
        } else {
            (old + 2) % 3
        };
        let unknown = world.raft(leader).remove(&gone).await;
        assert_eq!(unknown, Err(MembershipError::Unknown { id: gone }));
    });
}

#[test]
fn the_last_server_that_votes_stays() {
    simulate(6, async || {
        let mut world = World::new(6, 2);
        world.begin(1).await;
        world
            .raft(0)
            .add_nonvoter(world.slots[1].server.clone())
            .await
            .unwrap();
        let (me, other) = (world.id(0), world.id(1));
        let raft = world.raft(0);
        assert_eq!(
            raft.remove(&me).await,
            Err(MembershipError::LastVoter { id: me.clone() })
        );
        let handed = raft.transfer_leadership(Some(&other)).await;
        assert_eq!(handed, Err(MembershipError::NotVoter { id: other.clone() }));
        raft.remove(&other).await.unwrap();
        assert_eq!(raft.status().members.len(), 1);
    });
}

#[test]
fn a_server_that_lost_its_disk_votes_for_nobody_until_it_has_everything_again() {
    simulate(7, async || {
        let mut world = World::cluster(7, 3).await;
        for value in 0..100 {
            world
                .handle(0)
                .propose(put("a", value, None))
                .await
                .unwrap();
        }
        let leader = world.leader().await;
        let (wiped, other) = ((leader + 1) % 3, (leader + 2) % 3);
        // The other one has nothing of the next writes, and the wiped one forgets them.
        world.isolate(other);
        let (index, _) = world
            .handle(leader)
            .propose(put("a", 100, None))
            .await
            .unwrap();
        world.quit(wiped).await;
        world.slots[wiped] = Slot {
            runs: 1,
            ..Slot::new(wiped)
        };
        world.quit(leader).await;
        world.net.mend();
        world.start(wiped).await.unwrap();
        tokio::time::sleep(Duration::from_secs(20)).await;
        assert!(world.statuses().iter().all(|(_, status)| !status.leads));
        // With the one that has it, all have it.
        world.start(leader).await.unwrap();
        world.leader().await;
        world.converge(Duration::from_secs(5)).await;
        assert_eq!(
            read(&world.handle(wiped).snapshot(), "a"),
            Some((100, index))
        );
        world
            .handle(wiped)
            .propose(put("a", 101, None))
            .await
            .unwrap();
        // Now it votes.
        world.quit(leader).await;
        world.leader().await;
        world.assert_no_violations();
    });
}

#[test]
fn survivors_of_a_lost_quorum_go_on_with_a_new_configuration() {
    simulate(8, async || {
        let mut world = World::cluster(8, 3).await;
        for value in 0..100 {
            world
                .handle(0)
                .propose(put("a", value, None))
                .await
                .unwrap();
        }
        world.converge(Duration::from_secs(5)).await;
        for at in 0..3 {
            world.crash(at).await;
        }
        let survivor = vec![world.slots[2].server.clone()];
        world
            .start_with(2, |storage| storage.recover(survivor))
            .await
            .unwrap();
        assert_eq!(world.leader().await, 2);
        assert_eq!(read(&world.handle(2).snapshot(), "a").unwrap().0, 99);
        world.handle(2).propose(put("a", 100, None)).await.unwrap();
        assert_eq!(roles(&world, 2).len(), 1);
        // Others come as they would to any cluster.
        world.slots[0] = Slot {
            runs: 1,
            ..Slot::new(0)
        };
        world.start(0).await.unwrap();
        world
            .raft(2)
            .add_voter(world.slots[0].server.clone())
            .await
            .unwrap();
        world.converge(Duration::from_secs(5)).await;
        assert_eq!(read(&world.handle(0).snapshot(), "a").unwrap().0, 100);
    });
}
