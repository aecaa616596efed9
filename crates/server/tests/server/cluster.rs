//! Servers in one process, on paused time: they make a cluster, it lives on as they come and go, and its state is put
//! back.

mod world;

use std::time::Duration;

use tribune_replication::Role;
use tribune_server::cluster::{Beginning, OperatorError};
use tribune_types::autopilot::Configuration;
use tribune_types::call::Consistency;
use tribune_types::raft::Selector;
use world::{Node, World, until};

/// Waits until all of these agree on who leads, and gives its place among them.
async fn leader(nodes: &[Node]) -> usize {
    until("one leads and all know", || {
        nodes.iter().filter(|node| node.leads()).count() == 1
            && nodes.iter().all(|node| node.raft.knows_leader())
    })
    .await;
    nodes.iter().position(Node::leads).unwrap()
}

fn voters(node: &Node) -> Vec<String> {
    let members = node.raft.status().members.into_iter();
    let voters = members.filter(|member| member.role == Role::Voter);
    let mut names: Vec<String> = voters.map(|member| member.server.name).collect();
    names.sort();
    names
}

async fn three(world: &World) -> Vec<Node> {
    let mut nodes = Vec::new();
    for number in 1..=3 {
        nodes.push(world.start(number, Beginning::Expect(3)).await);
    }
    for node in &nodes[1..] {
        node.join(&nodes[0]).await;
    }
    leader(&nodes).await;
    nodes
}

#[tokio::test(start_paused = true)]
async fn one_alone_leads_at_once_and_again_after_a_restart() {
    let world = World::default();
    let node = world.start(1, Beginning::Alone).await;
    let begun = tokio::time::Instant::now();
    node.write("a").await;
    assert!(
        begun.elapsed() < Duration::from_millis(100),
        "{:?}",
        begun.elapsed()
    );
    let disk = node.kill(&world).await;
    let again = world.start_on(disk, 1, Beginning::Alone).await;
    let begun = tokio::time::Instant::now();
    again.write("b").await;
    assert!(
        begun.elapsed() < Duration::from_millis(100),
        "{:?}",
        begun.elapsed()
    );
    assert!(again.has("a") && again.has("b"));
}

#[tokio::test(start_paused = true)]
async fn two_of_three_make_no_cluster_and_the_third_makes_it_one() {
    let world = World::default();
    let mut nodes = vec![
        world.start(1, Beginning::Expect(3)).await,
        world.start(2, Beginning::Expect(3)).await,
    ];
    nodes[1].join(&nodes[0]).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(nodes.iter().all(|node| !node.raft.knows_leader()));
    nodes.push(world.start(3, Beginning::Expect(3)).await);
    nodes[2].join(&nodes[1]).await;
    leader(&nodes).await;
    for node in &nodes {
        assert_eq!(voters(node), ["node-1", "node-2", "node-3"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_cluster_goes_on_without_its_leader_and_takes_another_server_in() {
    let world = World::default();
    let mut nodes = three(&world).await;
    for (at, node) in nodes.iter().enumerate() {
        node.write(&format!("on-{at}")).await;
    }
    until("everybody has every write", || {
        let all = |node: &Node| (0..3).all(|at| node.has(&format!("on-{at}")));
        nodes.iter().all(all)
    })
    .await;

    let killed = nodes.remove(leader(&nodes).await);
    let name = killed.name.clone();
    killed.kill(&world).await;
    leader(&nodes).await;
    nodes[0].write("after").await;
    nodes[1].write("after-too").await;

    nodes.push(world.start(4, Beginning::Join).await);
    nodes[2].join(&nodes[0]).await;
    until("the new one votes and the dead one is gone", || {
        let voters = voters(&nodes[0]);
        voters.contains(&"node-4".to_owned()) && !voters.contains(&name) && voters.len() == 3
    })
    .await;
    until("it has everything", || {
        nodes[2].has("on-0") && nodes[2].has("after-too")
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_leaves_hands_over_and_is_removed() {
    let world = World::default();
    let mut nodes = three(&world).await;
    let leaving = nodes.remove(leader(&nodes).await);
    leaving.cluster.leave().await;
    assert!(!leaving.leads());
    until("it is removed", || {
        nodes
            .iter()
            .all(|node| voters(node).len() == 2 && !voters(node).contains(&leaving.name))
    })
    .await;
    leaving.kill(&world).await;
    leader(&nodes).await;
    nodes[0].write("after").await;
}

#[tokio::test(start_paused = true)]
async fn operators_ask_the_leader_and_hear_who_it_is() {
    let world = World::default();
    let nodes = three(&world).await;
    let at = leader(&nodes).await;
    let (lead, other) = (&nodes[at], &nodes[(at + 1) % 3]);
    let refused = other.cluster.raft_configuration(false).unwrap_err();
    let address = Some(lead.address());
    assert_eq!(refused, OperatorError::NotLeader { leader: address });
    assert_eq!(
        other
            .cluster
            .raft_configuration(true)
            .unwrap()
            .servers
            .len(),
        3
    );
    let servers = lead.cluster.raft_configuration(false).unwrap().servers;
    assert!(servers.iter().all(|server| server.voter));
    assert_eq!(servers.iter().filter(|server| server.leader).count(), 1);
    until("all are healthy", || {
        lead.cluster
            .autopilot_state()
            .is_ok_and(|state| state.healthy)
    })
    .await;
    let state = lead.cluster.autopilot_state().unwrap();
    assert_eq!((state.failure_tolerance, state.voters.len()), (1, 3));

    let before = other.cluster.autopilot_configuration(false).await.unwrap();
    assert!(before.modify_index > 0, "the leader wrote the defaults");
    let changed = Configuration {
        min_quorum: 3,
        ..before.clone()
    };
    let set = |cas| {
        other
            .cluster
            .set_autopilot_configuration(changed.clone(), cas)
    };
    assert_eq!(set(Some(before.modify_index + 1)).await, Ok(false));
    assert_eq!(set(Some(before.modify_index)).await, Ok(true));
    let after = lead.cluster.autopilot_configuration(false).await.unwrap();
    assert_eq!(
        (after.min_quorum, after.create_index),
        (3, before.create_index)
    );

    let unknown = Selector::Id("nobody".to_owned());
    let refused = lead.cluster.remove_peer(&unknown).await.unwrap_err();
    assert_eq!(refused, OperatorError::NoPeer(unknown));
    lead.cluster.transfer_leader(Some(&other.id)).await.unwrap();
    until("the other one leads", || other.leads()).await;
}

#[tokio::test(start_paused = true)]
async fn state_is_put_back_on_all_servers_at_once() {
    let world = World::default();
    let nodes = three(&world).await;
    nodes[0].write("kept").await;
    let (saved, term) = nodes[1].cluster.save(Consistency::Default).await.unwrap();
    assert!(term > 0);
    nodes[1].write("lost").await;
    let bytes: Vec<bytes::Bytes> = saved.encode().map(bytes::Bytes::from).collect();
    for node in &nodes {
        node.cluster.restore(bytes.clone()).await.unwrap();
        until("all have the old state", || {
            nodes
                .iter()
                .all(|node| node.has("kept") && !node.has("lost"))
        })
        .await;
        node.write("lost").await;
        until("all have the write", || {
            nodes.iter().all(|node| node.has("lost"))
        })
        .await;
    }
    let restored = nodes[0]
        .cluster
        .restore(vec![bytes::Bytes::from_static(b"no state")])
        .await;
    assert!(restored.is_err());
    assert!(nodes[0].has("lost"));
}
