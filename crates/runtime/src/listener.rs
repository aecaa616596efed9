//! Accepting connections, no more than there may be.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream, ToSocketAddrs};

/// How long nothing is accepted after the system refused to, for want of file descriptors or memory.
const PAUSE: Duration = Duration::from_millis(50);

/// What clients may take. A number of 0 is no limit, as in Consul's `limits` settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at the same time.
    pub connections: usize,
    /// Connections of one IP address at the same time (`http_max_conns_per_client`, `rpc_max_conns_per_client`).
    pub connections_per_client: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 32_768,
            connections_per_client: 0,
        }
    }
}

/// A TCP socket that listens, and how much it may accept.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    limits: Limits,
    open: Arc<Mutex<Open>>,
}

#[derive(Debug, Default)]
struct Open {
    all: usize,
    by_client: HashMap<IpAddr, usize>,
}

/// A connection that may be served.
#[derive(Debug)]
pub struct Accepted {
    /// The connection.
    pub stream: TcpStream,
    /// Its other end.
    pub peer: SocketAddr,
    /// To be dropped when the connection is closed.
    pub permit: Permit,
}

/// A connection above a limit. It may be told so before it is closed.
#[derive(Debug)]
pub struct Refused {
    /// The connection.
    pub stream: TcpStream,
    /// Its other end.
    pub peer: SocketAddr,
    /// Which limit it is above.
    pub refusal: Refusal,
}

/// Why a connection is not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There are too many.
    Connections,
    /// There are too many of this client.
    ConnectionsOfClient,
}

/// Counts as one connection until it is dropped.
#[derive(Debug)]
pub struct Permit {
    open: Arc<Mutex<Open>>,
    client: IpAddr,
}

// === impl Listener ===

impl Listener {
    /// Listens on an address.
    ///
    /// # Errors
    /// Where the address cannot be listened on.
    pub async fn bind(address: impl ToSocketAddrs, limits: Limits) -> io::Result<Self> {
        Ok(Self::new(TcpListener::bind(address).await?, limits))
    }

    /// Accepts from a socket that listens already.
    #[must_use]
    pub fn new(socket: TcpListener, limits: Limits) -> Self {
        Self {
            socket,
            limits,
            open: Arc::default(),
        }
    }

    /// The address listened on, with the port that the system chose where it was asked to.
    ///
    /// # Errors
    /// Where the system does not tell.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// What clients may take.
    #[must_use]
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The next connection, or one that must not be served. May be dropped and called again.
    ///
    /// What the system reports about single connections, or about want of resources, ends nothing.
    pub async fn accept(&self) -> Result<Accepted, Refused> {
        loop {
            match self.socket.accept().await {
                Ok((stream, peer)) => return self.admit(stream, peer),
                Err(error) if is_of_connection(&error) => {
                    tracing::debug!(%error, "a connection was gone before it was accepted")
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept connections, trying again");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    fn admit(&self, stream: TcpStream, peer: SocketAddr) -> Result<Accepted, Refused> {
        let client = peer.ip().to_canonical();
        let admitted = lock(&self.open).admit(client, &self.limits);
        match admitted {
            Ok(()) => Ok(Accepted {
                stream,
                peer,
                permit: Permit {
                    open: Arc::clone(&self.open),
                    client,
                },
            }),
            Err(refusal) => Err(Refused {
                stream,
                peer,
                refusal,
            }),
        }
    }
}

fn is_of_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted
    )
}

impl Open {
    fn admit(&mut self, client: IpAddr, limits: &Limits) -> Result<(), Refusal> {
        let within = |count: usize, limit: usize| limit == 0 || count < limit;
        if !within(self.all, limits.connections) {
            return Err(Refusal::Connections);
        }
        let of_client = self.by_client.entry(client).or_default();
        if !within(*of_client, limits.connections_per_client) {
            return Err(Refusal::ConnectionsOfClient);
        }
        *of_client += 1;
        self.all += 1;
        Ok(())
    }

    fn release(&mut self, client: IpAddr) {
        self.all = self.all.saturating_sub(1);
        if let Some(of_client) = self.by_client.get_mut(&client) {
            *of_client = of_client.saturating_sub(1);
            if *of_client == 0 {
                self.by_client.remove(&client);
            }
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        lock(&self.open).release(self.client);
    }
}

/// No code that can panic runs under the lock.
fn lock(open: &Mutex<Open>) -> MutexGuard<'_, Open> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
    const OTHER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));

    #[test]
    fn connections_are_counted_overall_and_by_client() {
        let limits = Limits {
            connections: 3,
            connections_per_client: 2,
        };
        let mut open = Open::default();
        assert_eq!(open.admit(ONE, &limits), Ok(()));
        assert_eq!(open.admit(ONE, &limits), Ok(()));
        assert_eq!(open.admit(ONE, &limits), Err(Refusal::ConnectionsOfClient));
        assert_eq!(open.admit(OTHER, &limits), Ok(()));
        assert_eq!(open.admit(OTHER, &limits), Err(Refusal::Connections));
        open.release(ONE);
        assert_eq!(open.admit(OTHER, &limits), Ok(()));
        [ONE, OTHER, OTHER]
            .into_iter()
            .for_each(|client| open.release(client));
        assert!(
            open.all == 0 && open.by_client.is_empty(),
            "who is gone takes no memory"
        );
    }

    #[test]
    fn zero_is_no_limit() {
        let limits = Limits {
            connections: 0,
            connections_per_client: 0,
        };
        let mut open = Open::default();
        assert!((0..100_000).all(|_| open.admit(ONE, &limits).is_ok()));
    }

    #[tokio::test]
    async fn a_connection_above_the_limit_is_handed_out_as_refused_and_its_place_is_free_when_one_ends()
     {
        let limits = Limits {
            connections: 1,
            ..Limits::default()
        };
        let listener = Listener::bind("127.0.0.1:0", limits).await.unwrap();
        let address = listener.local_addr().unwrap();
        let _first = TcpStream::connect(address).await.unwrap();
        let accepted = listener.accept().await.unwrap();
        let _second = TcpStream::connect(address).await.unwrap();
        assert_eq!(
            listener.accept().await.unwrap_err().refusal,
            Refusal::Connections
        );
        drop(accepted.permit);
        let _third = TcpStream::connect(address).await.unwrap();
        assert!(listener.accept().await.is_ok());
    }
}
