//! Servers without disks and sockets.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, sleep};
use tribune_membership::{
    Encryption, KeyringFile, Limits, Membership, MemoryNetwork, Settings, Timing,
};
use tribune_replication::disk::{self, Memory};
use tribune_replication::{
    Handle, Raft, RaftSettings, Server, Storage, Transport, TransportError, TransportFuture, raft,
};
use tribune_runtime::{Shutdown, Tasks};
use tribune_server::cluster::{Beginning, Cluster, Parts};
use tribune_state::{Changes, Command, Operation, Registration, Snapshot, Store, WatchSet};
use tribune_types::{Node as Row, NodeName};

/// All that is between the servers.
#[derive(Clone, Default)]
pub(super) struct World {
    gossip: MemoryNetwork,
    rafts: Arc<Mutex<BTreeMap<String, Raft>>>,
    started: Arc<Mutex<u64>>,
}

/// A server that runs.
pub(super) struct Node {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) raft: Raft,
    pub(super) log: Handle,
    pub(super) cluster: Cluster,
    membership: Membership,
    tasks: Tasks,
    disk: Memory,
    server: Server,
}

/// Waits for a condition, for ten minutes of paused time at most.
pub(super) async fn until(what: &str, condition: impl Fn() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < Duration::from_secs(600), "never: {what}");
        sleep(Duration::from_millis(20)).await;
    }
}

fn gossip(number: u8) -> SocketAddr {
    SocketAddr::new([10, 0, 0, number].into(), 8301)
}

fn settings(number: u8, beginning: Beginning) -> Settings {
    let mut tags = vec![
        ("role", "consul"),
        ("dc", "dc1"),
        ("port", "8300"),
        ("build", "1.21.0"),
    ];
    match beginning {
        Beginning::Alone => tags.push(("bootstrap", "1")),
        Beginning::Expect(_) => tags.push(("expect", "3")),
        Beginning::Join => {}
    }
    Settings {
        name: format!("node-{number}"),
        id: uuid::Uuid::from_bytes([number; 16]),
        datacenter: "dc1".to_owned(),
        bind: gossip(number),
        advertise: None,
        tags: tags
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect(),
        encryption: Encryption {
            keyring: KeyringFile::default(),
            verify_incoming: true,
            verify_outgoing: true,
        },
        timing: Timing::lan(),
        limits: Limits::default(),
        allowed_networks: Vec::new(),
        seed: number.into(),
    }
}

// === impl World ===

impl World {
    pub(super) async fn start(&self, number: u8, beginning: Beginning) -> Node {
        self.start_on(Memory::default(), number, beginning).await
    }

    /// Starts a server with what a disk has.
    pub(super) async fn start_on(&self, disk: Memory, number: u8, beginning: Beginning) -> Node {
        let gossip = settings(number, beginning);
        let me = Server {
            id: gossip.id.to_string(),
            name: gossip.name.clone(),
            address: format!("10.0.0.{number}:8300"),
        };
        let raft_settings = RaftSettings {
            me: me.clone(),
            cluster: "dc1".to_owned(),
            ..RaftSettings::default()
        };
        let log = disk::Settings {
            segment_bytes: 1 << 20,
            ..disk::Settings::default()
        };
        let latency = Arc::new(|| Duration::from_micros(100));
        let storage = Storage::new(Arc::new(disk.clone()), log).on_this_thread(latency);
        let observer = Arc::new(|_: &Snapshot, _: &Changes| {});
        let way = Arc::new(self.clone());
        let opened = raft(raft_settings, storage, way, Store::new(), observer).await;
        let (log, raft) = opened.unwrap();
        self.rafts
            .lock()
            .unwrap()
            .insert(me.id.clone(), raft.clone());
        let tasks = Tasks::new(Shutdown::new());
        let wall = {
            let mut started = self.started.lock().unwrap();
            *started += 1;
            Duration::from_secs(1_700_000_000 + *started)
        };
        let membership = self.gossip.start(gossip, &tasks, wall).unwrap();
        let cluster = Cluster::new(Parts {
            raft: raft.clone(),
            log: log.clone(),
            membership: membership.clone(),
            me: me.clone(),
            datacenter: "dc1".to_owned(),
            beginning,
        });
        tasks.spawn("cluster", cluster.clone().run(tasks.shutdown().clone()));
        Node {
            id: me.id.clone(),
            name: me.name.clone(),
            raft,
            log,
            cluster,
            membership,
            tasks,
            disk,
            server: me,
        }
    }
}

impl Transport for World {
    fn call<'a>(
        &'a self,
        to: &'a Server,
        message: Bytes,
        _timeout: Duration,
    ) -> TransportFuture<'a> {
        let raft = self.rafts.lock().unwrap().get(&to.id).cloned();
        Box::pin(async move {
            sleep(Duration::from_millis(1)).await;
            let raft = raft.ok_or_else(|| TransportError::Unreachable {
                reason: "it does not run".to_owned(),
            })?;
            let answer = raft.handle("another server", message).await;
            answer.map_err(|error| TransportError::Failed {
                reason: error.to_string(),
            })
        })
    }
}

// === impl Node ===

impl Node {
    pub(super) fn leads(&self) -> bool {
        self.log.leadership().borrow().is_here()
    }

    pub(super) fn address(&self) -> String {
        self.server.address.clone()
    }

    pub(super) async fn join(&self, other: &Self) {
        let address = other.membership.address().to_string();
        assert_eq!(self.membership.join(&[address]).await, Ok(1));
    }

    /// Registers a node of this name.
    pub(super) async fn write(&self, name: &str) {
        let registration = Registration {
            node: Row {
                node: NodeName::new(name),
                address: "10.1.0.1".to_owned(),
                ..Row::default()
            },
            ..Registration::default()
        };
        let operation = Operation::Register(Box::new(registration));
        let command = Command::with_id(uuid::Uuid::new_v4().as_u128(), operation);
        let written = self
            .log
            .propose_with_retry(command, Duration::from_secs(30))
            .await;
        assert!(written.unwrap().1.is_done());
    }

    pub(super) fn has(&self, name: &str) -> bool {
        let nodes = self.log.snapshot().nodes(&mut WatchSet::ignore()).value;
        nodes.iter().any(|node| node.node == NodeName::new(name))
    }

    /// Ends the process without a word, and gives what its disk has.
    pub(super) async fn kill(self, world: &World) -> Memory {
        world.rafts.lock().unwrap().remove(&self.id);
        world.gossip.cut_off(self.membership.address());
        self.raft.shutdown().await;
        self.tasks.end(Duration::from_secs(5)).await.unwrap();
        self.disk
    }
}
