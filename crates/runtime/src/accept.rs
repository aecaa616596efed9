//! Taking connections, as many as there may be.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use crate::{Shutdown, tasks};

/// Time after which an accept that failed for want of resources is tried again.
const RETRY: Duration = Duration::from_millis(50);

/// How many connections there may be at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// In all.
    pub total: usize,
    /// From one client address; 0 is unlimited.
    pub per_client: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            total: 100_000,
            per_client: 0,
        }
    }
}

/// A connection that was taken. It counts until it is dropped.
#[derive(Debug)]
pub struct Accepted {
    /// The connection.
    pub stream: TcpStream,
    /// Who is at its other end.
    pub peer: SocketAddr,
    /// Ends the connection's part in the limits; whoever takes the stream out keeps this beside it.
    pub counted: Counted,
}

/// A connection's part in the limits.
#[derive(Debug)]
pub struct Counted {
    open: Arc<Mutex<Open>>,
    client: IpAddr,
}

#[derive(Debug, Default)]
struct Open {
    total: usize,
    by_client: HashMap<IpAddr, usize>,
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.total -= 1;
        if let Some(count) = open.by_client.get_mut(&self.client) {
            *count -= 1;
            if *count == 0 {
                open.by_client.remove(&self.client);
            }
        }
    }
}

fn count(open: &Arc<Mutex<Open>>, limits: Limits, client: IpAddr) -> Option<Counted> {
    let mut table = open.lock().unwrap_or_else(PoisonError::into_inner);
    let of_client = table.by_client.get(&client).copied().unwrap_or(0);
    if table.total >= limits.total || limits.per_client > 0 && of_client >= limits.per_client {
        return None;
    }
    table.total += 1;
    table.by_client.insert(client, of_client + 1);
    Some(Counted {
        open: open.clone(),
        client,
    })
}

/// Hands every connection that the limits allow to `handle`, each in a task of its own, until `shutdown`.
/// Others are closed at once.
pub async fn accept<F, H>(listener: TcpListener, limits: Limits, shutdown: Shutdown, handle: H)
where
    F: Future<Output = ()> + Send + 'static,
    H: Fn(Accepted) -> F,
{
    let open = Arc::default();
    loop {
        let accepted = tokio::select! {
            () = shutdown.triggered() => return,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) if is_of_connection(&error) => continue,
            Err(error) => {
                tracing::warn!(%error, "no connection can be taken; trying again");
                sleep(RETRY).await;
                continue;
            }
        };
        match count(&open, limits, peer.ip()) {
            None => {
                tracing::warn!(client = %peer, ?limits, "too many connections; closing this one")
            }
            Some(counted) => {
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(client = %peer, %error, "a connection ended at once");
                    continue;
                }
                tasks::detached(
                    "connection",
                    handle(Accepted {
                        stream,
                        peer,
                        counted,
                    }),
                );
            }
        }
    }
}

/// Whether an accept failed because of the connection that it would have taken.
fn is_of_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;
    use tokio::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn connections_over_the_limit_are_closed_and_others_go_on() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (taken, mut connections) = mpsc::unbounded_channel();
        let limits = Limits {
            per_client: 1,
            ..Limits::default()
        };
        let shutdown = Shutdown::default();
        let handle = move |accepted| {
            taken.send(accepted).unwrap();
            async {}
        };
        let server = tokio::spawn(accept(listener, limits, shutdown.clone(), handle));

        let _first = TcpStream::connect(address).await.unwrap();
        let first = connections.recv().await.unwrap();
        let mut second = TcpStream::connect(address).await.unwrap();
        assert_eq!(second.read(&mut [0]).await.unwrap(), 0);
        drop(first);
        let _third = TcpStream::connect(address).await.unwrap();
        assert!(connections.recv().await.is_some());
        shutdown.trigger();
        server.await.unwrap();
    }
}
