//! A leader keeps the catalog as gossip sees the members, and stops when it leads no more.

use std::sync::Arc;
use std::time::Duration;

use tribune_membership::{
    Encryption, KeyringFile, Limits, Membership, RetryJoin, Settings, Tags, Timing,
};
use tribune_replication::{Handle, Leader, faulty, single};
use tribune_runtime::{Shutdown, Tasks};
use tribune_server::leader::{Duties, Local};
use tribune_state::{Changes, Snapshot, Store, WatchSet};
use tribune_types::{NodeName, Status};

async fn member(name: &str, number: u8, tasks: &Tasks) -> Membership {
    let tags = [("role", "node"), ("dc", "dc1"), ("build", "1.21.0")];
    let settings = Settings {
        name: name.to_owned(),
        id: uuid::Uuid::from_bytes([number; 16]),
        datacenter: "dc1".to_owned(),
        bind: "127.0.0.1:0".parse().unwrap(),
        advertise: None,
        tags: Tags::from(tags.map(|(name, value)| (name.to_owned(), value.to_owned()))),
        encryption: Encryption {
            keyring: KeyringFile::default(),
            verify_incoming: true,
            verify_outgoing: true,
        },
        timing: Timing::local(),
        limits: Limits::default(),
        allowed_networks: Vec::new(),
        seed: number.into(),
    };
    Membership::start(settings, tasks).await.unwrap()
}

/// Waits until the catalog says of a node's agent what is expected, `None` for no such node.
async fn wait(log: &Handle, node: &str, expected: Option<Status>) {
    let name = NodeName::new(node);
    let found = || {
        let checks = log
            .snapshot()
            .node_checks(&name, &mut WatchSet::ignore())
            .value;
        checks.first().map(|check| check.status.clone())
    };
    let mut applied = log.applied();
    let reached = async {
        while found() != expected {
            applied.changed().await.unwrap();
        }
    };
    let reached = tokio::time::timeout(Duration::from_secs(60), reached).await;
    assert!(reached.is_ok(), "{node} is {:?}, not {expected:?}", found());
}

#[tokio::test]
async fn the_leader_and_only_the_leader_keeps_the_catalog_as_the_members_are() {
    let tasks = Tasks::new(Shutdown::new());
    let (one, two) = (
        member("one", 1, &tasks).await,
        member("two", 2, &tasks).await,
    );
    let retry = RetryJoin {
        addresses: vec![one.address().to_string()],
        interval: Duration::from_millis(10),
        max: 0,
    };
    two.retry_join(&retry).await.unwrap();
    let log = single(
        Store::new(),
        tribune_replication::Settings::default(),
        Arc::new(|_: &Snapshot, _: &Changes| {}),
    );
    let (log, faults) = faulty(log);
    faults.elect(Leader::Other("127.0.0.1:8300".to_owned()));
    let duties = Duties {
        replication: log.clone(),
        membership: one.clone(),
        local: Local {
            node: "one".to_owned(),
            datacenter: "dc1".to_owned(),
        },
    };
    tasks.spawn("leader", duties.run(tasks.shutdown().clone()));
    assert_eq!(log.snapshot().index(), 0, "who follows writes nothing");
    faults.elect(Leader::This);
    wait(&log, "one", Some(Status::Passing)).await;
    wait(&log, "two", Some(Status::Passing)).await;
    two.leave().await;
    wait(&log, "two", None).await;
    faults.elect(Leader::None);
    let three = member("three", 3, &tasks).await;
    let mut changes = one.changes();
    three.join(&[one.address().to_string()]).await.unwrap();
    while one.members().iter().all(|member| member.name != "three") {
        changes.changed().await.unwrap();
    }
    let index = log.snapshot().index();
    faults.elect(Leader::This);
    wait(&log, "three", Some(Status::Passing)).await;
    assert!(log.snapshot().index() > index);
    tasks.end(Duration::from_secs(10)).await.unwrap();
}
