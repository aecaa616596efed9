//! The session: one change pushed to many proxies and acknowledged by them, and a proxy's first configuration.

use std::sync::Arc;
use std::time::Instant;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tribune_delta::{Children, Limits, Request, Resource, ResourceSet, Session, TypeUrl, Version};

const SESSIONS: usize = 1_000;
/// Clusters of each proxy, each with its endpoints.
const CLUSTERS: usize = 20;

type Body = Arc<[u8]>;

fn names() -> Vec<Arc<str>> {
    (0..CLUSTERS)
        .map(|at| format!("service-{at:03}.default.dc1.internal.trust-domain.consul").into())
        .collect()
}

fn set(names: &[Arc<str>], version: u64, children: &Children) -> ResourceSet<Body> {
    let resource = |name: &Arc<str>| Resource {
        name: Arc::clone(name),
        version: Version(version),
        body: Arc::from([0_u8; 256]),
        children: children.clone(),
    };
    ResourceSet {
        changed: names.iter().map(resource).collect(),
        removed: Vec::new(),
    }
}

/// Takes and acknowledges every response.
fn drain(now: Instant, session: &mut Session<Body>) -> usize {
    let mut taken = 0;
    while let Some(response) = session.poll_transmit() {
        taken += response.resources.len();
        let answer = Request {
            nonce: Some(response.nonce),
            ..Request::new(response.type_url)
        };
        session
            .handle_request(now, answer)
            .expect("an acknowledgement is within every limit");
    }
    taken
}

/// A session whose client has everything.
fn connected(now: Instant, names: &[Arc<str>]) -> Session<Body> {
    let mut session = Session::new(Limits::default());
    let endpoints = Request {
        subscribe: names.iter().map(ToString::to_string).collect(),
        ..Request::new(TypeUrl::Endpoint)
    };
    for request in [Request::new(TypeUrl::Cluster), endpoints] {
        session
            .handle_request(now, request)
            .expect("the subscriptions are within the limits");
    }
    session.handle_resources(now, TypeUrl::Cluster, set(names, 1, &Children::SameName));
    session.handle_resources(now, TypeUrl::Endpoint, set(names, 1, &Children::None));
    assert!(drain(now, &mut session) >= 2 * CLUSTERS);
    session
}

fn sessions(criterion: &mut Criterion) {
    let (now, names) = (Instant::now(), names());
    let mut group = criterion.benchmark_group("delta");
    group.bench_function(
        format!("first configuration of {CLUSTERS} clusters"),
        |bench| {
            bench.iter(|| connected(now, &names));
        },
    );
    let mut sessions: Vec<_> = (0..SESSIONS).map(|_| connected(now, &names)).collect();
    let mut version = 1;
    group.throughput(Throughput::Elements(SESSIONS as u64));
    group.bench_function(
        format!("one change pushed to {SESSIONS} sessions"),
        |bench| {
            bench.iter(|| {
                version += 1;
                let changed = set(&names[..1], version, &Children::None);
                for session in &mut sessions {
                    session.handle_resources(now, TypeUrl::Endpoint, changed.clone());
                    assert_eq!(drain(now, session), 1);
                }
            });
        },
    );
    group.finish();
}

criterion_group!(benches, sessions);
criterion_main!(benches);
