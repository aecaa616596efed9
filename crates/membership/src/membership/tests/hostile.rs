//! What nobody sensible sends.

use std::net::SocketAddr;
use std::time::Duration;

use proptest::prelude::*;

use super::sim::{Net, cluster, encryption, id, pass, settings};
use crate::core::{Core, START};
use crate::event::UserEvent;
use crate::gate::Gate;
use crate::item::{Item, Leave, Profile};
use crate::peer::{Peer, Sighting, Who, write_sighting};
use crate::wire::Writer;
use crate::*;

const WALL: u64 = 1_700_000_000_000;

fn core(keys: &[u8]) -> Core {
    let address = "10.0.0.1:8301".parse().unwrap();
    let mut settings = settings(1, address);
    settings.encryption = encryption(keys);
    Core::new(settings, address, WALL).unwrap()
}

fn from() -> SocketAddr {
    "10.0.0.66:8301".parse().unwrap()
}

/// As many outcomes as there are, so that the next input meets a member that lives.
fn settle(core: &mut Core, now: Duration) {
    while let Some((_, frame)) = core.poll_transmit() {
        assert!(frame.len() <= 1400, "{}", frame.len());
    }
    while core.poll_exchange().is_some() {}
    while core.poll_event().is_some() {}
    core.handle_timeout(now);
}

/// A datagram as a member with the key would seal it.
fn sealed(plain: &[u8]) -> Vec<u8> {
    Gate::new(encryption(&[1])).seal(b"tribune gossip 1 datagram dc1", plain)
}

fn peer(number: u8, generation: u64) -> Peer {
    Peer {
        who: Who {
            name: format!("node-{number}").as_str().into(),
            id: id(number),
        },
        address: SocketAddr::new([10, 0, 0, number].into(), 8301),
        generation,
    }
}

/// A gossip packet from one member to another with sightings and news.
fn packet(src: &Peer, dst: &Peer, sightings: &[Sighting], items: &[Vec<u8>]) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.u8(0);
    src.write(&mut writer);
    writer.u16(0);
    dst.write(&mut writer);
    writer.u8(8);
    writer.u16(sightings.len() as u16);
    for sighting in sightings {
        write_sighting(sighting, &mut writer);
    }
    for item in items {
        writer.blob(item);
    }
    writer.0
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_datagram_hurts(frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..1500), 1..8), with_key in any::<bool>()) {
        let mut core = core(if with_key { &[1] } else { &[] });
        for (at, frame) in frames.iter().enumerate() {
            let now = START + Duration::from_millis(at as u64 * 50);
            core.handle_datagram(now, from(), frame);
            core.handle_datagram(now, from(), &sealed(frame));
            for kind in 0..4 {
                let plain = [&[kind], &frame[..]].concat();
                core.handle_datagram(now, from(), &sealed(&plain));
                core.handle_datagram(now, from(), &[&[0], &plain[..]].concat());
            }
            settle(&mut core, now);
        }
        prop_assert_eq!(core.members().len(), 1);
    }

    #[test]
    fn no_request_hurts(requests in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..8)) {
        let mut core = core(&[1]);
        for request in &requests {
            for kind in 0..5 {
                let bytes = [&[kind], &request[..]].concat();
                core.handle_request(START, from(), [0; 16], &bytes);
                let _: Result<(), JoinFailure> = core.handle_sync_reply(START, true, &bytes);
            }
            settle(&mut core, START);
        }
    }

    /// Bytes that are right but for a few: they reach deeper than noise does.
    #[test]
    fn nothing_nearly_right_hurts(flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6), cut in any::<prop::sample::Index>(), state in 0..3_u8) {
        let mut core = core(&[1]);
        let (me, other) = (peer(1, WALL), peer(2, WALL));
        let state = [foca::State::Alive, foca::State::Suspect, foca::State::Down][usize::from(state)];
        let sightings = [Sighting::new(peer(3, WALL), 1, state), Sighting::new(me.clone(), 0, state)];
        let tags = Tags::from([("a".to_owned(), "b".to_owned())]);
        let profile = Item::Profile(Profile::new(other.who.clone(), WALL, 1, &tags)).bytes();
        let leave = Item::Leave(Leave { who: me.who.clone(), generation: WALL, prune: true }).bytes();
        let mut plain = packet(&other, &me, &sightings, &[profile, leave]);
        core.handle_datagram(START, from(), &sealed(&plain));
        for (at, byte) in flips {
            let at = at.index(plain.len());
            plain[at] ^= byte;
        }
        core.handle_datagram(START, from(), &sealed(&plain));
        core.handle_datagram(START, from(), &sealed(&plain[..cut.index(plain.len())]));
        settle(&mut core, START + Duration::from_secs(2));
        let request = core.sync_request(START);
        let mut second = super::hostile::core(&[1]);
        second.handle_request(START, from(), [0; 16], &request[..cut.index(request.len())]);
        settle(&mut second, START + Duration::from_secs(2));
    }

    /// What is kept of one piece of news takes no more than four times the bytes that came.
    #[test]
    fn what_is_read_takes_no_more_than_four_times_its_bytes(bytes in prop::collection::vec(any::<u8>(), 1..1200), kind in 1..4_u8) {
        let bytes = [&[kind], &bytes[..]].concat();
        if let Ok(item) = Item::read(&bytes) {
            let kept = match &item {
                Item::Profile(profile) => profile.who.name.len() + item.bytes().len(),
                Item::Leave(leave) => leave.who.name.len(),
                Item::User(event) => event.name.len() + event.payload.len(),
            };
            // the items themselves have a size of their own, whatever is in them
            prop_assert!(kept <= 4 * bytes.len(), "{} of {}", kept, bytes.len());
        }
    }
}

#[test]
fn a_number_of_items_is_not_believed() {
    let mut core = core(&[1]);
    let mut request = core.sync_request(START);
    let head = request.len() - request.len() / 2;
    // four billion members are announced, and none follows
    request.truncate(head);
    request.extend_from_slice(&[0xff; 4]);
    core.handle_request(START, from(), [0; 16], &request);
}

#[test]
fn no_more_members_are_remembered_than_there_may_be() {
    let address = "10.0.0.1:8301".parse().unwrap();
    let mut settings = settings(1, address);
    settings.limits.members = 10;
    let mut core = Core::new(settings, address, WALL).unwrap();
    let me = peer(1, WALL);
    for number in 2..200 {
        for state in [foca::State::Alive, foca::State::Down] {
            let sightings = [Sighting::new(peer(number + 1, WALL), 0, state)];
            core.handle_datagram(
                START,
                from(),
                &sealed(&packet(&peer(number, WALL), &me, &sightings, &[])),
            );
        }
        settle(&mut core, START + Duration::from_secs(u64::from(number)));
    }
    let known = core.table.lock().records().count();
    assert!(known <= 10 + 2, "{known}");
}

#[tokio::test(start_paused = true)]
async fn claims_of_one_with_the_key_change_nothing_that_lasts() {
    let net = Net::new(50);
    let nodes = cluster(&net, 4).await;
    let victim = peer(
        3,
        u64::try_from(Duration::from_secs(1_700_000_000).as_millis()).unwrap(),
    );
    let ahead = Peer {
        generation: victim.generation + 60_000,
        ..victim.clone()
    };
    let forged = Profile::new(
        victim.who.clone(),
        ahead.generation,
        9,
        &Tags::from([("role".to_owned(), "admin".to_owned())]),
    );
    let liar = peer(66, victim.generation);
    for node in &nodes {
        let local = Who::of(&node.membership.local());
        let me = node
            .membership
            .shared
            .lock()
            .table
            .lock()
            .record(&local)
            .unwrap()
            .peer
            .clone();
        for sighting in [
            Sighting::down(victim.clone()),
            Sighting::new(victim.clone(), u16::MAX, foca::State::Suspect),
            Sighting::down(ahead.clone()),
        ] {
            let items = [
                Item::Profile(forged.clone()).bytes(),
                Item::Leave(Leave {
                    who: victim.who.clone(),
                    generation: ahead.generation,
                    prune: true,
                })
                .bytes(),
                Item::User(UserEvent {
                    time: u64::MAX,
                    name: "x".to_owned(),
                    payload: vec![],
                    coalesce: false,
                })
                .bytes(),
            ];
            net.inject(
                from(),
                node.address,
                &sealed(&packet(&liar, &me, &[sighting], &items)),
            );
        }
    }
    pass(180).await;
    for node in &nodes {
        let seen = node.see("node-3").unwrap();
        assert_eq!(
            (seen.status, seen.tags["role"].as_str(), seen.id),
            (Status::Alive, "role-3", id(3)),
            "{:?}",
            node.membership
        );
    }
    nodes[0].membership.user_event("after", b"", false).unwrap();
    let mut events = nodes[1].membership.events();
    pass(5).await;
    assert!(
        super::drain(&mut events)
            .iter()
            .any(|event| matches!(event, Event::User(event) if event.name == "after"))
    );
}

#[test]
fn one_from_the_future_is_not_believed() {
    let mut core = core(&[1]);
    let future = peer(2, WALL + 24 * 3_600_000);
    core.handle_datagram(
        START,
        from(),
        &sealed(&packet(&future, &peer(1, WALL), &[], &[])),
    );
    assert_eq!(core.table.lock().records().count(), 1);
}

#[tokio::test(start_paused = true)]
async fn one_that_all_others_are_told_is_dead_comes_back_without_a_storm() {
    let net = Net::new(51);
    let nodes = cluster(&net, 4).await;
    let who = Who::of(&nodes[2].membership.local());
    let victim = nodes[2]
        .membership
        .shared
        .lock()
        .table
        .lock()
        .record(&who)
        .unwrap()
        .peer
        .clone();
    // a life that is far ahead, and over
    let ahead = Peer {
        generation: victim.generation + 1_000_000,
        ..victim
    };
    let liar = peer(66, WALL);
    for node in [&nodes[0], &nodes[1], &nodes[3]] {
        let local = Who::of(&node.membership.local());
        let me = node
            .membership
            .shared
            .lock()
            .table
            .lock()
            .record(&local)
            .unwrap()
            .peer
            .clone();
        let bytes = packet(
            &liar,
            &me,
            &[
                Sighting::alive(ahead.clone()),
                Sighting::down(ahead.clone()),
            ],
            &[],
        );
        net.inject(from(), node.address, &sealed(&bytes));
    }
    let before = net.seen().len();
    pass(1).await;
    assert!(
        nodes[0].sees(3) != Some(Status::Alive)
            || nodes[2].membership.shared.lock().table.lock().my_life() > ahead.generation
    );
    pass(120).await;
    assert!(nodes.iter().all(|node| node.sees(3) == Some(Status::Alive)));
    let frames = net.seen().len() - before;
    assert!(frames < 20_000, "{frames}");
}
