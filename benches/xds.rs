//! The generator: a sidecar's whole configuration, and what follows from one changed endpoint.

use std::hint::black_box;
use std::net::SocketAddr;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use tribune_derived::{Endpoint, Endpoints, Intentions, Key, Proxy, Roots, Unset, Value};
use tribune_proxycfg::{Builder, Need, Snapshot};
use tribune_types::config_entry::{Action, Effect};
use tribune_types::intention::Intention;
use tribune_types::proxy::{ProxyConfig, Upstream};
use tribune_types::{InstanceName, ServiceKind, ServiceName};
use tribune_xds::{Generator, Memo};

/// Upstreams of each sidecar, each with [`INSTANCES`] instances.
const UPSTREAMS: usize = 20;
const INSTANCES: usize = 10;
/// Sidecars that dial the service whose endpoint changes.
const PROXIES: usize = 1_000;
/// Intentions about their service.
const SOURCES: usize = 50;

fn service(at: usize) -> ServiceName {
    ServiceName::new(format!("service-{at:03}"))
}

fn endpoints(at: usize, last_port: u16) -> Value {
    let instances = (1..=INSTANCES).map(|instance| {
        let port = if instance == INSTANCES {
            last_port
        } else {
            21_000
        };
        let octet = u8::try_from(instance).unwrap_or_default();
        let name = InstanceName::new("n1", format!("service-{at:03}-{instance}"));
        Endpoint::new(name, SocketAddr::from(([10, 0, 0, octet], port)))
    });
    Value::Endpoints(Arc::new(Endpoints {
        endpoints: instances.collect(),
    }))
}

fn sidecar(instance: &InstanceName) -> Value {
    let upstreams = (0..UPSTREAMS).zip(9000..).map(|(at, port)| Upstream {
        destination_name: service(at).name,
        local_bind_port: port,
        ..Upstream::default()
    });
    let config = ProxyConfig {
        destination_service_name: "web".into(),
        local_service_port: 8080,
        upstreams: upstreams.collect(),
        ..ProxyConfig::default()
    };
    Value::Proxy(Some(Arc::new(Proxy {
        instance: instance.clone(),
        kind: ServiceKind::ConnectProxy,
        datacenter: "dc1".to_owned(),
        port: 20_000,
        config,
        ..Proxy::default()
    })))
}

/// Values that every proxy shares.
struct Shared {
    unset: Unset,
    values: std::collections::HashMap<Key, Value>,
}

impl Shared {
    fn new() -> Self {
        let roots = Roots {
            trust_domain: "11111111-2222-3333-4444-555555555555.consul".to_owned(),
            active_root_id: "root".to_owned(),
            bundle: "certificate\n".into(),
        };
        let unset = Unset {
            datacenter: "dc1".to_owned(),
            roots: Some(Arc::new(roots)),
            default_allow: true,
        };
        let endpoints = |at| (Key::Endpoints(service(at).into()), endpoints(at, 21_000));
        let values = (0..UPSTREAMS).map(endpoints).collect();
        Self { unset, values }
    }

    fn value(&mut self, key: &Key) -> Value {
        let value = self.values.entry(key.clone());
        value.or_insert_with(|| self.unset.value(key)).clone()
    }

    fn snapshot(&mut self, builder: &mut Builder, instance: &InstanceName) -> Arc<Snapshot> {
        while let Some(need) = builder.poll_need() {
            match need {
                Need::Subscribe(key @ Key::Proxy(_)) => {
                    builder.handle_update(&key, &sidecar(instance))
                }
                Need::Subscribe(key) => builder.handle_update(&key, &self.value(&key)),
                Need::Unsubscribe(_) => {}
            }
        }
        builder.snapshot().expect("every value was handed in")
    }
}

/// A sidecar that has its configuration.
fn configured(shared: &mut Shared, memo: &mut Memo, at: usize) -> (Builder, Generator) {
    let instance = InstanceName::new("n1", format!("web-proxy-{at:04}"));
    let (mut builder, mut generator) = (Builder::new(instance.clone()), Generator::new());
    let snapshot = shared.snapshot(&mut builder, &instance);
    let changed = generator.handle_snapshot(&snapshot, memo);
    assert!(changed.updated.len() > UPSTREAMS && changed.problems.is_empty());
    (builder, generator)
}

fn whole(criterion: &mut Criterion) {
    let mut shared = Shared::new();
    let instance = InstanceName::new("n1", "web-proxy-0000");
    let mut builder = Builder::new(instance.clone());
    let snapshot = shared.snapshot(&mut builder, &instance);
    let mut group = criterion.benchmark_group(format!("a sidecar of {UPSTREAMS} upstreams"));
    group.bench_function("the first of its kind", |bench| {
        let fresh = || (Generator::new(), Memo::new());
        bench.iter_batched(
            fresh,
            |(mut generator, mut memo)| {
                black_box(generator.handle_snapshot(&snapshot, &mut memo));
                (generator, memo)
            },
            BatchSize::SmallInput,
        );
    });
    let mut memo = Memo::new();
    let _first = configured(&mut shared, &mut memo, 0);
    group.bench_function("after another one", |bench| {
        bench.iter_batched(
            Generator::new,
            |mut generator| {
                black_box(generator.handle_snapshot(&snapshot, &mut memo));
                generator
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

fn change(criterion: &mut Criterion) {
    let (mut shared, mut memo) = (Shared::new(), Memo::new());
    let configured = |at| configured(&mut shared, &mut memo, at);
    let mut proxies: Vec<_> = (0..PROXIES).map(configured).collect();
    let key = Key::Endpoints(service(0).into());
    let mut port = 0;
    let mut group = criterion.benchmark_group("one endpoint changes");
    group.sample_size(20);
    group.throughput(Throughput::Elements(PROXIES as u64));
    group.bench_function(format!("for {PROXIES} sidecars"), |bench| {
        bench.iter(|| {
            port = (port + 1) % 60_000;
            let value = endpoints(0, port);
            for (builder, generator) in &mut proxies {
                builder.handle_update(&key, &value);
                let snapshot = builder.snapshot().expect("nothing was taken away");
                let changed = generator.handle_snapshot(&snapshot, &mut memo);
                assert_eq!(changed.updated.len(), 1);
            }
        });
    });
    group.finish();
}

fn allowed(at: usize) -> Arc<Intention> {
    Arc::new(Intention {
        source: service(at),
        peer: "".into(),
        destination: ServiceName::new("web"),
        effect: Effect::Action(Action::Allow),
        jwt: None,
        precedence: 9,
        description: String::new(),
        meta: Default::default(),
    })
}

/// What is left of a change for each proxy once another one has it: one assignment out of the memo.
fn shared_assignment(criterion: &mut Criterion) {
    let (mut shared, mut memo) = (Shared::new(), Memo::new());
    let (mut builder, mut generator) = configured(&mut shared, &mut memo, 0);
    let key = Key::Endpoints(service(0).into());
    let snapshots = [1, 2].map(|port| {
        builder.handle_update(&key, &endpoints(0, port));
        builder.snapshot().expect("nothing was taken away")
    });
    // The other proxies, which keep both assignments in the memo.
    let _others = snapshots.each_ref().map(|snapshot| {
        let mut other = Generator::new();
        other.handle_snapshot(snapshot, &mut memo);
        other
    });
    let mut turns = snapshots.iter().cycle();
    criterion.bench_function("one endpoint that another sidecar has", |bench| {
        bench.iter(|| {
            let snapshot = turns.next().expect("a cycle has no end");
            let changed = generator.handle_snapshot(snapshot, &mut memo);
            assert_eq!(changed.updated.len(), 1);
        });
    });
}

fn intention(criterion: &mut Criterion) {
    let (mut shared, mut memo) = (Shared::new(), Memo::new());
    let configured = |at| configured(&mut shared, &mut memo, at);
    let mut proxies: Vec<_> = (0..PROXIES).map(configured).collect();
    let key = Key::Intentions(ServiceName::new("web"));
    let all: Vec<_> = (0..SOURCES).map(allowed).collect();
    let mut count = SOURCES;
    let mut group = criterion.benchmark_group("intentions change");
    group.sample_size(20);
    group.throughput(Throughput::Elements(PROXIES as u64));
    group.bench_function(format!("for {PROXIES} sidecars of one service"), |bench| {
        bench.iter(|| {
            count = if count == SOURCES {
                SOURCES - 1
            } else {
                SOURCES
            };
            let value = Value::Intentions(Arc::new(Intentions {
                intentions: all.iter().take(count).cloned().collect(),
                default_allow: false,
            }));
            for (builder, generator) in &mut proxies {
                builder.handle_update(&key, &value);
                let snapshot = builder.snapshot().expect("nothing was taken away");
                let changed = generator.handle_snapshot(&snapshot, &mut memo);
                assert_eq!(changed.updated.len(), 1);
            }
        });
    });
    group.finish();
}

criterion_group!(benches, whole, change, shared_assignment, intention);
criterion_main!(benches);
