//! Derived values.

use std::sync::Arc;

use tribune_derived::{Endpoint, Endpoints, Key, Roots, Value};
use tribune_rpc::tls::Tls;
use tribune_types::{InstanceName, PeeredServiceName, ServiceName, Token};

use crate::world::{Fake, Running, client, taker};

fn roots(id: &str) -> Value {
    Value::Roots(Some(Arc::new(Roots {
        trust_domain: "t".into(),
        active_root_id: id.into(),
        bundle: "PEM\n".into(),
    })))
}

fn endpoints_key(name: &str) -> Key {
    Key::Endpoints(PeeredServiceName::from(ServiceName::new(name)))
}

/// So many instances, one of them elsewhere.
fn endpoints(count: usize, moved: usize) -> Value {
    let endpoints = (0..count).map(|i| Endpoint {
        instance: InstanceName::new("node", format!("web-{i:04}")),
        address: if i == moved { "10.9.9.9" } else { "10.0.0.1" }.into(),
        port: 80,
        ..Endpoint::default()
    });
    Value::Endpoints(Arc::new(Endpoints {
        endpoints: endpoints.collect(),
    }))
}

#[tokio::test]
async fn values_come_as_they_change_and_the_same_key_is_subscribed_to_once() {
    let (fake, _waits) = Fake::new("one");
    let server = Running::start(&fake, &Tls::plaintext()).await;
    let client = client(&[&server], &Tls::plaintext());
    let source = client.source();
    fake.registry.set(&Key::Roots, &roots("a"));
    let (sink, mut values) = taker();
    let token = Token::from("secret");
    let first = source.subscribe(&Key::Roots, &token, &sink);
    assert_eq!(values.recv().await, Some(roots("a")));
    let (late, mut late_values) = taker();
    let second = client.source().subscribe(&Key::Roots, &token, &late);
    assert_eq!(late_values.try_recv(), Ok(roots("a")), "it is here already");
    assert_eq!(fake.registry.subscriptions(), [(Key::Roots, token.clone())]);
    fake.registry.set(&Key::Roots, &roots("b"));
    assert_eq!(values.recv().await, Some(roots("b")));
    assert_eq!(late_values.recv().await, Some(roots("b")));
    drop(first);
    fake.registry.set(&Key::Roots, &roots("c"));
    assert_eq!(late_values.recv().await, Some(roots("c")));
    assert!(values.try_recv().is_err());
    drop(second);
    // the server hears of it before it hears of what comes after
    let other = source.subscribe(&Key::Mesh, &token, &sink);
    fake.registry.set(&Key::Mesh, &Value::Mesh(Arc::default()));
    assert_eq!(values.recv().await, Some(Value::Mesh(Arc::default())));
    assert_eq!(fake.registry.subscriptions(), [(Key::Mesh, token)]);
    drop(other);
}

#[tokio::test]
async fn a_difference_makes_what_the_whole_would() {
    let (fake, _waits) = Fake::new("one");
    let server = Running::start(&fake, &Tls::plaintext()).await;
    let client = client(&[&server], &Tls::plaintext());
    let (sink, mut values) = taker();
    let key = endpoints_key("web");
    let _subscription = client.source().subscribe(&key, &Token::default(), &sink);
    for (count, moved) in [(100, 0), (100, 50), (101, 50), (99, 7), (0, 0), (100, 99)] {
        let value = endpoints(count, moved);
        fake.registry.set(&key, &value);
        assert_eq!(values.recv().await, Some(value), "{count} {moved}");
    }
}

#[tokio::test]
async fn what_is_known_stays_and_another_server_tells_what_differs() {
    let (one, _waits) = Fake::new("one");
    let (other, _waits) = Fake::new("other");
    let server = Running::start(&one, &Tls::plaintext()).await;
    let client = client(&[&server], &Tls::plaintext());
    let source = client.source();
    let (equal, changed, gone) = (
        endpoints_key("equal"),
        endpoints_key("changed"),
        endpoints_key("gone"),
    );
    let token = Token::default();
    let mut held = Vec::new();
    for key in [&equal, &changed, &gone] {
        one.registry.set(key, &endpoints(50, 0));
        let (sink, mut values) = taker();
        let subscription = source.subscribe(key, &token, &sink);
        assert_eq!(values.recv().await, Some(endpoints(50, 0)));
        held.push((subscription, values));
    }
    server.stop().await;
    let (sink, mut values) = taker();
    let again = source.subscribe(&equal, &token, &sink);
    assert_eq!(
        values.try_recv(),
        Ok(endpoints(50, 0)),
        "without any server"
    );
    drop(again);

    other.registry.set(&equal, &endpoints(50, 0));
    other.registry.set(&changed, &endpoints(50, 1));
    other.registry.set(&gone, &endpoints(0, 0));
    let server = Running::start(&other, &Tls::plaintext()).await;
    client.set_servers(vec![server.as_server()]);
    assert_eq!(held[1].1.recv().await, Some(endpoints(50, 1)));
    assert_eq!(held[2].1.recv().await, Some(endpoints(0, 0)));
    // what did not change on the way is in step with what comes after
    other.registry.set(&equal, &endpoints(50, 2));
    assert_eq!(
        held[0].1.recv().await,
        Some(endpoints(50, 2)),
        "and nothing before it"
    );
}

#[tokio::test]
async fn tokens_have_subscriptions_of_their_own() {
    let (fake, _waits) = Fake::new("one");
    let server = Running::start(&fake, &Tls::plaintext()).await;
    let client = client(&[&server], &Tls::plaintext());
    fake.registry.set(&Key::Roots, &roots("a"));
    let source = client.source();
    let mut held = Vec::new();
    for token in ["one", "other", ""] {
        let (sink, mut values) = taker();
        let subscription = source.subscribe(&Key::Roots, &Token::from(token), &sink);
        assert_eq!(values.recv().await, Some(roots("a")));
        held.push(subscription);
    }
    assert_eq!(fake.registry.subscriptions().len(), 3);
}

#[tokio::test]
async fn who_reads_slowly_gets_the_latest_and_not_everything() {
    let (fake, _waits) = Fake::new("one");
    let server = Running::start(&fake, &Tls::plaintext()).await;
    let client = client(&[&server], &Tls::plaintext());
    let (sink, mut values) = taker();
    let _subscription = client
        .source()
        .subscribe(&Key::Roots, &Token::default(), &sink);
    fake.registry.set(&Key::Roots, &roots("start"));
    assert_eq!(values.recv().await, Some(roots("start")));
    // nothing is sent in between: this test has one thread, and does not wait
    for i in 0..10_000 {
        fake.registry.set(&Key::Roots, &roots(&i.to_string()));
    }
    assert_eq!(values.recv().await, Some(roots("9999")));
    assert!(values.try_recv().is_err());
}
