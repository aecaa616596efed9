//! A network in memory, on paused time: members as they are, without sockets.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::{Mutex as AsyncMutex, mpsc};
use tribune_runtime::{Shutdown, Tasks};
use uuid::Uuid;

use crate::keyring::tests::key;
use crate::transport::{Incoming, Pending, Stream, Transport};
use crate::*;

/// All that is between the members.
#[derive(Clone)]
pub(super) struct Net(Arc<Mutex<State>>);

struct State {
    datagrams: BTreeMap<SocketAddr, mpsc::UnboundedSender<(SocketAddr, Vec<u8>)>>,
    streams: BTreeMap<SocketAddr, mpsc::UnboundedSender<Incoming>>,
    /// On which side of a partition an address is; all are on side 0 at first.
    sides: BTreeMap<SocketAddr, u8>,
    latency: Duration,
    /// One datagram in so many is lost.
    loss: Option<u32>,
    random: SmallRng,
    pub(super) seen: Vec<Vec<u8>>,
}

/// One member's end of it.
struct End {
    net: Net,
    address: SocketAddr,
    datagrams: AsyncMutex<mpsc::UnboundedReceiver<(SocketAddr, Vec<u8>)>>,
    streams: AsyncMutex<mpsc::UnboundedReceiver<Incoming>>,
}

/// A member that runs.
pub(super) struct Node {
    pub(super) membership: Membership,
    pub(super) tasks: Tasks,
    pub(super) address: SocketAddr,
    net: Net,
}

// === impl Net ===

impl Net {
    pub(super) fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            datagrams: BTreeMap::new(),
            streams: BTreeMap::new(),
            sides: BTreeMap::new(),
            latency: Duration::from_millis(1),
            loss: None,
            random: SmallRng::seed_from_u64(seed),
            seen: Vec::new(),
        })))
    }

    pub(super) fn set_latency(&self, latency: Duration) {
        self.0.lock().unwrap().latency = latency;
    }

    pub(super) fn set_loss(&self, one_in: u32) {
        self.0.lock().unwrap().loss = Some(one_in);
    }

    /// Puts members on a side of their own; nothing crosses.
    pub(super) fn part(&self, nodes: &[&Node], side: u8) {
        let mut state = self.0.lock().unwrap();
        for node in nodes {
            state.sides.insert(node.address, side);
        }
    }

    pub(super) fn heal(&self) {
        self.0.lock().unwrap().sides.clear();
    }

    /// Everything that went over the network.
    pub(super) fn seen(&self) -> Vec<Vec<u8>> {
        self.0.lock().unwrap().seen.clone()
    }

    /// Puts a datagram on the network as if it came from `from`.
    pub(super) fn inject(&self, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        let state = self.0.lock().unwrap();
        state.datagrams[&to].send((from, bytes.to_vec())).unwrap();
    }

    /// Starts the member with this number, which is the last part of its address.
    pub(super) fn start(&self, number: u8, change: impl FnOnce(&mut Settings)) -> Node {
        let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, number)), 8301);
        let mut settings = settings(number, address);
        change(&mut settings);
        self.start_with(address, settings)
    }

    pub(super) fn start_with(&self, address: SocketAddr, settings: Settings) -> Node {
        let tasks = Tasks::new(Shutdown::new());
        let (datagrams_in, datagrams) = mpsc::unbounded_channel();
        let (streams_in, streams) = mpsc::unbounded_channel();
        {
            let mut state = self.0.lock().unwrap();
            state.datagrams.insert(address, datagrams_in);
            state.streams.insert(address, streams_in);
        }
        let end = End {
            net: self.clone(),
            address,
            datagrams: AsyncMutex::new(datagrams),
            streams: AsyncMutex::new(streams),
        };
        // every process starts later than the one before it
        let wall =
            Duration::from_secs(1_700_000_000) + tokio::time::Instant::now().elapsed() + epoch();
        let started = Membership::start_over(settings, &tasks, (Box::new(end), address), wall);
        Node {
            membership: started.unwrap(),
            tasks,
            address,
            net: self.clone(),
        }
    }

    fn connects(&self, from: SocketAddr, to: SocketAddr) -> bool {
        let state = self.0.lock().unwrap();
        let side = |address| state.sides.get(&address).copied().unwrap_or_default();
        side(from) == side(to)
    }
}

/// How much time has passed in this test.
fn epoch() -> Duration {
    thread_local! {
        static FIRST: std::cell::OnceCell<tokio::time::Instant> = const { std::cell::OnceCell::new() };
    }
    FIRST.with(|first| first.get_or_init(tokio::time::Instant::now).elapsed())
}

pub(super) fn id(number: u8) -> Uuid {
    Uuid::from_bytes([number; 16])
}

pub(super) fn settings(number: u8, address: SocketAddr) -> Settings {
    Settings {
        name: format!("node-{number}"),
        id: id(number),
        datacenter: "dc1".to_owned(),
        bind: address,
        advertise: None,
        tags: Tags::from([("role".to_owned(), format!("role-{number}"))]),
        encryption: encryption(&[1]),
        timing: Timing::lan(),
        limits: Limits::default(),
        allowed_networks: vec![],
        seed: number.into(),
    }
}

pub(super) fn encryption(keys: &[u8]) -> Encryption {
    Encryption {
        keyring: KeyringFile::in_memory(Keyring::of(keys.iter().map(|byte| key(*byte)))),
        verify_incoming: true,
        verify_outgoing: true,
    }
}

// === impl Node ===

impl Node {
    pub(super) async fn join(&self, other: &Self) -> Result<usize, JoinError> {
        self.membership.join(&[other.address.to_string()]).await
    }

    /// How this member sees the one with that number.
    pub(super) fn sees(&self, number: u8) -> Option<Status> {
        self.see(&format!("node-{number}"))
            .map(|member| member.status)
    }

    pub(super) fn see(&self, name: &str) -> Option<Member> {
        self.membership
            .members()
            .into_iter()
            .find(|member| member.name == name)
    }

    /// Ends the process without a word.
    pub(super) async fn kill(self) -> SocketAddr {
        {
            let mut state = self.net.0.lock().unwrap();
            state.datagrams.remove(&self.address);
            state.streams.remove(&self.address);
        }
        self.tasks.end(Duration::from_secs(1)).await.unwrap();
        self.address
    }
}

/// Waits for a condition, for an hour of paused time at most.
pub(super) async fn until(what: &str, condition: impl Fn() -> bool) -> Duration {
    let begun = tokio::time::Instant::now();
    while !condition() {
        assert!(begun.elapsed() < Duration::from_secs(3600), "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    begun.elapsed()
}

/// Lets time pass.
pub(super) async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

/// Starts members that all know each other.
pub(super) async fn cluster(net: &Net, count: u8) -> Vec<Node> {
    let nodes: Vec<Node> = (1..=count)
        .map(|number| net.start(number, |_| {}))
        .collect();
    for node in &nodes[1..] {
        assert_eq!(node.join(&nodes[0]).await, Ok(1));
    }
    until("all know all", || {
        nodes
            .iter()
            .all(|node| (1..=count).all(|other| node.sees(other) == Some(Status::Alive)))
    })
    .await;
    nodes
}

// === impl End ===

impl Transport for End {
    fn send<'a>(&'a self, to: SocketAddr, datagram: &'a [u8]) -> Pending<'a, io::Result<()>> {
        Box::pin(async move {
            let (inbox, latency) = {
                let mut state = self.net.0.lock().unwrap();
                state.seen.push(datagram.to_vec());
                let loss = state.loss;
                if loss.is_some_and(|one_in| state.random.random_range(0..one_in) == 0) {
                    return Ok(());
                }
                (state.datagrams.get(&to).cloned(), state.latency)
            };
            if let Some(inbox) = inbox
                && self.net.connects(self.address, to)
            {
                let (from, datagram) = (self.address, datagram.to_vec());
                tokio::spawn(async move {
                    tokio::time::sleep(latency).await;
                    // the member may have ended
                    let _: Result<(), _> = inbox.send((from, datagram));
                });
            }
            Ok(())
        })
    }

    fn receive<'a>(&'a self, buffer: &'a mut [u8]) -> Pending<'a, io::Result<(usize, SocketAddr)>> {
        Box::pin(async move {
            match self.datagrams.lock().await.recv().await {
                Some((from, datagram)) => {
                    buffer[..datagram.len()].copy_from_slice(&datagram);
                    Ok((datagram.len(), from))
                }
                None => std::future::pending().await,
            }
        })
    }

    fn accept(&self) -> Pending<'_, Incoming> {
        Box::pin(async move {
            match self.streams.lock().await.recv().await {
                Some(incoming) => incoming,
                None => std::future::pending().await,
            }
        })
    }

    fn connect(&self, to: SocketAddr) -> Pending<'_, io::Result<Box<dyn Stream>>> {
        Box::pin(async move {
            if !self.net.connects(self.address, to) {
                return std::future::pending().await;
            }
            let acceptor = self.net.0.lock().unwrap().streams.get(&to).cloned();
            let acceptor = acceptor.ok_or(io::ErrorKind::ConnectionRefused)?;
            let (here, there) = tokio::io::duplex(64 << 10);
            let incoming = Incoming {
                stream: Box::new(there),
                from: self.address,
                permit: None,
            };
            acceptor
                .send(incoming)
                .map_err(|_| io::ErrorKind::ConnectionRefused)?;
            Ok(Box::new(here) as Box<dyn Stream>)
        })
    }

    fn resolve<'a>(&'a self, host: &'a str, port: u16) -> Pending<'a, io::Result<Vec<SocketAddr>>> {
        Box::pin(async move {
            let ip: IpAddr = host.parse().map_err(|_| io::Error::other("no such host"))?;
            Ok(vec![SocketAddr::new(ip, port)])
        })
    }
}
