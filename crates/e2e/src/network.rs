//! The network between the agents of a cluster, which can be cut.
//!
//! Each agent has two loopback addresses: it listens on the real one and tells others the public one, where a relay
//! takes connections and datagrams and carries them on. Connections say by their source who opens them.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU8, Ordering};

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::runtime::{block_on, runtime};

/// Port of the servers' calls.
pub const SERVER: u16 = 8300;
/// Port of gossip.
pub const GOSSIP: u16 = 8301;

/// Directions in which nothing passes, each by the hosts that it leads from and to.
type Cuts = BTreeSet<(u8, u8)>;

/// The hosts of one cluster and the relays between them, which end when it is dropped.
#[derive(Debug)]
pub struct Network {
    /// The second byte of every address, so that networks of several processes do not meet.
    id: u8,
    cuts: watch::Sender<Cuts>,
    relays: Vec<JoinHandle<()>>,
}

// === impl Network ===

impl Network {
    /// A whole network of hosts `1..=hosts`.
    ///
    /// # Errors
    /// When no relays can listen.
    pub fn start(hosts: u8) -> Result<Self> {
        // Where another process's network has these addresses, the next one's may be free.
        static NEXT: AtomicU8 = AtomicU8::new(0);
        let mut tries = 0;
        loop {
            let step = u32::from(NEXT.fetch_add(1, Ordering::Relaxed));
            let id = ((std::process::id() + step) % 250 + 1) as u8;
            let started = Self::start_as(id, hosts);
            tries += 1;
            if started.is_ok() || tries == 10 {
                return started;
            }
        }
    }

    fn start_as(id: u8, hosts: u8) -> Result<Self> {
        let mut network = Self {
            id,
            cuts: watch::Sender::new(Cuts::new()),
            relays: Vec::new(),
        };
        for host in 1..=hosts {
            for port in [SERVER, GOSSIP] {
                network.relay_streams(host, port)?;
            }
            network.relay_datagrams(host)?;
        }
        Ok(network)
    }

    /// Where a host listens.
    pub fn real(&self, host: u8) -> IpAddr {
        address(self.id, Side::Real, host)
    }

    /// Where others reach it.
    pub fn public(&self, host: u8) -> IpAddr {
        address(self.id, Side::Public, host)
    }

    /// From now on nothing passes between a host and the others.
    pub fn isolate(&self, host: u8) {
        self.cuts.send_modify(|cuts| {
            let others = (0..=u8::MAX).filter(|other| *other != host);
            cuts.extend(others.flat_map(|other| [(host, other), (other, host)]));
        });
    }

    /// From now on nothing passes from one host to another; the other way is left as it is.
    pub fn cut(&self, from: u8, to: u8) {
        self.cuts.send_modify(|cuts| {
            cuts.insert((from, to));
        });
    }

    /// From now on everything passes, what was held back included.
    pub fn heal(&self) {
        self.cuts.send_replace(Cuts::new());
    }

    fn relay_streams(&mut self, host: u8, port: u16) -> Result<()> {
        let public = SocketAddr::new(self.public(host), port);
        let target = SocketAddr::new(self.real(host), port);
        let listener = block_on(async { Ok(TcpListener::bind(public).await?) })
            .with_context(|| format!("the relay on {public}"))?;
        let cuts = self.cuts.subscribe();
        self.relays.push(runtime().spawn(async move {
            while let Ok((stream, from)) = listener.accept().await {
                let there = Way::new(host_of(from.ip()), host, &cuts);
                let back = Way::new(host, host_of(from.ip()), &cuts);
                tokio::spawn(carry(stream, target, there, back));
            }
        }));
        Ok(())
    }

    fn relay_datagrams(&mut self, host: u8) -> Result<()> {
        let public = SocketAddr::new(self.public(host), GOSSIP);
        let target = SocketAddr::new(self.real(host), GOSSIP);
        let socket = block_on(async { Ok(UdpSocket::bind(public).await?) })
            .with_context(|| format!("the relay on {public}"))?;
        let cuts = self.cuts.subscribe();
        self.relays.push(runtime().spawn(async move {
            let mut datagram = vec![0; usize::from(u16::MAX)];
            loop {
                // an error is a datagram that a host which is down did not take
                let Ok((length, from)) = socket.recv_from(&mut datagram).await else {
                    continue;
                };
                let lost = cuts.borrow().contains(&(host_of(from.ip()), host));
                if !lost && let Some(datagram) = datagram.get(..length) {
                    let _ = socket.send_to(datagram, target).await;
                }
            }
        }));
        Ok(())
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.relays.iter().for_each(JoinHandle::abort);
    }
}

#[derive(Clone, Copy)]
enum Side {
    Real = 1,
    Public = 2,
}

const fn address(network: u8, side: Side, host: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(127, network, side as u8, host))
}

/// The host that has an address; 0 for whoever is none of them.
const fn host_of(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(address) => match address.octets() {
            [127, _, 1 | 2, host] => host,
            _ => 0,
        },
        IpAddr::V6(_) => 0,
    }
}

/// One direction between two hosts.
#[derive(Clone)]
struct Way {
    from: u8,
    to: u8,
    cuts: watch::Receiver<Cuts>,
}

impl Way {
    fn new(from: u8, to: u8, cuts: &watch::Receiver<Cuts>) -> Self {
        let cuts = cuts.clone();
        Self { from, to, cuts }
    }

    /// Waits until something can pass.
    async fn open(&mut self) -> Result<()> {
        let way = (self.from, self.to);
        self.cuts.wait_for(|cuts| !cuts.contains(&way)).await?;
        Ok(())
    }
}

/// Carries a connection on; what cannot pass waits, as it does in a network that loses packets.
async fn carry(mut stream: TcpStream, target: SocketAddr, mut there: Way, back: Way) -> Result<()> {
    there.open().await?;
    let mut onward = TcpStream::connect(target).await?;
    stream.set_nodelay(true)?;
    onward.set_nodelay(true)?;
    let (near_read, near_write) = stream.split();
    let (far_read, far_write) = onward.split();
    tokio::try_join!(
        copy(near_read, far_write, there),
        copy(far_read, near_write, back)
    )?;
    Ok(())
}

async fn copy(
    mut from: tokio::net::tcp::ReadHalf<'_>,
    mut to: tokio::net::tcp::WriteHalf<'_>,
    mut way: Way,
) -> Result<()> {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let length = from.read(&mut buffer).await?;
        way.open().await?;
        if length == 0 {
            return Ok(to.shutdown().await?);
        }
        to.write_all(buffer.get(..length).unwrap_or_default())
            .await?;
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net;
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_is_cut_arrives_when_the_network_is_whole_again() -> Result<()> {
        let network = Network::start(2)?;
        let listener = net::TcpListener::bind((network.real(2), SERVER))?;
        let mut client = net::TcpStream::connect((network.public(2), SERVER))?;
        let (mut server, _) = listener.accept()?;
        let mut byte = [0; 1];
        client.write_all(b"a")?;
        server.read_exact(&mut byte)?;
        network.isolate(2);
        client.write_all(b"b")?;
        server.set_read_timeout(Some(Duration::from_millis(50)))?;
        assert!(server.read_exact(&mut byte).is_err(), "it passed");
        network.heal();
        server.set_read_timeout(None)?;
        server.read_exact(&mut byte)?;
        assert_eq!(byte, *b"b");
        Ok(())
    }

    #[test]
    fn one_direction_is_cut_alone() -> Result<()> {
        let network = Network::start(3)?;
        let here = net::UdpSocket::bind((network.real(1), GOSSIP))?;
        let there = net::UdpSocket::bind((network.real(3), GOSSIP))?;
        there.set_read_timeout(Some(Duration::from_millis(50)))?;
        here.set_read_timeout(Some(Duration::from_secs(10)))?;
        network.cut(1, 3);
        here.send_to(b"lost", (network.public(3), GOSSIP))?;
        there.send_to(b"kept", (network.public(1), GOSSIP))?;
        let mut datagram = [0; 4];
        here.recv(&mut datagram)?;
        assert_eq!(datagram, *b"kept");
        assert!(there.recv(&mut datagram).is_err(), "it passed");
        Ok(())
    }
}
