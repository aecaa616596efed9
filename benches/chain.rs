//! The compiler: a service that nobody configured, and one among many config entries.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use tribune_chain::{CompileRequest, Overrides, compile};
use tribune_types::ServiceName;
use tribune_types::config_entry::{Entry, Key, Kind, Raw, RawProxyDefaults, RawServiceDefaults};

const ENTRIES: usize = 10_000;

fn entry(raw: Raw) -> (Key, Arc<Entry>) {
    let entry = Arc::new(Entry::try_from(raw).expect("the entry is a valid one"));
    (entry.key(), entry)
}

fn entries() -> BTreeMap<Key, Arc<Entry>> {
    let global = RawProxyDefaults {
        name: "global".into(),
        ..RawProxyDefaults::default()
    };
    let services = (0..ENTRIES).map(|at| {
        entry(Raw::ServiceDefaults(RawServiceDefaults {
            name: format!("service-{at:05}"),
            protocol: "grpc".to_owned(),
            ..RawServiceDefaults::default()
        }))
    });
    services
        .chain([entry(Raw::ProxyDefaults(global))])
        .collect()
}

fn chains(criterion: &mut Criterion) {
    let (service, overrides) = (ServiceName::new("service-07777"), Overrides::default());
    let request = CompileRequest {
        service: &service,
        datacenter: "dc1",
        trust_domain: "11111111-2222-3333-4444-555555555555.consul",
        overrides: &overrides,
        auto_virtual_ips: &[],
        manual_virtual_ips: None,
    };
    let mut configured = entries();
    assert!(configured.contains_key(&Key::new(Kind::ServiceDefaults, service.clone())));
    let mut group = criterion.benchmark_group("chain");
    group.bench_function("of a service without entries", |bench| {
        bench.iter(|| compile(black_box(&request), &mut BTreeMap::new()));
    });
    group.bench_function(format!("among {ENTRIES} service-defaults"), |bench| {
        bench.iter(|| compile(black_box(&request), &mut configured));
    });
    group.finish();
}

criterion_group!(benches, chains);
criterion_main!(benches);
