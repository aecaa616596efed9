//! A stream of derived values, message by message, as any client would speak.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Streaming};
use tribune_derived::{Key, Roots, Value};
use tribune_proto::rpc::v1::servers_client::ServersClient;
use tribune_proto::rpc::v1::watch_request::{Hello, Message, Subscribe, Unsubscribe};
use tribune_proto::rpc::v1::watch_response::{Change, Full};
use tribune_proto::rpc::v1::{Key as KeyMessage, Unit, WatchRequest, WatchResponse, key};
use tribune_rpc::Limits;
use tribune_rpc::tls::Tls;

use crate::world::{Fake, Running};

struct Stream {
    requests: mpsc::UnboundedSender<WatchRequest>,
    responses: Streaming<WatchResponse>,
    _channel: Channel,
}

impl Stream {
    /// Says nothing yet.
    async fn open(server: &Running) -> Self {
        let endpoint = Endpoint::from_shared(format!("http://{}", server.address)).unwrap();
        let channel = endpoint.connect().await.unwrap();
        let (requests, receiver) = mpsc::unbounded_channel();
        let mut request = Request::new(UnboundedReceiverStream::new(receiver));
        let version = "1.0".parse().unwrap();
        request
            .metadata_mut()
            .insert("tribune-rpc-version", version);
        let responses = ServersClient::new(channel.clone()).watch(request).await;
        Self {
            requests,
            responses: responses.unwrap().into_inner(),
            _channel: channel,
        }
    }

    fn say(&self, message: Message) {
        let message = Some(message);
        self.requests.send(WatchRequest { message }).unwrap();
    }

    async fn greeted(server: &Running) -> Self {
        let stream = Self::open(server).await;
        stream.say(Message::Hello(Hello::default()));
        stream
    }

    fn subscribe(&self, id: u64, hash: &Bytes) {
        let roots = key::Key::Roots(Unit {});
        self.say(Message::Subscribe(Subscribe {
            id,
            key: Some(KeyMessage { key: Some(roots) }),
            token: String::new(),
            hash: hash.clone(),
        }));
    }

    async fn change(&mut self) -> Change {
        self.responses
            .message()
            .await
            .unwrap()
            .unwrap()
            .change
            .unwrap()
    }

    async fn full(&mut self) -> Full {
        match self.change().await {
            Change::Full(full) => full,
            other => panic!("{other:?}"),
        }
    }

    async fn refusal(&mut self) -> Code {
        loop {
            match self.responses.message().await {
                Ok(Some(_)) => {}
                Ok(None) => return Code::Ok,
                Err(status) => return status.code(),
            }
        }
    }
}

fn roots(id: usize, size: usize) -> Value {
    Value::Roots(Some(Arc::new(Roots {
        trust_domain: "t".into(),
        active_root_id: id.to_string(),
        bundle: "x".repeat(size).into(),
    })))
}

#[tokio::test]
async fn what_is_equal_costs_a_line_on_whichever_server() {
    let mut hash = Bytes::new();
    for (size, equal) in [(5_000, false), (5_000, true), (5_001, false)] {
        let (fake, _waits) = Fake::new("any");
        fake.registry.set(&Key::Roots, &roots(1, size));
        let server = Running::start(&fake, &Tls::plaintext()).await;
        let mut stream = Stream::greeted(&server).await;
        stream.subscribe(1, &hash);
        if equal {
            assert!(matches!(stream.change().await, Change::Unchanged(_)));
        } else {
            let full = stream.full().await;
            assert!(full.value.len() >= size);
            hash = full.hash;
        }
    }
}

#[tokio::test]
async fn who_does_not_read_is_not_sent_everything() {
    const CHANGES: usize = 300;
    let (fake, _waits) = Fake::new("one");
    let server = Running::start(&fake, &Tls::plaintext()).await;
    let mut stream = Stream::greeted(&server).await;
    fake.registry.set(&Key::Roots, &roots(0, 100_000));
    stream.subscribe(1, &Bytes::new());
    let first = stream.full().await;
    for i in 1..=CHANGES {
        fake.registry.set(&Key::Roots, &roots(i, 100_000));
        // the server gets to send whatever it can
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }
    fake.registry.set(&Key::Roots, &roots(0, 100_000));
    let mut taken = 1;
    while stream.full().await.hash != first.hash {
        taken += 1;
    }
    assert!(
        taken < CHANGES / 2,
        "{taken} values of {CHANGES} were kept for it"
    );
}

#[tokio::test]
async fn a_stream_that_breaks_the_rules_ends() {
    let (fake, _waits) = Fake::new("one");
    let limits = Limits {
        subscriptions: 2,
        ..Limits::default()
    };
    let server = Running::with(&fake, &Tls::plaintext(), limits).await;
    let none = Bytes::new();

    let mut stream = Stream::open(&server).await;
    stream.subscribe(1, &none);
    assert_eq!(stream.refusal().await, Code::InvalidArgument, "no hello");

    let mut stream = Stream::greeted(&server).await;
    stream.say(Message::Hello(Hello::default()));
    assert_eq!(
        stream.refusal().await,
        Code::InvalidArgument,
        "another hello"
    );

    let mut stream = Stream::greeted(&server).await;
    stream.subscribe(1, &none);
    stream.subscribe(1, &none);
    assert_eq!(
        stream.refusal().await,
        Code::InvalidArgument,
        "the same again"
    );

    let mut stream = Stream::greeted(&server).await;
    for id in 1..5 {
        stream.subscribe(id, &none);
        stream.say(Message::Unsubscribe(Unsubscribe { id }));
    }
    for id in 5..8 {
        stream.subscribe(id, &none);
    }
    assert_eq!(stream.refusal().await, Code::ResourceExhausted, "too many");

    let mut stream = Stream::greeted(&server).await;
    stream.say(Message::Subscribe(Subscribe::default()));
    assert_eq!(stream.refusal().await, Code::InvalidArgument, "no key");

    let mut stream = Stream::greeted(&server).await;
    server.stop().await;
    assert_eq!(
        stream.refusal().await,
        Code::Unavailable,
        "the server stops"
    );
}
