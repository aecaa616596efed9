//! Servers with a backend that does what a test wants.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tribune_derived::{Key, Sink, Source, Subscription, Value};
use tribune_rpc::tls::Tls;
use tribune_rpc::{
    AgentIdentity, AutoEncryptRequest, Backend, Call, Certificate, Chunks, Client, ClientSettings,
    Failure, Limits, Peer, Pending, ProxyReport, Reply, Server, SignRequest, Snapshot, serve,
};
use tribune_runtime::{Listener, Shutdown, Tasks};
use tribune_types::Token;
use tribune_types::call::{Answer, CallError, Options, Query, Request};

/// How many connections one client can have.
pub(crate) const CONNECTIONS: usize = 16;

/// Values that a test sets.
#[derive(Default)]
pub(crate) struct Registry {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    values: HashMap<Key, Value>,
    sinks: HashMap<u64, (Key, Token, Arc<dyn Sink>)>,
    last: u64,
}

impl Registry {
    pub(crate) fn set(&self, key: &Key, value: &Value) {
        let mut inner = self.inner.lock().unwrap();
        inner.values.insert(key.clone(), value.clone());
        for (of, _, sink) in inner.sinks.values() {
            if of == key {
                sink.deliver(key, value);
            }
        }
    }

    pub(crate) fn subscriptions(&self) -> Vec<(Key, Token)> {
        let inner = self.inner.lock().unwrap();
        let subscriptions = inner.sinks.values();
        subscriptions
            .map(|(key, token, _)| (key.clone(), token.clone()))
            .collect()
    }
}

struct Registered(Arc<Registry>);

impl Source for Registered {
    fn subscribe(&self, key: &Key, token: &Token, sink: &Arc<dyn Sink>) -> Subscription {
        struct Guard(Arc<Registry>, u64);
        impl Drop for Guard {
            fn drop(&mut self) {
                let gone = self.0.inner.lock().unwrap().sinks.remove(&self.1);
                drop(gone);
            }
        }
        let mut inner = self.0.inner.lock().unwrap();
        inner.last += 1;
        let id = inner.last;
        let sink = sink.clone();
        if let Some(value) = inner.values.get(key) {
            sink.deliver(key, value);
        }
        inner.sinks.insert(id, (key.clone(), token.clone(), sink));
        Subscription::new(Guard(self.0.clone(), id))
    }
}

/// What a server was asked and what it answers.
pub(crate) struct Fake {
    pub(crate) name: &'static str,
    pub(crate) registry: Arc<Registry>,
    pub(crate) calls: AtomicUsize,
    /// How many calls find no leader.
    pub(crate) leaderless: AtomicUsize,
    pub(crate) restored: Mutex<Vec<u8>>,
    /// Told when a call that waits begins and ends.
    pub(crate) waits: mpsc::UnboundedSender<&'static str>,
    pub(crate) peers: Mutex<Vec<Peer>>,
    pub(crate) reports: Mutex<Vec<ProxyReport>>,
}

pub(crate) type Waits = mpsc::UnboundedReceiver<&'static str>;

impl Fake {
    pub(crate) fn new(name: &'static str) -> (Arc<Self>, Waits) {
        let (waits, waited) = mpsc::unbounded_channel();
        let fake = Self {
            name,
            registry: Arc::default(),
            calls: AtomicUsize::new(0),
            leaderless: AtomicUsize::new(0),
            restored: Mutex::default(),
            waits,
            peers: Mutex::default(),
            reports: Mutex::default(),
        };
        (Arc::new(fake), waited)
    }

    async fn answer(&self, call: Call) -> Result<Reply, Failure> {
        let Call {
            request,
            options,
            forwarded,
        } = call;
        self.calls.fetch_add(1, Ordering::SeqCst);
        let less = |left: usize| left.checked_sub(1);
        let leaderless = self
            .leaderless
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, less);
        if leaderless.is_ok() {
            return Err(Failure::unavailable("No cluster leader"));
        }
        if options.min_index > 0 {
            struct Ended(mpsc::UnboundedSender<&'static str>);
            impl Drop for Ended {
                fn drop(&mut self) {
                    self.0.send("ended").ok();
                }
            }
            let _ended = Ended(self.waits.clone());
            self.waits.send("begun").unwrap();
            std::future::pending::<()>().await;
        }
        match request {
            Request::Query(Query::Datacenters) => {
                Err(CallError::Denied("the token may not".into()).into())
            }
            request => Ok(Reply {
                answer: Answer {
                    index: Some(7),
                    filtered_by_acls: true,
                    ..Answer::json(&format!("{}: {request:?}", self.name))
                },
                known_leader: !forwarded,
                last_contact_millis: 12,
            }),
        }
    }
}

impl Backend for Fake {
    fn call<'a>(&'a self, peer: &'a Peer, call: Call) -> Pending<'a, Reply> {
        self.peers.lock().unwrap().push(peer.clone());
        self.answer(call).boxed()
    }

    fn source(&self, _peer: &Peer) -> Arc<dyn Source> {
        Arc::new(Registered(self.registry.clone()))
    }

    fn raft<'a>(&'a self, _peer: &'a Peer, message: Bytes) -> Pending<'a, Bytes> {
        async move { Ok([b"re: ", &*message].concat().into()) }.boxed()
    }

    fn sign<'a>(&'a self, _peer: &'a Peer, request: SignRequest) -> Pending<'a, Certificate> {
        async move {
            Ok(Certificate {
                chain_pem: format!("{} for {}", request.csr, request.service),
                not_after: -1,
                ..Certificate::default()
            })
        }
        .boxed()
    }

    fn auto_encrypt<'a>(
        &'a self,
        _peer: &'a Peer,
        request: AutoEncryptRequest,
    ) -> Pending<'a, AgentIdentity> {
        async move {
            if request.datacenter != "dc1" {
                return Err(CallError::Refused("mismatched datacenter".into()).into());
            }
            Ok(AgentIdentity {
                connect_roots: format!("roots for {}", request.node),
                verify_server_hostname: true,
                ..AgentIdentity::default()
            })
        }
        .boxed()
    }

    fn report<'a>(
        &'a self,
        _peer: &'a Peer,
        _token: Token,
        report: ProxyReport,
    ) -> Pending<'a, ()> {
        self.reports.lock().unwrap().push(report);
        async { Ok(()) }.boxed()
    }

    fn proxy_reports<'a>(
        &'a self,
        _peer: &'a Peer,
        _token: Token,
    ) -> Pending<'a, Vec<ProxyReport>> {
        let reports = self.reports.lock().unwrap().clone();
        async { Ok(reports) }.boxed()
    }

    fn snapshot_save<'a>(
        &'a self,
        _peer: &'a Peer,
        _token: Token,
        stale: bool,
    ) -> Pending<'a, Snapshot> {
        let chunks = (0_u8..9).map(|i| Ok(Bytes::from(vec![i; 100_000 * usize::from(i)])));
        let failed = stale.then(|| Err(CallError::Unavailable("the disk broke".into()).into()));
        let chunks = chunks.chain(failed).collect::<Vec<_>>();
        async {
            Ok(Snapshot {
                index: 42,
                chunks: futures_util::stream::iter(chunks).boxed(),
            })
        }
        .boxed()
    }

    fn snapshot_restore<'a>(
        &'a self,
        _peer: &'a Peer,
        _token: Token,
        mut chunks: Chunks,
    ) -> Pending<'a, ()> {
        async move {
            let mut all = Vec::new();
            while let Some(chunk) = chunks.next().await {
                all.extend_from_slice(&chunk?);
            }
            *self.restored.lock().unwrap() = all;
            Ok(())
        }
        .boxed()
    }
}

/// A server that runs until it is dropped or stopped.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    shutdown: Shutdown,
    task: JoinHandle<()>,
}

impl Running {
    pub(crate) async fn start(backend: &Arc<Fake>, tls: &Tls) -> Self {
        Self::with(backend, tls, Limits::default()).await
    }

    pub(crate) async fn with(backend: &Arc<Fake>, tls: &Tls, limits: Limits) -> Self {
        let listening = tribune_runtime::Limits {
            connections_per_client: CONNECTIONS,
            ..tribune_runtime::Limits::default()
        };
        let listener = Listener::bind("127.0.0.1:0", listening).await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = Shutdown::new();
        let served = serve(
            vec![listener],
            backend.clone(),
            tls.clone(),
            limits,
            shutdown.clone(),
        );
        Self {
            address,
            shutdown,
            task: tokio::spawn(served),
        }
    }

    pub(crate) async fn stop(self) {
        self.shutdown.begin();
        self.task.await.unwrap();
    }

    pub(crate) fn as_server(&self) -> Server {
        Server {
            name: "server".into(),
            datacenter: "dc1".into(),
            address: self.address.to_string(),
            id: String::new(),
        }
    }
}

pub(crate) fn settings() -> ClientSettings {
    ClientSettings {
        node: "node".into(),
        datacenter: "dc1".into(),
        ..ClientSettings::default()
    }
}

/// A client of some servers, and what ends its tasks.
pub(crate) fn client_with(settings: ClientSettings, servers: &[&Running], tls: &Tls) -> Client {
    let tasks = Tasks::new(Shutdown::new());
    let client = Client::new(settings, tls.clone(), &tasks);
    client.set_servers(servers.iter().map(|server| server.as_server()).collect());
    client
}

pub(crate) fn client(servers: &[&Running], tls: &Tls) -> Client {
    client_with(settings(), servers, tls)
}

/// A client that gives up at once.
pub(crate) fn hasty(servers: &[&Running], tls: &Tls) -> Client {
    let settings = ClientSettings {
        hold: Duration::ZERO,
        ..settings()
    };
    client_with(settings, servers, tls)
}

pub(crate) async fn ask(client: &Client, query: Query) -> Result<Reply, CallError> {
    client
        .call(&Request::Query(query), &Options::default())
        .await
}

/// Hands values to a test.
struct Taker(mpsc::UnboundedSender<Value>);

/// A sink, and what it takes.
pub(crate) fn taker() -> (Arc<dyn Sink>, mpsc::UnboundedReceiver<Value>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (Arc::new(Taker(sender)), receiver)
}

impl Sink for Taker {
    fn deliver(&self, _key: &Key, value: &Value) {
        self.0.send(value.clone()).ok();
    }
}
