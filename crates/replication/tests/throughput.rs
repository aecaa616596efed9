//! How many commands a second go through the log, on real disks and over a network in memory.
//!
//! `cargo test --release -p tribune-replication --test throughput -- --ignored --nocapture`
#![expect(
    clippy::unwrap_used,
    reason = "whatever goes wrong ends the measurement"
)]
#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tribune_replication::disk::{self, Directory};
use tribune_replication::{
    Handle, Raft, RaftSettings, Server, Storage, Transport, TransportError, TransportFuture, raft,
};
use tribune_state::{Changes, Command, Operation, Registration, Snapshot, Store};
use tribune_types::call::Consistency;
use tribune_types::{Node, NodeName};

/// How many proposals are on their way at once.
const IN_FLIGHT: usize = 256;

const MEASURED: Duration = Duration::from_secs(4);

/// The servers of the cluster, by ID.
#[derive(Clone, Default)]
struct Memory(Arc<RwLock<BTreeMap<String, Raft>>>);

impl Transport for Memory {
    fn call<'a>(&'a self, to: &'a Server, message: Bytes, _: Duration) -> TransportFuture<'a> {
        let raft = self.0.read().unwrap().get(&to.id).cloned();
        Box::pin(async move {
            let raft = raft.ok_or_else(|| TransportError::Unreachable {
                reason: "nobody listens".to_owned(),
            })?;
            let handled = tokio::spawn(async move { raft.handle("memory", message).await });
            let answer = handled.await.map_err(|error| error.to_string());
            answer
                .and_then(|answer| answer.map_err(|error| error.to_string()))
                .map_err(|reason| TransportError::Failed { reason })
        })
    }
}

/// A node whose registration takes about 256 bytes.
fn command(at: u64) -> Command {
    let node = Node {
        node: NodeName::new(format!("node-{}", at % 1000)),
        address: format!("10.{}.{}.{}", at % 250, at / 250 % 250, at / 62_500 % 250),
        meta: Some([("padding".to_owned(), "x".repeat(160))].into()),
        ..Node::default()
    };
    Operation::Register(Box::new(Registration {
        node,
        ..Registration::default()
    }))
    .into()
}

async fn cluster(servers: usize, folder: &std::path::Path) -> Vec<(Handle, Raft)> {
    let net = Memory::default();
    let members: Vec<Server> = (0..servers)
        .map(|at| Server {
            id: format!("server-{at}"),
            name: format!("s{at}"),
            address: format!("s{at}"),
        })
        .collect();
    let mut cluster = Vec::new();
    for me in &members {
        let files = Arc::new(Directory::open(&folder.join(&me.id)).unwrap());
        let log = disk::Settings {
            segment_bytes: 64 << 20,
            salt: 1,
        };
        let settings = RaftSettings {
            me: me.clone(),
            cluster: "measured".to_owned(),
            ..RaftSettings::default()
        };
        let observer = Arc::new(|_: &Snapshot, _: &Changes| {});
        let transport = Arc::new(net.clone());
        let opened = raft(
            settings,
            Storage::new(files, log),
            transport,
            Store::new(),
            observer,
        );
        let (handle, raft) = opened.await.unwrap();
        net.0.write().unwrap().insert(me.id.clone(), raft.clone());
        cluster.push((handle, raft));
    }
    for (_, raft) in &cluster {
        raft.initialize(members.clone()).await.unwrap();
    }
    for (handle, _) in &cluster {
        handle.read_barrier(Consistency::Consistent).await.unwrap();
    }
    cluster
}

/// Proposals a second, and how long the slowest of a hundred took.
async fn measure(handle: &Handle) -> (f64, Duration) {
    let next = Arc::new(AtomicU64::new(0));
    let begun = Instant::now();
    let tasks: Vec<_> = (0..IN_FLIGHT)
        .map(|_| {
            let (handle, next) = (handle.clone(), Arc::clone(&next));
            tokio::spawn(async move {
                let mut took = Vec::new();
                while begun.elapsed() < MEASURED {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let proposed = Instant::now();
                    handle.propose(command(at)).await.unwrap();
                    took.push(proposed.elapsed());
                }
                took
            })
        })
        .collect();
    let mut took = Vec::new();
    for task in tasks {
        took.extend(task.await.unwrap());
    }
    let rate = took.len() as f64 / begun.elapsed().as_secs_f64();
    took.sort_unstable();
    (rate, took[took.len() * 99 / 100])
}

fn run(servers: usize) {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let cluster = cluster(servers, folder.path()).await;
        let size = command(1).encode().len();
        let leader = cluster
            .iter()
            .position(|(_, raft)| raft.status().leads)
            .unwrap();
        let (rate, p99) = measure(&cluster[leader].0).await;
        println!("{servers} servers, {size} B, on the leader: {rate:.0}/s, p99 {p99:?}");
        if servers > 1 {
            let follower = (leader + 1) % servers;
            let (rate, p99) = measure(&cluster[follower].0).await;
            println!("{servers} servers, {size} B, on a follower: {rate:.0}/s, p99 {p99:?}");
        }
        for (name, consistency) in [
            ("default", Consistency::Default),
            ("consistent", Consistency::Consistent),
        ] {
            let handle = cluster[leader].0.clone();
            let begun = Instant::now();
            let mut reads = 0;
            while begun.elapsed() < Duration::from_secs(1) {
                handle.read_barrier(consistency).await.unwrap();
                reads += 1;
            }
            println!("{servers} servers, one client's {name} barriers on the leader: {reads}/s");
        }
        for (_, raft) in &cluster {
            raft.shutdown().await;
        }
    });
}

#[test]
#[ignore = "measures, so it takes its time and wants a release build"]
fn one_server() {
    run(1);
}

#[test]
#[ignore = "measures, so it takes its time and wants a release build"]
fn three_servers() {
    run(3);
}
