//! The compiler: a service that nobody configured, one among many config entries, and one with 27 routes.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use tribune_chain::{CompileRequest, Overrides, compile};
use tribune_types::ServiceName;
use tribune_types::config_entry::{
    Entry, HeaderModifiers, Key, Kind, Raw, RawProxyDefaults, RawServiceDefaults, RawServiceRouter,
    RawServiceSplitter, Route, RouteDestination, RouteHeaderMatch, RouteHttpMatch, RouteMatch,
    Split, Weight,
};

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

/// A router with 27 routes to as many services, one of which is split three ways.
fn routed() -> BTreeMap<Key, Arc<Entry>> {
    let config = [("protocol".to_owned(), "http".into())];
    let global = RawProxyDefaults {
        name: "global".into(),
        config: Some(config.into_iter().collect()),
        ..RawProxyDefaults::default()
    };
    let routes = (0..27).map(|at| Route {
        r#match: Some(RouteMatch {
            http: Some(RouteHttpMatch {
                path_prefix: format!("/path/{at}"),
                header: vec![RouteHeaderMatch {
                    name: "x-debug".to_owned(),
                    present: true,
                    ..RouteHeaderMatch::default()
                }],
                ..RouteHttpMatch::default()
            }),
        }),
        destination: Some(RouteDestination {
            service: format!("backend-{at}"),
            num_retries: 3,
            request_headers: Some(HeaderModifiers {
                remove: vec!["x-secret".to_owned()],
                ..HeaderModifiers::default()
            }),
            ..RouteDestination::default()
        }),
    });
    let router = RawServiceRouter {
        name: "front".to_owned(),
        routes: Some(routes.collect()),
        ..RawServiceRouter::default()
    };
    let split = |service: &str, hundredths| Split {
        weight: Weight::from_hundredths(hundredths),
        service: service.to_owned(),
        ..Split::default()
    };
    let splitter = RawServiceSplitter {
        name: "backend-0".to_owned(),
        splits: vec![split("big", 9_550), split("little", 400), split("tiny", 50)],
        ..RawServiceSplitter::default()
    };
    [
        Raw::ProxyDefaults(global),
        Raw::ServiceRouter(router),
        Raw::ServiceSplitter(splitter),
    ]
    .map(entry)
    .into_iter()
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
    let (front, mut routes) = (ServiceName::new("front"), routed());
    let request = CompileRequest {
        service: &front,
        ..request
    };
    let chain = compile(&request, &mut routes).expect("the entries fit together");
    assert_eq!(chain.targets.len(), 30);
    group.bench_function("with 27 routes", |bench| {
        bench.iter(|| compile(black_box(&request), &mut routes));
    });
    group.finish();
}

criterion_group!(benches, chains);
criterion_main!(benches);
