use std::collections::BTreeMap;
use std::sync::Mutex;

use proptest::prelude::*;
use tribune_derived::Health;

use super::*;
use crate::encodings::Encodings;

/// Keeps what it got.
#[derive(Default)]
struct Kept(Mutex<Vec<Value>>);

impl Sink for Kept {
    fn deliver(&self, _key: &Key, value: &Value) {
        self.0.lock().unwrap().push(value.clone());
    }
}

fn kept() -> (Arc<Kept>, Arc<dyn Sink>) {
    let kept = Arc::new(Kept::default());
    (kept.clone(), kept)
}

/// Instances by ID, with a port that stands for everything else about them.
fn endpoints(ports: &BTreeMap<u8, i32>) -> Value {
    let endpoints = ports.iter().map(|(id, port)| Endpoint {
        // the order of names is that of their letters
        instance: InstanceName::new("node", format!("web-{id:03}")),
        port: *port,
        tags: vec!["a-tag-of-some-length".into(); 3],
        health: Health::Warning,
        ..Endpoint::default()
    });
    Value::Endpoints(Arc::new(Endpoints {
        endpoints: endpoints.collect(),
    }))
}

fn key() -> Key {
    Key::Endpoints(tribune_types::ServiceName::new("web").into())
}

fn full(encodings: &Encodings, value: &Value) -> Full {
    let encoded = encodings.encode(value);
    Full {
        hash: encoded.hash.clone(),
        value: encoded.bytes.clone(),
    }
}

/// What a stream is told, until there is nothing left to tell.
fn told(state: &mut State, stream: u64) -> Vec<asked::Message> {
    let cx = Context::from_waker(Waker::noop());
    let mut told = Vec::new();
    while let Ok(Some(request)) = state.next(stream, &cx) {
        told.extend(request.message);
    }
    told
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn differences_make_what_the_whole_would(
        lists in prop::collection::vec(
            prop::collection::btree_map(any::<u8>(), 0..3, 0..40),
            0..6,
        ),
        changes in prop::collection::vec((any::<u8>(), prop::option::of(0..3)), 0..40),
    ) {
        let (encodings, mut state) = (Encodings::default(), State::default());
        let (kept, sink) = kept();
        let (id, _) = state.subscribe(&key(), &Token::default(), &sink);
        let mut ports: BTreeMap<u8, i32> = (0..60).map(|id| (id, 0)).collect();
        let first = endpoints(&ports);
        let mut sent = encodings.encode(&first);
        prop_assert_eq!(state.replace(id, full(&encodings, &first)), Ok(true));
        let changed = changes.into_iter().map(|(id, port)| {
            match port {
                Some(port) => ports.insert(id, port),
                None => ports.remove(&id),
            };
            ports.clone()
        });
        for ports in changed.collect::<Vec<_>>().into_iter().chain(lists) {
            let value = endpoints(&ports);
            let new = encodings.encode(&value);
            match new.difference(&sent) {
                Some(difference) => {
                    let applied = state.apply(id, (*difference).clone());
                    prop_assert_eq!(applied, Ok(true));
                }
                None => {
                    prop_assert_eq!(state.replace(id, full(&encodings, &value)), Ok(true));
                }
            }
            let last = kept.0.lock().unwrap().last().cloned();
            prop_assert_eq!(last, Some(value));
            sent = new;
        }
    }
}

#[test]
fn a_new_stream_is_told_everything_and_what_is_here() {
    let encodings = Encodings::default();
    let mut state = State::default();
    let (_, sink) = kept();
    let (id, _) = state.subscribe(&key(), &Token::from("t"), &sink);
    let (other, other_sink) = state.subscribe(&Key::Mesh, &Token::default(), &sink);
    let stream = state.begin();
    assert_eq!(told(&mut state, stream).len(), 2);
    let value = full(&encodings, &endpoints(&BTreeMap::from([(1, 80)])));
    let hash = value.hash.clone();
    state.replace(id, value).unwrap();
    state.unsubscribe(other, other_sink);
    let next = state.begin();
    let cx = Context::from_waker(Waker::noop());
    assert_eq!(state.next(stream, &cx), Err(()), "the old one is over");
    let expected = asked::Message::Subscribe(asked::Subscribe {
        id,
        key: Some(key_message(&key())),
        token: "t".into(),
        hash,
    });
    assert_eq!(told(&mut state, next), [expected]);
}

#[test]
fn what_a_stream_never_heard_of_is_not_taken_back() {
    let mut state = State::default();
    let (_, sink) = kept();
    let stream = state.begin();
    let (id, first) = state.subscribe(&Key::Mesh, &Token::default(), &sink);
    let (same, second) = state.subscribe(&Key::Mesh, &Token::default(), &sink);
    assert_eq!(id, same);
    state.unsubscribe(id, first);
    state.unsubscribe(id, second);
    assert!(state.is_empty());
    assert_eq!(told(&mut state, stream), []);
    let (id, sink_id) = state.subscribe(&Key::Mesh, &Token::default(), &sink);
    told(&mut state, stream);
    state.unsubscribe(id, sink_id);
    let gone = asked::Message::Unsubscribe(asked::Unsubscribe { id });
    assert_eq!(told(&mut state, stream), [gone]);
}

#[test]
fn a_value_that_cannot_be_used_leaves_the_last_one() {
    let encodings = Encodings::default();
    let mut state = State::default();
    let (kept, sink) = kept();
    let (id, _) = state.subscribe(&key(), &Token::default(), &sink);
    let value = endpoints(&BTreeMap::from([(1, 80)]));
    state.replace(id, full(&encodings, &value)).unwrap();
    let garbage = Full {
        hash: Bytes::from_static(b"h"),
        value: Bytes::from_static(&[0xff; 9]),
    };
    assert!(state.replace(id, garbage).is_err());
    let other = full(&encodings, &Value::Mesh(Arc::default()));
    assert!(state.replace(id, other).is_err(), "of another kind");
    let difference = Difference {
        base: Bytes::from_static(b"another"),
        ..Difference::default()
    };
    assert_eq!(state.apply(id, difference), Ok(false));
    assert_eq!(state.apply(99, Difference::default()), Ok(true));
    let (late, late_sink) = self::kept();
    state.subscribe(&key(), &Token::default(), &late_sink);
    assert_eq!(*late.0.lock().unwrap(), *kept.0.lock().unwrap());
    assert_eq!(*late.0.lock().unwrap(), [value]);
}

#[test]
fn an_equal_value_in_other_words_wakes_nobody() {
    let encodings = Encodings::default();
    let mut state = State::default();
    let (kept, sink) = kept();
    let (id, _) = state.subscribe(&key(), &Token::default(), &sink);
    let value = endpoints(&BTreeMap::from([(1, 80)]));
    let first = full(&encodings, &value);
    state.replace(id, first.clone()).unwrap();
    let again = Full {
        hash: Bytes::from_static(b"of another version"),
        ..first
    };
    state.replace(id, again).unwrap();
    assert_eq!(kept.0.lock().unwrap().len(), 1);
}
