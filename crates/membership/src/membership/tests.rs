//! Whole clusters on a simulated network and paused time; two on real sockets at the end.

mod hostile;
mod keys;
mod life;
mod real;
mod sim;

use std::time::Duration;

use tokio::sync::broadcast;

use crate::*;
use sim::{Net, cluster, encryption, id, pass, settings, until};

/// What happened since the subscription, without what members do.
fn drain(events: &mut broadcast::Receiver<Event>) -> Vec<Event> {
    std::iter::from_fn(|| events.try_recv().ok()).collect()
}

#[tokio::test(start_paused = true)]
async fn members_who_join_one_know_all_with_their_tags() {
    let net = Net::new(1);
    let nodes = cluster(&net, 5).await;
    for node in &nodes {
        for number in 1..=5 {
            let member = node.see(&format!("node-{number}")).unwrap();
            assert_eq!(member.id, id(number));
            assert_eq!(member.address, nodes[usize::from(number) - 1].address);
            assert_eq!(member.tags["role"], format!("role-{number}"));
            assert_eq!(member.versions, Versions::default());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_lossy_network_changes_nothing() {
    let net = Net::new(2);
    net.set_loss(10);
    let nodes = cluster(&net, 6).await;
    let mut events: Vec<_> = nodes.iter().map(|node| node.membership.events()).collect();
    pass(600).await;
    for events in &mut events {
        let failed: Vec<_> = drain(events)
            .into_iter()
            .filter(|event| matches!(event, Event::Failed(_)))
            .collect();
        assert_eq!(failed, []);
    }
}

#[tokio::test(start_paused = true)]
async fn joining_names_each_address_and_what_happened_there() {
    let net = Net::new(3);
    let here = net.start(1, |_| {});
    let far = net.start(2, |_| {});
    net.part(&[&far], 1);
    let addresses = [
        "10.0.0.2",
        "10.0.0.9:8301",
        "nowhere",
        "10.0.0.1:port",
        ":80",
    ];
    let addresses = addresses.map(str::to_owned);
    let error = here.membership.join(&addresses).await.unwrap_err();
    let failures: Vec<_> = error.failures.iter().map(|(_, failure)| failure).collect();
    assert!(matches!(failures[0], JoinFailure::NoAnswer), "{error}");
    assert!(matches!(failures[1], JoinFailure::Connect(_)), "{error}");
    assert!(matches!(failures[2], JoinFailure::Resolve(_)), "{error}");
    assert!(matches!(failures[3], JoinFailure::Address(_)), "{error}");
    assert!(matches!(failures[4], JoinFailure::Address(_)), "{error}");
    let text = error.to_string();
    assert!(
        text.contains("10.0.0.2: no answer in time")
            && text.contains("10.0.0.9:8301: cannot connect"),
        "{text}"
    );
    assert_eq!(
        here.membership.join(&[]).await.unwrap_err().to_string(),
        "there is no address to join"
    );
}

#[tokio::test(start_paused = true)]
async fn some_who_answer_are_enough_and_oneself_counts() {
    let net = Net::new(4);
    let (here, there) = (net.start(1, |_| {}), net.start(2, |_| {}));
    let addresses = ["10.0.0.2", "10.0.0.9", "10.0.0.1"].map(str::to_owned);
    assert_eq!(here.membership.join(&addresses).await, Ok(2));
    assert_eq!(there.sees(1), Some(Status::Alive));
}

#[tokio::test(start_paused = true)]
async fn who_may_not_join_hears_why() {
    let net = Net::new(5);
    let here = net.start(1, |_| {});
    let refused = async |number, change: &dyn Fn(&mut Settings)| {
        let node = net.start(number, change);
        let error = node.join(&here).await.unwrap_err().to_string();
        assert_eq!(here.membership.members().len(), 1, "{error}");
        error
    };
    let wrong_key = refused(2, &|settings| settings.encryption = encryption(&[2])).await;
    assert!(
        wrong_key.contains("10.0.0.1:8301: it holds no gossip key that is used here"),
        "{wrong_key}"
    );
    let no_key = refused(3, &|settings| settings.encryption = encryption(&[])).await;
    assert!(
        no_key.contains("requires gossip to be encrypted"),
        "{no_key}"
    );
    let datacenter = refused(4, &|settings| settings.datacenter = "dc2".to_owned()).await;
    assert!(
        datacenter.contains("it is in datacenter \"dc1\", this is \"dc2\""),
        "{datacenter}"
    );
    let same_name = refused(5, &|settings| settings.name = "node-1".to_owned()).await;
    assert!(
        same_name.contains("\"node-1\" is taken") && same_name.contains("10.0.0.1:8301"),
        "{same_name}"
    );
    let same_id = refused(6, &|settings| settings.id = id(1)).await;
    assert!(same_id.contains("is taken by \"node-1\""), "{same_id}");
}

#[tokio::test(start_paused = true)]
async fn a_member_without_a_key_does_not_take_one_with_a_key() {
    let net = Net::new(6);
    let plain = net.start(1, |settings| settings.encryption = encryption(&[]));
    let sealed = net.start(2, |_| {});
    let error = sealed.join(&plain).await.unwrap_err().to_string();
    assert!(error.contains("it has no gossip key"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn only_members_of_allowed_networks_are_let_in() {
    let net = Net::new(7);
    let here = net.start(1, |settings| {
        settings.allowed_networks = vec![("10.0.0.0".parse().unwrap(), 30)]
    });
    let (inside, outside) = (net.start(2, |_| {}), net.start(9, |_| {}));
    let error = outside.join(&here).await.unwrap_err().to_string();
    assert!(error.contains("serf_lan_allowed_cidrs"), "{error}");
    assert_eq!(inside.join(&here).await, Ok(1));
    assert_eq!(here.membership.members().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn joining_is_tried_again_until_somebody_answers_or_it_was_enough() {
    let net = Net::new(8);
    let here = net.start(1, |_| {});
    let retry = |max| RetryJoin {
        addresses: vec!["10.0.0.2".to_owned()],
        interval: Duration::from_secs(30),
        max,
    };
    let begun = tokio::time::Instant::now();
    here.membership.retry_join(&retry(3)).await.unwrap_err();
    assert_eq!(begun.elapsed().as_secs(), 60);
    let endless = retry(0);
    let (joined, there) = tokio::join!(here.membership.retry_join(&endless), async {
        pass(100).await;
        net.start(2, |_| {})
    });
    assert_eq!(joined, Ok(1));
    assert_eq!(there.sees(1), Some(Status::Alive));
}

#[tokio::test(start_paused = true)]
async fn other_tags_reach_everybody() {
    let net = Net::new(9);
    let nodes = cluster(&net, 4).await;
    let mut events = nodes[3].membership.events();
    let tags = Tags::from([("role".to_owned(), "other".to_owned())]);
    nodes[0].membership.set_tags(tags.clone()).unwrap();
    let took = until("tags", || {
        nodes
            .iter()
            .all(|node| node.see("node-1").unwrap().tags == tags)
    })
    .await;
    assert!(took < Duration::from_secs(5), "{took:?}");
    let updated = drain(&mut events);
    assert!(
        matches!(&updated[..], [Event::Updated(member)] if member.tags == tags),
        "{updated:?}"
    );
    let large = Tags::from([("a".to_owned(), "b".repeat(300))]);
    assert!(nodes[0].membership.set_tags(large).is_err());
}

#[tokio::test(start_paused = true)]
async fn a_user_event_reaches_everybody_once() {
    let net = Net::new(10);
    let nodes = cluster(&net, 6).await;
    let mut events: Vec<_> = nodes.iter().map(|node| node.membership.events()).collect();
    nodes[2]
        .membership
        .user_event("deploy", b"one", false)
        .unwrap();
    nodes[4]
        .membership
        .user_event("deploy", b"two", false)
        .unwrap();
    pass(90).await;
    for events in &mut events {
        let mut told: Vec<_> = drain(events)
            .into_iter()
            .filter_map(|event| match event {
                Event::User(event) => Some(event.payload),
                _ => None,
            })
            .collect();
        told.sort();
        assert_eq!(told, [b"one".to_vec(), b"two".to_vec()]);
    }
    let late = net.start(9, |_| {});
    let mut events = late.membership.events();
    late.join(&nodes[0]).await.unwrap();
    pass(90).await;
    let told = drain(&mut events)
        .into_iter()
        .filter(|event| matches!(event, Event::User(_)));
    assert_eq!(told.count(), 0, "who comes later hears nothing of before");
    assert!(matches!(
        late.membership.user_event("", b"", false),
        Err(UserEventError::NoName)
    ));
    assert!(matches!(
        late.membership.user_event("a", &[0; 512], false),
        Err(UserEventError::TooLarge {
            size: 513,
            limit: 512,
            ..
        })
    ));
}

#[tokio::test(start_paused = true)]
async fn round_trips_are_estimated() {
    let net = Net::new(11);
    net.set_latency(Duration::from_millis(20));
    let nodes = cluster(&net, 3).await;
    pass(600).await;
    for number in 2..=3 {
        let estimate = nodes[0]
            .membership
            .round_trip(&format!("node-{number}"))
            .unwrap();
        assert!((35..=46).contains(&estimate.as_millis()), "{estimate:?}");
    }
    assert!(nodes[0].membership.coordinate().error < 0.5);
    assert!(nodes[0].membership.coordinate_of("node-2").is_some());
    assert_eq!(nodes[0].membership.round_trip("nobody"), None);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_said_in_the_clear() {
    let net = Net::new(12);
    cluster(&net, 3).await;
    pass(60).await;
    let seen = net.seen();
    assert!(seen.len() > 100);
    let readable = seen.iter().filter(|frame| {
        frame
            .windows(5)
            .any(|part| part == b"node-" || part == b"role-")
    });
    assert_eq!(readable.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_member_needs_a_name_an_address_and_tags_that_fit() {
    let start = |settings: Settings| {
        let tasks = tribune_runtime::Tasks::new(tribune_runtime::Shutdown::new());
        async move { Membership::start(settings, &tasks).await.map(drop) }
    };
    let local = || settings(1, "127.0.0.1:0".parse().unwrap());
    let name = start(Settings {
        name: String::new(),
        ..local()
    })
    .await;
    assert!(matches!(name, Err(StartError::Name(_))), "{name:?}");
    let address = start(Settings {
        bind: "0.0.0.0:0".parse().unwrap(),
        ..local()
    })
    .await;
    assert!(
        matches!(address, Err(StartError::Advertise(_))),
        "{address:?}"
    );
    let tags = Tags::from([("a".to_owned(), "b".repeat(256))]);
    let tags = start(Settings { tags, ..local() }).await;
    assert!(matches!(tags, Err(StartError::Tags(_))), "{tags:?}");
}
