use super::super::fixture::{id, server, server_tagged, with};
use super::super::roster::server_members;
use super::*;

use proptest::prelude::*;
use tribune_membership::Member;

const START: Duration = Duration::from_secs(1_700_000_000);

/// A cluster that does what is decided.
struct World {
    members: Vec<Member>,
    peers: Vec<Peer>,
    configuration: Configuration,
    autopilot: Autopilot,
    now: Duration,
}

impl World {
    /// Servers from 1 on, all of them voters; the first one leads.
    fn new(count: u8) -> Self {
        let peer = |number: u8| Peer {
            id: id(number),
            name: format!("node-{number}"),
            address: format!("10.0.0.{number}:8300"),
            voter: true,
            leader: number == 1,
            last_contact: Some(Duration::ZERO),
            last_term: 2,
            last_index: 1000,
        };
        Self {
            members: (1..=count).map(server).collect(),
            peers: (1..=count).map(peer).collect(),
            configuration: Configuration::default(),
            autopilot: Autopilot::default(),
            now: START,
        }
    }

    fn with_view<T>(&mut self, run: impl FnOnce(&mut Autopilot, &View<'_>) -> T) -> T {
        let servers = server_members(&self.members, "dc1");
        let view = View {
            servers: &servers,
            peers: &self.peers,
            last_index: 1000,
            configuration: &self.configuration,
            now: self.now,
        };
        run(&mut self.autopilot, &view)
    }

    fn decide(&mut self) -> Vec<Action> {
        self.with_view(Autopilot::handle_view)
    }

    fn state(&mut self) -> State {
        self.with_view(|autopilot, view| autopilot.state(view))
    }

    fn set(&mut self, number: u8, status: Status) {
        let at = usize::from(number) - 1;
        self.members[at] = with(self.members[at].clone(), status);
    }

    fn perform(&mut self, actions: &[Action]) {
        for action in actions {
            match action {
                Action::AddLearner(server) => self.peers.push(Peer {
                    id: server.id.clone(),
                    name: server.name.clone(),
                    address: server.address.to_string(),
                    voter: false,
                    leader: false,
                    last_contact: Some(Duration::ZERO),
                    last_term: 2,
                    last_index: 1000,
                }),
                Action::Readdress(server) => {
                    let peer = self
                        .peers
                        .iter_mut()
                        .find(|peer| peer.id == server.id)
                        .unwrap();
                    peer.address = server.address.to_string();
                }
                Action::Promote { id } => {
                    self.peers
                        .iter_mut()
                        .find(|peer| peer.id == *id)
                        .unwrap()
                        .voter = true
                }
                Action::Remove { id, .. } => self.peers.retain(|peer| peer.id != *id),
            }
        }
    }

    fn removed(&mut self) -> Option<String> {
        match &self.decide()[..] {
            [] => None,
            [Action::Remove { id, .. }] => Some(id.clone()),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_healthy_cluster_is_left_alone() {
    let mut world = World::new(3);
    assert_eq!(world.decide(), []);
    let state = world.state();
    assert!(state.healthy);
    assert_eq!(
        (state.failure_tolerance, state.voters.len(), state.leader),
        (1, 3, id(1))
    );
    assert_eq!(state.servers[&id(2)].stable_since, "2023-11-14T22:13:20Z");
    assert_eq!(state.servers[&id(2)].status, "voter");
    assert_eq!(state.servers[&id(1)].node_status, "alive");
}

#[test]
fn a_server_that_comes_votes_when_it_has_been_healthy_for_long_enough() {
    let mut world = World::new(3);
    world.members.push(server(4));
    let added = world.decide();
    assert!(
        matches!(&added[..], [Action::AddLearner(server)] if server.id == id(4)),
        "{added:?}"
    );
    world.perform(&added);
    assert_eq!(world.decide(), []);
    assert_eq!(
        world.with_view(|autopilot, view| autopilot.poll_timeout(view)),
        Some(START + Duration::from_secs(10))
    );
    world.now += Duration::from_secs(9);
    // it falls behind, so its time begins anew
    world.peers[3].last_index = 500;
    assert_eq!(world.decide(), []);
    world.now += Duration::from_secs(1);
    world.peers[3].last_index = 900;
    assert_eq!(world.decide(), []);
    world.now += Duration::from_secs(10);
    let promoted = world.decide();
    assert_eq!(promoted, [Action::Promote { id: id(4) }]);
    world.perform(&promoted);
    assert_eq!(world.decide(), []);
}

#[test]
fn who_must_not_vote_does_not_and_who_bootstraps_is_not_taken_in() {
    let mut world = World::new(3);
    world.members.push(server_tagged(4, &[("nonvoter", "1")]));
    world.members.push(server_tagged(5, &[("bootstrap", "1")]));
    let added = world.decide();
    assert_eq!(added.len(), 1, "{added:?}");
    world.perform(&added);
    world.now += Duration::from_secs(100);
    assert_eq!(world.decide(), []);
    world.now += Duration::from_secs(100);
    assert_eq!(world.decide(), []);
}

#[test]
fn contact_and_lag_decide_who_is_healthy() {
    let mut world = World::new(3);
    world.peers[1].last_contact = Some(Duration::from_millis(201));
    world.peers[2].last_index = 749;
    world.decide();
    let state = world.state();
    assert!(!state.healthy);
    assert_eq!(state.failure_tolerance, 0);
    assert!(!state.servers[&id(2)].healthy && !state.servers[&id(3)].healthy);
    assert_eq!(state.servers[&id(2)].last_contact.to_string(), "201ms");
    world.peers[1].last_contact = Some(Duration::from_millis(200));
    world.peers[2].last_index = 750;
    world.decide();
    assert!(world.state().healthy);
}

#[test]
fn who_left_goes_at_once_and_one_by_one() {
    let mut world = World::new(5);
    world.configuration.cleanup_dead_servers = false;
    world.set(4, Status::Left);
    world.set(5, Status::Left);
    for _ in 0..2 {
        let actions = world.decide();
        assert!(
            matches!(actions[..], [Action::Remove { .. }]),
            "{actions:?}"
        );
        world.perform(&actions);
    }
    assert_eq!(world.peers.len(), 3);
    assert_eq!(world.decide(), []);
}

#[test]
fn dead_servers_go_while_the_rest_is_a_majority() {
    let mut world = World::new(5);
    world.set(5, Status::Failed);
    world.members.remove(3);
    let removed: Vec<_> = std::iter::from_fn(|| {
        let gone = world.removed()?;
        world.peers.retain(|peer| peer.id != gone);
        Some(gone)
    })
    .collect();
    assert_eq!(removed, [id(4), id(5)]);
    let mut world = World::new(5);
    for number in 3..=5 {
        world.set(number, Status::Failed);
    }
    assert_eq!(world.removed(), None, "two of five decide nothing");
}

#[test]
fn the_settings_keep_dead_servers() {
    let mut world = World::new(5);
    world.set(5, Status::Failed);
    world.configuration.min_quorum = 5;
    assert_eq!(world.removed(), None);
    world.configuration.min_quorum = 4;
    assert_eq!(world.removed(), Some(id(5)));
    world.configuration.cleanup_dead_servers = false;
    assert_eq!(world.removed(), None);
}

#[test]
fn one_of_two_is_waited_for() {
    let mut world = World::new(2);
    world.set(2, Status::Failed);
    assert_eq!(world.removed(), None);
}

#[test]
fn a_server_that_moved_is_reached_there_and_one_that_lost_its_disk_replaces_itself() {
    let mut world = World::new(3);
    world.members[1].address = "10.0.9.9:8301".parse().unwrap();
    let moved = world.decide();
    assert!(
        matches!(&moved[..], [Action::Readdress(server)] if server.address.to_string() == "10.0.9.9:8300"),
        "{moved:?}"
    );
    let mut world = World::new(3);
    world.configuration.cleanup_dead_servers = false;
    world.members[2].id = uuid::Uuid::from_bytes([33; 16]);
    let actions = world.decide();
    assert!(
        matches!(&actions[..], [Action::AddLearner(new), Action::Remove { id: old, .. }] if new.id == id(33) && *old == id(3)),
        "{actions:?}"
    );
}

#[derive(Clone, Debug)]
enum Step {
    Set(u8, u8),
    Pass(u8),
    Come(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (2..9_u8, 0..4_u8).prop_map(|(number, status)| Step::Set(number, status)),
        (1..30_u8).prop_map(Step::Pass),
        (2..9_u8).prop_map(Step::Come),
    ]
}

proptest! {
    /// Whatever happens: the leader stays, and one decision moves one vote.
    #[test]
    fn votes_move_one_by_one(count in 1..6_u8, steps in prop::collection::vec(step(), 1..60)) {
        let mut world = World::new(count);
        for step in steps {
            match step {
                Step::Set(number, status) => {
                    let status = [Status::Alive, Status::Leaving, Status::Left, Status::Failed][usize::from(status)];
                    for member in &mut world.members {
                        if member.name == format!("node-{number}") {
                            member.status = status;
                        }
                    }
                }
                Step::Pass(seconds) => world.now += Duration::from_secs(seconds.into()),
                Step::Come(number) => {
                    if !world.members.iter().any(|member| member.name == format!("node-{number}")) {
                        world.members.push(server(number));
                    }
                }
            }
            let votes = |world: &World| -> Vec<String> {
                world.peers.iter().filter(|peer| peer.voter).map(|peer| peer.id.clone()).collect()
            };
            let before = votes(&world);
            let actions = world.decide();
            world.perform(&actions);
            let after = votes(&world);
            let moved = before.iter().filter(|id| !after.contains(id)).count()
                + after.iter().filter(|id| !before.contains(id)).count();
            prop_assert!(moved <= 1, "{before:?} {after:?}");
            prop_assert!(world.peers.iter().any(|peer| peer.leader));
        }
    }
}
