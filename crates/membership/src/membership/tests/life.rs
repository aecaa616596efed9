//! Failing, coming back, leaving, and being forgotten.

use std::time::Duration;

use super::drain;
use super::sim::{Net, Node, cluster, id, pass, settings, until};
use crate::*;

fn all_see(nodes: &[&Node], number: u8, status: Option<Status>) -> bool {
    nodes.iter().all(|node| node.sees(number) == status)
}

#[tokio::test(start_paused = true)]
async fn one_that_is_gone_is_found_out_by_all_and_told_once() {
    let net = Net::new(20);
    let mut nodes = cluster(&net, 5).await;
    let mut events = nodes[0].membership.events();
    let gone = nodes.pop().unwrap();
    gone.kill().await;
    let rest: Vec<&Node> = nodes.iter().collect();
    let took = until("failed", || all_see(&rest, 5, Some(Status::Failed))).await;
    assert!(took < Duration::from_secs(15), "{took:?}");
    pass(60).await;
    let told = drain(&mut events);
    assert!(
        matches!(&told[..], [Event::Failed(member)] if member.name == "node-5"),
        "{told:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_suspect_that_answers_in_time_is_not_failed() {
    let net = Net::new(21);
    let nodes = cluster(&net, 5).await;
    let mut events: Vec<_> = nodes.iter().map(|node| node.membership.events()).collect();
    // long enough to be suspected, too short to be given up
    net.part(&[&nodes[4]], 1);
    pass(3).await;
    net.heal();
    pass(120).await;
    for events in &mut events {
        assert_eq!(drain(events), []);
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_leaves_has_left_for_all_and_never_failed() {
    let net = Net::new(22);
    let nodes = cluster(&net, 5).await;
    let mut events = nodes[0].membership.events();
    nodes[4].membership.leave().await;
    let rest: Vec<&Node> = nodes[..4].iter().collect();
    let took = until("left", || all_see(&rest, 5, Some(Status::Left))).await;
    assert!(took < Duration::from_secs(5), "{took:?}");
    pass(120).await;
    assert!(all_see(&rest, 5, Some(Status::Left)), "it stays so");
    let told = drain(&mut events);
    assert!(told.iter().all(|event| matches!(event, Event::Updated(member) | Event::Left(member) if member.name == "node-5")), "{told:?}");
    assert!(matches!(told.last(), Some(Event::Left(_))), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn one_that_leaves_alone_does_not_wait() {
    let net = Net::new(23);
    let node = net.start(1, |_| {});
    let begun = tokio::time::Instant::now();
    node.membership.leave().await;
    assert!(begun.elapsed() < Duration::from_millis(10));
}

#[tokio::test(start_paused = true)]
async fn one_that_failed_is_made_to_leave_or_forgotten() {
    let net = Net::new(24);
    let mut nodes = cluster(&net, 5).await;
    nodes.pop().unwrap().kill().await;
    nodes.pop().unwrap().kill().await;
    let rest: Vec<&Node> = nodes.iter().collect();
    until("failed", || {
        all_see(&rest, 4, Some(Status::Failed)) && all_see(&rest, 5, Some(Status::Failed))
    })
    .await;
    nodes[0].membership.force_leave("node-4", false).unwrap();
    nodes[0].membership.force_leave("node-5", true).unwrap();
    until("left", || {
        all_see(&rest, 4, Some(Status::Left)) && all_see(&rest, 5, None)
    })
    .await;
    pass(300).await;
    assert!(
        all_see(&rest, 4, Some(Status::Left)) && all_see(&rest, 5, None),
        "it stays so"
    );
    let unknown = nodes[0]
        .membership
        .force_leave("node-9", false)
        .unwrap_err();
    assert_eq!(unknown.to_string(), "No node found with name 'node-9'");
}

#[tokio::test(start_paused = true)]
async fn one_that_is_alive_contradicts_who_says_that_it_left() {
    let net = Net::new(25);
    let nodes = cluster(&net, 4).await;
    nodes[0].membership.force_leave("node-3", true).unwrap();
    pass(30).await;
    assert!(all_see(
        &nodes.iter().collect::<Vec<_>>(),
        3,
        Some(Status::Alive)
    ));
    pass(300).await;
    assert!(all_see(
        &nodes.iter().collect::<Vec<_>>(),
        3,
        Some(Status::Alive)
    ));
}

#[tokio::test(start_paused = true)]
async fn who_failed_or_left_is_forgotten_in_time() {
    let net = Net::new(26);
    // as slow as it may be: three days pass
    let slow = |settings: &mut Settings| {
        settings.timing.probe_interval = Duration::from_secs(60);
        settings.timing.gossip_interval = Duration::from_secs(20);
        settings.timing.sync_interval = Duration::from_secs(600);
        settings.timing.reconnect_interval = Duration::from_secs(600);
        settings.timing.leave_timeout = Duration::from_secs(600);
    };
    let mut nodes: Vec<Node> = (1..=4).map(|number| net.start(number, slow)).collect();
    for node in &nodes[1..] {
        node.join(&nodes[0]).await.unwrap();
    }
    until("all know all", || {
        (1..=4).all(|number| {
            all_see(
                &nodes.iter().collect::<Vec<_>>(),
                number,
                Some(Status::Alive),
            )
        })
    })
    .await;
    nodes[3].membership.leave().await;
    nodes.pop();
    nodes.pop().unwrap().kill().await;
    let rest: Vec<&Node> = nodes.iter().collect();
    until("gone", || {
        all_see(&rest, 3, Some(Status::Failed)) && all_see(&rest, 4, Some(Status::Left))
    })
    .await;
    let mut events = nodes[0].membership.events();
    pass(24 * 3600 - 3600).await;
    assert!(all_see(&rest, 4, Some(Status::Left)));
    pass(3600).await;
    assert!(all_see(&rest, 4, None) && all_see(&rest, 3, Some(Status::Failed)));
    pass(48 * 3600).await;
    assert!(all_see(&rest, 3, None));
    let told: Vec<_> = drain(&mut events)
        .into_iter()
        .map(|event| match event {
            Event::Reaped(member) => member.name,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(told, ["node-4", "node-3"]);
}

#[tokio::test(start_paused = true)]
async fn one_that_starts_again_is_alive_again_wherever_it_is() {
    let net = Net::new(27);
    let mut nodes = cluster(&net, 4).await;
    nodes.pop().unwrap().kill().await;
    // before anybody noticed, at another address
    let elsewhere = "10.0.0.44:8301".parse().unwrap();
    let again = net.start_with(elsewhere, settings(4, elsewhere));
    again.join(&nodes[0]).await.unwrap();
    let moved = || {
        nodes.iter().all(|node| {
            node.see("node-4")
                .is_some_and(|member| member.address == elsewhere && member.status == Status::Alive)
        })
    };
    until("moved", moved).await;
    // after everybody noticed
    again.kill().await;
    let rest: Vec<&Node> = nodes.iter().collect();
    until("failed", || all_see(&rest, 4, Some(Status::Failed))).await;
    let third = net.start(4, |_| {});
    third.join(&nodes[2]).await.unwrap();
    until("alive", || all_see(&rest, 4, Some(Status::Alive))).await;
    pass(300).await;
    assert!(all_see(&rest, 4, Some(Status::Alive)));
}

#[tokio::test(start_paused = true)]
async fn one_that_left_comes_back() {
    let net = Net::new(28);
    let mut nodes = cluster(&net, 3).await;
    let gone = nodes.pop().unwrap();
    gone.membership.leave().await;
    gone.kill().await;
    let rest: Vec<&Node> = nodes.iter().collect();
    until("left", || all_see(&rest, 3, Some(Status::Left))).await;
    let again = net.start(3, |_| {});
    again.join(&nodes[0]).await.unwrap();
    until("alive", || all_see(&rest, 3, Some(Status::Alive))).await;
}

#[tokio::test(start_paused = true)]
async fn a_new_machine_takes_the_name_of_one_that_failed_and_not_of_one_that_is_alive() {
    let net = Net::new(29);
    let mut nodes = cluster(&net, 3).await;
    let change = |settings: &mut Settings| {
        settings.name = "node-3".to_owned();
        settings.id = id(33);
    };
    let early = net.start(33, change);
    early.join(&nodes[0]).await.unwrap_err();
    early.kill().await;
    nodes.pop().unwrap().kill().await;
    let rest: Vec<&Node> = nodes.iter().collect();
    until("failed", || all_see(&rest, 3, Some(Status::Failed))).await;
    let new = net.start(33, change);
    new.join(&nodes[0]).await.unwrap();
    until("taken", || {
        rest.iter().all(|node| {
            node.see("node-3")
                .is_some_and(|member| member.id == id(33) && member.status == Status::Alive)
        })
    })
    .await;
    let same = |node: &&Node| {
        node.membership
            .members()
            .iter()
            .filter(|member| member.name == "node-3")
            .count()
    };
    assert!(rest.iter().all(|node| same(node) == 1));
}

#[tokio::test(start_paused = true)]
async fn both_sides_of_a_partition_find_each_other_again() {
    for (seed, size) in [(30, 2), (31, 6)] {
        let net = Net::new(seed);
        let nodes = cluster(&net, size).await;
        let half = usize::from(size / 2);
        net.part(&nodes[half..].iter().collect::<Vec<_>>(), 1);
        until("parted", || {
            let lost = |node: &Node, other: u8| node.sees(other) == Some(Status::Failed);
            let (near, far) = nodes.split_at(half);
            near.iter()
                .all(|node| (half as u8 + 1..=size).all(|other| lost(node, other)))
                && far
                    .iter()
                    .all(|node| (1..=half as u8).all(|other| lost(node, other)))
        })
        .await;
        net.heal();
        let took = until("whole", || {
            (1..=size).all(|number| {
                all_see(
                    &nodes.iter().collect::<Vec<_>>(),
                    number,
                    Some(Status::Alive),
                )
            })
        })
        .await;
        assert!(took < Duration::from_secs(120), "{size}: {took:?}");
        pass(300).await;
        assert!((1..=size).all(|number| all_see(
            &nodes.iter().collect::<Vec<_>>(),
            number,
            Some(Status::Alive)
        )));
    }
}
