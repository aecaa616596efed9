//! How bytes reach other members.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UdpSocket};
use tribune_runtime::{Limits, Listener, Permit};

/// What an operation on the network comes to.
pub(crate) type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A connection.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection that somebody else began.
pub(crate) struct Incoming {
    pub(crate) stream: Box<dyn Stream>,
    pub(crate) from: SocketAddr,
    /// Counts as one while it is open.
    pub(crate) permit: Option<Permit>,
}

impl std::fmt::Debug for Incoming {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Incoming")
            .field("from", &self.from)
            .finish_non_exhaustive()
    }
}

/// Datagrams and streams.
pub(crate) trait Transport: Send + Sync + 'static {
    /// Sends a datagram.
    fn send<'a>(&'a self, to: SocketAddr, datagram: &'a [u8]) -> Pending<'a, io::Result<()>>;

    /// Waits for a datagram.
    fn receive<'a>(&'a self, buffer: &'a mut [u8]) -> Pending<'a, io::Result<(usize, SocketAddr)>>;

    /// Waits for a connection.
    fn accept(&self) -> Pending<'_, Incoming>;

    /// Connects.
    fn connect(&self, to: SocketAddr) -> Pending<'_, io::Result<Box<dyn Stream>>>;

    /// The addresses of a host.
    fn resolve<'a>(&'a self, host: &'a str, port: u16) -> Pending<'a, io::Result<Vec<SocketAddr>>>;
}

/// UDP and TCP on one port.
#[derive(Debug)]
pub(crate) struct Network {
    udp: UdpSocket,
    tcp: Listener,
}

/// How often a port is looked for that is free on both.
const ATTEMPTS: usize = 16;

// === impl Network ===

impl Network {
    /// Listens on an address. Port 0 takes one that is free on both UDP and TCP.
    pub(crate) async fn bind(address: SocketAddr, limits: Limits) -> io::Result<Self> {
        let mut attempt = 1;
        loop {
            let tcp = Listener::bind(address, limits).await?;
            match UdpSocket::bind(tcp.local_addr()?).await {
                Ok(udp) => return Ok(Self { udp, tcp }),
                Err(_) if address.port() == 0 && attempt < ATTEMPTS => attempt += 1,
                Err(error) => return Err(error),
            }
        }
    }

    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.udp.local_addr()
    }
}

impl Transport for Network {
    fn send<'a>(&'a self, to: SocketAddr, datagram: &'a [u8]) -> Pending<'a, io::Result<()>> {
        Box::pin(async move { self.udp.send_to(datagram, to).await.map(|_| ()) })
    }

    fn receive<'a>(&'a self, buffer: &'a mut [u8]) -> Pending<'a, io::Result<(usize, SocketAddr)>> {
        Box::pin(self.udp.recv_from(buffer))
    }

    fn accept(&self) -> Pending<'_, Incoming> {
        Box::pin(async move {
            loop {
                match self.tcp.accept().await {
                    Ok(accepted) => {
                        return Incoming {
                            stream: Box::new(accepted.stream),
                            from: accepted.peer,
                            permit: Some(accepted.permit),
                        };
                    }
                    Err(refused) => {
                        tracing::debug!(from = %refused.peer, refusal = ?refused.refusal, "a gossip stream is refused");
                    }
                }
            }
        })
    }

    fn connect(&self, to: SocketAddr) -> Pending<'_, io::Result<Box<dyn Stream>>> {
        Box::pin(async move {
            let stream = TcpStream::connect(to).await?;
            Ok(Box::new(stream) as Box<dyn Stream>)
        })
    }

    fn resolve<'a>(&'a self, host: &'a str, port: u16) -> Pending<'a, io::Result<Vec<SocketAddr>>> {
        Box::pin(async move { Ok(tokio::net::lookup_host((host, port)).await?.collect()) })
    }
}
