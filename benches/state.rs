//! The ordered map under the tables, and the tables under a catalog of some size.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use tribune_state::{Command, Map, Operation, Registration, Snapshot, Store, WatchSet};
use tribune_types::{
    HealthCheck, Name, Node, NodeName, NodeService, PeeredServiceName, ServiceKind, ServiceName,
    Status,
};

/// Services of the catalog, each with [`INSTANCES`] instances and as many sidecars.
const SERVICES: usize = 1_000;
const INSTANCES: usize = 10;

/// Numbers below `below` in an order that caches cannot guess, the same every time.
fn scattered(below: usize) -> impl Iterator<Item = usize> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    })
}

fn map(criterion: &mut Criterion) {
    for size in [10_000, 1_000_000] {
        let mut keys: Vec<Name> = (0..size)
            .map(|at| format!("service-{at:07}.node-{:03}", at % 997).into())
            .collect();
        for (at, other) in (1..size).zip(scattered(size)) {
            keys.swap(at, other);
        }
        let mut map: Map<Name, Arc<usize>> = keys
            .iter()
            .cloned()
            .zip(std::iter::repeat(Arc::new(0)))
            .collect();
        let mut group = criterion.benchmark_group(format!("map of {size}"));
        group.throughput(Throughput::Elements(1));
        let mut key = scattered(size).map(|at| &keys[at]);
        group.bench_function("get", |bench| {
            bench.iter(|| black_box(map.get(key.next().unwrap_or(&keys[0]))))
        });
        let mut key = scattered(size).map(|at| &keys[at]);
        group.bench_function("update", |bench| {
            bench.iter(|| map.insert(key.next().unwrap_or(&keys[0]).clone(), Arc::new(1)));
        });
        let mut held = map.clone();
        group.bench_function("update that a clone does not see", |bench| {
            bench.iter(|| {
                map.insert(key.next().unwrap_or(&keys[0]).clone(), Arc::new(2));
                held = map.clone();
            });
        });
        group.finish();
        drop(held);
    }
}

fn node(at: usize) -> Node {
    Node {
        node: NodeName::new(format!("node-{at:05}")),
        address: "10.0.0.1".to_owned(),
        ..Node::default()
    }
}

fn register(registration: Registration) -> Command {
    Operation::Register(Box::new(registration)).into()
}

/// An instance of a service on a node, with a check.
fn instance(service: usize, at: usize, port: i32, status: Status) -> Registration {
    let node = node((service * 7 + at) % SERVICES);
    let id = Name::from(format!("service-{service:05}-{at}"));
    let service = ServiceName::new(format!("service-{service:05}"));
    let check = HealthCheck {
        node: node.node.clone(),
        check_id: format!("check-{id}").into(),
        service_id: id.clone(),
        status,
        ..HealthCheck::default()
    };
    let service = NodeService {
        id,
        service,
        port,
        ..NodeService::default()
    };
    Registration {
        node,
        skip_node_update: false,
        service: Some(service),
        checks: vec![check],
    }
}

/// The sidecar of that instance.
fn sidecar(service: usize, at: usize, port: i32) -> Registration {
    let mut registration = instance(service, at, port, Status::Passing);
    registration.checks.clear();
    if let Some(row) = &mut registration.service {
        row.kind = ServiceKind::ConnectProxy;
        row.proxy.destination_service_name = row.service.name.clone();
        row.service = ServiceName::new(format!("{}-sidecar-proxy", row.service));
        row.id = format!("{}-sidecar-proxy", row.id).into();
    }
    registration
}

fn catalog() -> Store {
    let mut store = Store::new();
    for service in 0..SERVICES {
        for at in 0..INSTANCES {
            store.apply(
                store.index() + 1,
                register(instance(service, at, 80, Status::Passing)),
            );
            store.apply(store.index() + 1, register(sidecar(service, at, 20_000)));
        }
    }
    store
}

fn apply(criterion: &mut Criterion) {
    let mut store = catalog();
    let mut held = store.snapshot();
    let mut group = criterion.benchmark_group("apply and snapshot, 20,000 instances");
    let mut run = |name: &str, command: &mut dyn FnMut(usize) -> Command| {
        let mut turn = 0;
        group.bench_function(name, |bench| {
            bench.iter_batched(
                || {
                    turn += 1;
                    command(turn)
                },
                |command| {
                    store.apply(store.index() + 1, command);
                    held = store.snapshot();
                },
                BatchSize::SmallInput,
            );
        });
    };
    let place = |turn: usize| (turn.wrapping_mul(7919) % SERVICES, turn % INSTANCES);
    run("the same registration again", &mut |_| {
        register(instance(5, 5, 80, Status::Passing))
    });
    run("a sidecar's port", &mut |turn| {
        let (service, at) = place(turn);
        register(sidecar(service, at, 20_001 + (turn % 1000) as i32))
    });
    run("a check's status", &mut |turn| {
        let (service, at) = place(turn);
        let status = if (turn / SERVICES).is_multiple_of(2) {
            Status::Critical
        } else {
            Status::Passing
        };
        register(instance(service, at, 80, status))
    });
    run("a new instance", &mut |turn| {
        register(instance(
            turn % SERVICES,
            INSTANCES + turn,
            80,
            Status::Passing,
        ))
    });
    group.finish();
}

fn read(criterion: &mut Criterion) {
    let snapshot: Snapshot = catalog().snapshot();
    let mut services = scattered(SERVICES);
    let names: Vec<PeeredServiceName> = (0..SERVICES)
        .map(|service| ServiceName::new(format!("service-{service:05}")).into())
        .collect();
    let mut next = || &names[services.next().unwrap_or_default()];
    let mut group = criterion.benchmark_group("read, 20,000 instances");
    group.bench_function("health of a service of 10", |bench| {
        bench.iter(|| snapshot.check_service_nodes(next(), &mut WatchSet::ignore()));
    });
    group.bench_function("health of 10 sidecars, watched", |bench| {
        bench.iter(|| snapshot.check_connect_nodes(next(), &mut WatchSet::new()));
    });
    group.bench_function("a node", |bench| {
        let name = NodeName::new("node-00500");
        bench.iter(|| snapshot.node(&name, &mut WatchSet::ignore()));
    });
    group.finish();
}

criterion_group!(benches, map, apply, read);
criterion_main!(benches);
