//! A network in memory, for tests of whoever uses members: on paused time, without sockets.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex as AsyncMutex, mpsc};
use tribune_runtime::Tasks;

use crate::error::StartError;
use crate::membership::Membership;
use crate::settings::Settings;
use crate::transport::{Incoming, Pending, Stream, Transport};

/// How much a connection holds that was not read.
const PIPE: usize = 64 << 10;

/// All that is between members of one process. Clones are the same network. Nothing on it is lost or late.
#[derive(Clone, Debug, Default)]
pub struct MemoryNetwork {
    inboxes: Arc<Mutex<BTreeMap<SocketAddr, Inbox>>>,
}

#[derive(Clone, Debug)]
struct Inbox {
    datagrams: mpsc::UnboundedSender<(SocketAddr, Vec<u8>)>,
    streams: mpsc::UnboundedSender<Incoming>,
}

/// One member's end of it.
struct End {
    network: MemoryNetwork,
    address: SocketAddr,
    datagrams: AsyncMutex<mpsc::UnboundedReceiver<(SocketAddr, Vec<u8>)>>,
    streams: AsyncMutex<mpsc::UnboundedReceiver<Incoming>>,
}

// === impl MemoryNetwork ===

impl MemoryNetwork {
    /// A network without members.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts a member at `settings.bind`, as [`Membership::start`] does. `wall` is the time since 1970, later at every
    /// start of one member than before.
    ///
    /// # Errors
    /// Where the settings cannot be those of a member.
    pub fn start(
        &self,
        settings: Settings,
        tasks: &Tasks,
        wall: Duration,
    ) -> Result<Membership, StartError> {
        let address = settings.bind;
        let (datagrams, received) = mpsc::unbounded_channel();
        let (streams, accepted) = mpsc::unbounded_channel();
        self.inboxes().insert(address, Inbox { datagrams, streams });
        let end = End {
            network: self.clone(),
            address,
            datagrams: AsyncMutex::new(received),
            streams: AsyncMutex::new(accepted),
        };
        Membership::start_over(settings, tasks, (Box::new(end), address), wall)
    }

    /// Lets nothing arrive at an address any more.
    pub fn cut_off(&self, address: SocketAddr) {
        self.inboxes().remove(&address);
    }

    fn inbox(&self, address: SocketAddr) -> Option<Inbox> {
        self.inboxes().get(&address).cloned()
    }

    /// Only a map is changed under the lock.
    fn inboxes(&self) -> MutexGuard<'_, BTreeMap<SocketAddr, Inbox>> {
        self.inboxes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Transport for End {
    fn send<'a>(&'a self, to: SocketAddr, datagram: &'a [u8]) -> Pending<'a, io::Result<()>> {
        if let Some(inbox) = self.network.inbox(to) {
            // the member may have ended
            let _: Result<(), _> = inbox.datagrams.send((self.address, datagram.to_vec()));
        }
        Box::pin(std::future::ready(Ok(())))
    }

    fn receive<'a>(&'a self, buffer: &'a mut [u8]) -> Pending<'a, io::Result<(usize, SocketAddr)>> {
        Box::pin(async move {
            let Some((from, datagram)) = self.datagrams.lock().await.recv().await else {
                return std::future::pending().await;
            };
            let length = datagram.len().min(buffer.len());
            for (to, byte) in buffer.iter_mut().zip(&datagram) {
                *to = *byte;
            }
            Ok((length, from))
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
            let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
            let inbox = self.network.inbox(to).ok_or_else(refused)?;
            let (here, there) = tokio::io::duplex(PIPE);
            let incoming = Incoming {
                stream: Box::new(there),
                from: self.address,
                permit: None,
            };
            inbox.streams.send(incoming).map_err(|_| refused())?;
            Ok(Box::new(here) as Box<dyn Stream>)
        })
    }

    fn resolve<'a>(&'a self, host: &'a str, port: u16) -> Pending<'a, io::Result<Vec<SocketAddr>>> {
        Box::pin(async move {
            let ip: IpAddr = host
                .parse()
                .map_err(|_| io::Error::other("it has no names, only addresses"))?;
            Ok(vec![SocketAddr::new(ip, port)])
        })
    }
}
