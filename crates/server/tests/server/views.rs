//! Subscriptions to derived values.

use std::sync::{Arc, Mutex};

use tribune_acl::Authorizer;
use tribune_derived::{Key, Sink, Value};
use tribune_types::{ServiceName, Token};

use crate::support::{instance, intention, server, server_with, write};

/// Remembers what it was handed.
#[derive(Default)]
struct Seen(Mutex<Vec<Value>>);

impl Sink for Seen {
    fn deliver(&self, _: &Key, value: &Value) {
        self.0.lock().unwrap().push(value.clone());
    }
}

impl Seen {
    fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    fn intentions(&self) -> usize {
        match self.0.lock().unwrap().last() {
            Some(Value::Intentions(intentions)) => intentions.intentions.len(),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_subscriber_gets_what_is_then_what_changes_and_nothing_after() {
    let (server, _) = server().await;
    let (seen, source) = (Arc::new(Seen::default()), server.source());
    let sink: Arc<dyn Sink> = seen.clone();
    let key = Key::Intentions(ServiceName::new("db"));
    let subscription = source.subscribe(&key, &Token::default(), &sink);
    assert_eq!((seen.len(), seen.intentions()), (1, 0));
    write(&server, instance("db", 1)).await.unwrap();
    assert_eq!(seen.len(), 1, "an instance is no intention");
    write(&server, intention("web", "db", "deny"))
        .await
        .unwrap();
    assert_eq!((seen.len(), seen.intentions()), (2, 1));
    write(&server, intention("web", "db", "deny"))
        .await
        .unwrap();
    assert_eq!(seen.len(), 2, "the same again is no change");
    drop(subscription);
    write(&server, intention("web", "db", "allow"))
        .await
        .unwrap();
    assert_eq!(seen.len(), 2);
}

#[tokio::test]
async fn two_subscribers_share_one_value() {
    let (server, _) = server().await;
    let key = Key::Intentions(ServiceName::new("db"));
    let (first, second) = (Arc::new(Seen::default()), Arc::new(Seen::default()));
    let subscribe = |seen: &Arc<Seen>| {
        let sink: Arc<dyn Sink> = seen.clone();
        server.source().subscribe(&key, &Token::default(), &sink)
    };
    let _subscriptions = (subscribe(&first), subscribe(&second));
    write(&server, intention("web", "db", "deny"))
        .await
        .unwrap();
    let (first, second) = (first.0.lock().unwrap(), second.0.lock().unwrap());
    assert!(first.last().unwrap().same(second.last().unwrap()));
}

#[tokio::test]
async fn a_token_that_may_see_nothing_is_shown_nothing() {
    let (server, _) = server_with(Authorizer::deny_all()).await;
    write(&server, intention("web", "db", "deny"))
        .await
        .unwrap();
    let seen = Arc::new(Seen::default());
    let sink: Arc<dyn Sink> = seen.clone();
    let key = Key::Intentions(ServiceName::new("db"));
    let _subscription = server.source().subscribe(&key, &Token::from("any"), &sink);
    assert_eq!(seen.intentions(), 0);
}
