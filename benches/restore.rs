//! A snapshot of 100,000 service instances, each with a check, in bytes and back: how long it takes, how
//! many bytes it has, and how much memory the tables take.

#![expect(clippy::print_stdout, reason = "it prints what it measured")]

use std::time::Instant;

use tribune_state::{Command, Operation, Registration, Store};
use tribune_types::{HealthCheck, Node, NodeName, NodeService, ServiceName, Status};

const INSTANCES: usize = 100_000;
const PER_SERVICE: usize = 10;
const PER_NODE: usize = 20;

fn main() {
    let store = catalog();
    let snapshot = store.snapshot();
    let begin = Instant::now();
    let chunks: Vec<Vec<u8>> = snapshot.encode().collect();
    println!("encoded in {:?}", begin.elapsed());
    let bytes: usize = chunks.iter().map(Vec::len).sum();
    println!("{bytes} bytes, {} an instance", bytes / INSTANCES);
    let begin = Instant::now();
    let hash = snapshot.state_hash();
    println!("hashed in {:?}", begin.elapsed());
    let before = resident();
    let begin = Instant::now();
    let restored = Store::restore(&chunks).expect("what was encoded is decoded");
    println!("restored in {:?}", begin.elapsed());
    if let (Some(before), Some(after)) = (before, resident()) {
        let taken = after.saturating_sub(before) / INSTANCES;
        println!("{taken} bytes of memory an instance, with what restoring left to the allocator");
    }
    assert_eq!(restored.snapshot().state_hash(), hash);
    command();
}

/// Bytes of a command, and how long it takes to write and to read it.
fn command() {
    let command: Command = Operation::Register(Box::new(registration(7))).into();
    let bytes = command.encode();
    let rounds: u32 = 100_000;
    let begin = Instant::now();
    for _ in 0..rounds {
        std::hint::black_box(std::hint::black_box(&command).encode());
    }
    let encoding = begin.elapsed() / rounds;
    let begin = Instant::now();
    for _ in 0..rounds {
        let decoded = Command::decode(std::hint::black_box(&bytes));
        std::hint::black_box(decoded).expect("what was encoded is decoded");
    }
    let decoding = begin.elapsed() / rounds;
    println!(
        "a registration: {} bytes, encoded in {encoding:?}, decoded in {decoding:?}",
        bytes.len()
    );
}

fn catalog() -> Store {
    let mut store = Store::new();
    for at in 0..INSTANCES {
        let operation = Operation::Register(Box::new(registration(at)));
        let applied = store.apply(store.index() + 1, operation.into());
        assert!(applied.outcome.is_done());
    }
    store
}

fn registration(at: usize) -> Registration {
    let node = NodeName::new(format!("node-{:05}", at / PER_NODE));
    let id = format!("service-{:05}-{at}", at / PER_SERVICE);
    let service = NodeService {
        id: id.as_str().into(),
        service: ServiceName::new(format!("service-{:05}", at / PER_SERVICE)),
        address: "10.1.2.3".to_owned(),
        port: 8080,
        tags: Some(vec!["v1".to_owned()]),
        ..NodeService::default()
    };
    let check = HealthCheck {
        node: node.clone(),
        check_id: format!("service:{id}").into(),
        name: "HTTP on 8080".to_owned(),
        status: Status::Passing,
        output: "HTTP GET http://10.1.2.3:8080/health: 200 OK".to_owned(),
        service_id: id.as_str().into(),
        check_type: "http".to_owned(),
        ..HealthCheck::default()
    };
    Registration {
        node: Node {
            node,
            address: "10.1.2.3".to_owned(),
            ..Node::default()
        },
        skip_node_update: false,
        service: Some(service),
        checks: vec![check],
    }
}

/// How much memory the process has, in bytes, where the system tells.
fn resident() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: usize = status.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * 4096)
}
