use tribune_state::{Command, Store};

use super::super::fixture::{client, id, server, server_tagged, with};
use super::*;

/// A catalog to which the same decisions are applied over and over.
struct World {
    store: Store,
    local: Local,
}

impl World {
    fn new() -> Self {
        Self {
            store: Store::new(),
            local: Local {
                node: "node-1".to_owned(),
                datacenter: "dc1".to_owned(),
            },
        }
    }

    fn apply(&mut self, operation: Operation) {
        let index = self.store.snapshot().index() + 1;
        let applied = self.store.apply(index, Command::from(operation));
        assert!(applied.outcome.is_done(), "{:?}", applied.outcome);
    }

    /// Reconciles until nothing is left to do; says how much there was.
    fn reconcile(&mut self, members: &[Member]) -> usize {
        let operations = reconcile(&self.local, members, &self.store.snapshot());
        let count = operations.len();
        for operation in operations {
            self.apply(operation);
        }
        let left = reconcile(&self.local, members, &self.store.snapshot());
        assert_eq!(left.len(), 0, "the same state proposes nothing: {left:?}");
        count
    }

    fn nodes(&self) -> Vec<String> {
        let nodes = self.store.snapshot().nodes(&mut WatchSet::ignore()).value;
        nodes.iter().map(|node| node.node.to_string()).collect()
    }

    fn health(&self, number: u8) -> (Status, String) {
        let snapshot = self.store.snapshot();
        let catalog = Catalog {
            snapshot: &snapshot,
        };
        let check = catalog
            .health(&NodeName::new(format!("node-{number}")))
            .unwrap();
        (check.status.clone(), check.output.clone())
    }
}

#[test]
fn members_that_are_alive_are_nodes_and_servers_have_their_service() {
    let mut world = World::new();
    assert_eq!(
        world.reconcile(&[server_tagged(1, &[("grpc_port", "0")]), client(2)]),
        2
    );
    assert_eq!(world.nodes(), ["node-1", "node-2"]);
    assert_eq!(world.health(2), (Status::Passing, ALIVE.to_owned()));
    let snapshot = world.store.snapshot();
    let catalog = Catalog {
        snapshot: &snapshot,
    };
    let service = catalog.service(&NodeName::new("node-1")).unwrap();
    let meta = service.meta.as_ref().unwrap();
    assert_eq!(
        (
            service.port,
            meta["version"].as_str(),
            meta["raft_version"].as_str()
        ),
        (8300, "1.21.0", "3")
    );
    assert_eq!(meta["grpc_tls_port"], "8503");
    assert!(!meta.contains_key("grpc_port"));
    assert_eq!((service.weights.passing, service.weights.warning), (1, 1));
    assert_eq!(catalog.service(&NodeName::new("node-2")), None);
    let node = catalog.node(&NodeName::new("node-2")).unwrap();
    assert_eq!(
        (node.id.as_str(), node.address.as_str()),
        (id(2).as_str(), "10.0.0.2")
    );
    assert_eq!(node.meta.as_ref().unwrap()["consul-version"], "1.21.0");
}

#[test]
fn what_changes_about_a_member_is_written_and_what_else_is_there_is_kept() {
    let mut world = World::new();
    let members = [server(1), server(2)];
    world.reconcile(&members);
    // its agent says more about itself
    let mut node = (*Catalog {
        snapshot: &world.store.snapshot(),
    }
    .node(&NodeName::new("node-2"))
    .unwrap())
    .clone();
    node.meta = Some(Meta::from([("rack".to_owned(), "7".to_owned())]));
    world.apply(Operation::Register(Box::new(Registration {
        node,
        ..Registration::default()
    })));
    let mut moved = server_tagged(2, &[("build", "1.22.0")]);
    moved.address = "10.0.9.9:8301".parse().unwrap();
    assert_eq!(world.reconcile(&[server(1), moved]), 1);
    let snapshot = world.store.snapshot();
    let catalog = Catalog {
        snapshot: &snapshot,
    };
    let node = catalog.node(&NodeName::new("node-2")).unwrap();
    assert_eq!(
        (
            node.address.as_str(),
            node.meta.as_ref().unwrap()["rack"].as_str()
        ),
        ("10.0.9.9", "7")
    );
    assert_eq!(
        catalog
            .service(&NodeName::new("node-2"))
            .unwrap()
            .meta
            .as_ref()
            .unwrap()["version"],
        "1.22.0"
    );
}

#[test]
fn one_that_failed_is_critical_and_comes_back() {
    let mut world = World::new();
    world.reconcile(&[server(1), client(2)]);
    assert_eq!(
        world.reconcile(&[server(1), with(client(2), Liveness::Failed)]),
        1
    );
    assert_eq!(world.health(2), (Status::Critical, DEAD.to_owned()));
    assert_eq!(world.reconcile(&[server(1), client(2)]), 1);
    assert_eq!(world.health(2).0, Status::Passing);
    // one that nobody registered is not registered for having failed
    assert_eq!(
        world.reconcile(&[server(1), client(2), with(client(3), Liveness::Failed)]),
        0
    );
}

#[test]
fn one_that_left_or_is_forgotten_is_taken_out_but_never_oneself() {
    let mut world = World::new();
    world.reconcile(&[server(1), client(2), client(3)]);
    assert_eq!(
        world.reconcile(&[server(1), with(client(2), Liveness::Left)]),
        2
    );
    assert_eq!(world.nodes(), ["node-1"]);
    assert_eq!(world.reconcile(&[with(server(1), Liveness::Left)]), 0);
    assert_eq!(world.reconcile(&[]), 0);
    assert_eq!(world.nodes(), ["node-1"]);
}

#[test]
fn nodes_of_others_are_left_alone() {
    let mut world = World::new();
    let foreign = Node {
        node: NodeName::new("legacy"),
        address: "192.0.2.1".to_owned(),
        ..Node::default()
    };
    world.apply(Operation::Register(Box::new(Registration {
        node: foreign,
        ..Registration::default()
    })));
    world.reconcile(&[server(1)]);
    assert_eq!(world.nodes(), ["legacy", "node-1"]);
    let mut elsewhere = client(5);
    elsewhere.tags.insert("dc".to_owned(), "dc2".to_owned());
    let mut strange = client(6);
    strange.tags.insert("role".to_owned(), "other".to_owned());
    assert_eq!(world.reconcile(&[server(1), elsewhere, strange]), 0);
}

#[test]
fn a_new_machine_takes_the_name_of_one_that_is_gone() {
    let mut world = World::new();
    world.reconcile(&[server(1), client(2)]);
    let mut new = client(2);
    new.id = uuid::Uuid::from_bytes([22; 16]);
    // the old one is still passing, as the leader did not see it fail
    assert_eq!(world.reconcile(&[server(1), new.clone()]), 2);
    let snapshot = world.store.snapshot();
    let node = Catalog {
        snapshot: &snapshot,
    }
    .node(&NodeName::new("node-2"))
    .unwrap();
    assert_eq!(node.id, new.id.to_string());
    assert_eq!(world.health(2).0, Status::Passing);
    // what the old one is said to be does not matter any more
    assert_eq!(
        world.reconcile(&[server(1), with(client(2), Liveness::Failed), new]),
        0
    );
}
