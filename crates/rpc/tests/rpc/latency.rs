//! How far an agent is behind its server: a figure, not a test.

use std::sync::Arc;
use std::time::Instant;

use tribune_derived::{Key, Roots, Value};
use tribune_types::Token;

use crate::certificates::Authority;
use crate::world::{Fake, Running, client, taker};

/// `cargo test --release -p tribune-rpc --test rpc -- --ignored --nocapture latency` prints it.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "prints a figure and asserts nothing about time"]
async fn latency_of_a_derived_value() {
    let authority = Authority::new("one");
    let (fake, _waits) = Fake::new("one");
    let tls = authority.server_tls();
    let server = Running::start(&fake, &tls).await;
    let client = client(&[&server], &tls);
    let (sink, mut values) = taker();
    let _subscription = client
        .source()
        .subscribe(&Key::Roots, &Token::default(), &sink);
    let mut took = Vec::new();
    for i in 0..2_000 {
        let value = Value::Roots(Some(Arc::new(Roots {
            trust_domain: "t".into(),
            active_root_id: i.to_string(),
            bundle: "PEM\n".repeat(500).into(),
        })));
        let start = Instant::now();
        fake.registry.set(&Key::Roots, &value);
        assert_eq!(values.recv().await, Some(value));
        took.push(start.elapsed());
    }
    took.sort();
    println!(
        "a derived value of 2 kB over mutual TLS on loopback: p50 {:?}, p99 {:?}",
        took[took.len() / 2],
        took[took.len() * 99 / 100]
    );
}
