//! The servers, and connections to them.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex as AsyncMutex, watch};
use tokio::time::{Instant, sleep, timeout};
use tribune_runtime::{Tasks, jitter};

use super::ClientSettings;
use super::connection::Connection;
use crate::tls::{self, Tls};

/// A server, as membership knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Server {
    /// Its node name.
    pub name: String,
    /// Its datacenter.
    pub datacenter: String,
    /// Host and port of its RPC listener.
    pub address: String,
    /// Its node ID; may be empty where it is not known yet.
    pub id: String,
}

/// Which server is asked, and what is connected.
pub(crate) struct Pool {
    tls: Tls,
    datacenter: String,
    connect: Duration,
    bind: Option<IpAddr>,
    rebalance: Duration,
    tasks: Tasks,
    state: Mutex<State>,
    /// The one that is asked.
    first: watch::Sender<Option<Server>>,
}

#[derive(Default)]
struct State {
    /// In the order in which they are asked.
    servers: Vec<Server>,
    /// By address and what they are for.
    connections: HashMap<(String, Purpose), Arc<Slot>>,
}

/// What a connection is for. What servers tell each other of the log does not wait behind anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Purpose {
    /// Requests and streams.
    Requests,
    /// Messages of the replicated log.
    Log,
}

/// Where a connection is, or is being made by one for all who want it.
type Slot = AsyncMutex<Place>;

#[derive(Debug, Default)]
struct Place {
    connection: Option<Connection>,
    /// When none could be made, and why.
    failed: Option<(Instant, io::ErrorKind, String)>,
}

// === impl Server ===

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} at {}", self.name, self.address)
    }
}

// === impl Pool ===

impl Pool {
    pub(super) fn new(settings: &ClientSettings, tls: Tls, tasks: Tasks) -> Self {
        Self {
            tls,
            datacenter: settings.datacenter.clone(),
            connect: settings.connect,
            bind: settings.bind,
            rebalance: settings.rebalance,
            tasks,
            state: Mutex::default(),
            first: watch::Sender::new(None),
        }
    }

    pub(super) fn set_servers(&self, servers: Vec<Server>) {
        self.change(|state| {
            let mine = |server: &Server| server.datacenter == self.datacenter;
            let mut new: Vec<_> = servers.into_iter().filter(mine).collect();
            let is_in = |servers: &[Server], server: &Server| {
                servers.iter().any(|other| other.address == server.address)
            };
            // those that stay keep their order, and newer words about them are taken
            let mut kept = Vec::new();
            for old in &state.servers {
                let at = new.iter().position(|one| one.address == old.address);
                kept.extend(at.map(|at| new.remove(at)));
            }
            // where the one that is asked stays, others come behind it
            let least = usize::from(!kept.is_empty());
            for server in new {
                if !is_in(&kept, &server) {
                    let at = least + random(kept.len() + 1 - least);
                    kept.insert(at, server);
                }
            }
            state.servers = kept;
            let servers = &state.servers;
            state.connections.retain(|(address, purpose), _| {
                *purpose == Purpose::Log || servers.iter().any(|server| server.address == *address)
            });
        });
    }

    /// The server that is asked now.
    pub(super) fn pick(&self) -> Option<Server> {
        self.first.borrow().clone()
    }

    /// The server that is asked where so many before it are passed over.
    pub(super) fn after(&self, passed_over: usize) -> Option<Server> {
        let state = self.state();
        let at = passed_over.checked_rem(state.servers.len())?;
        state.servers.get(at).cloned()
    }

    /// How many servers can be asked.
    pub(super) fn len(&self) -> usize {
        self.state().servers.len()
    }

    /// Tells which server is asked now, from now on.
    pub(super) fn picks(&self) -> watch::Receiver<Option<Server>> {
        self.first.subscribe()
    }

    /// Asks another one, if it was this one.
    pub(super) fn failed(&self, server: &Server) {
        self.change(|state| {
            let is_first = state
                .servers
                .first()
                .is_some_and(|first| first.address == server.address);
            if is_first {
                state.servers.rotate_left(1);
            }
        });
    }

    /// Asks another server from time to time. Connections to the others end when nothing is asked over them any
    /// more.
    pub(super) async fn keep_balanced(&self) {
        loop {
            sleep(self.rebalance + jitter(self.rebalance / 2)).await;
            self.change(|state| {
                let servers = &mut state.servers;
                if !servers.is_empty() {
                    let at = random(servers.len());
                    servers.swap(0, at);
                    let first = servers[0].address.clone();
                    state.connections.retain(|(address, purpose), _| {
                        *purpose == Purpose::Log || *address == first
                    });
                }
            });
        }
    }

    /// A connection to a server.
    pub(super) async fn connect(&self, server: &Server) -> io::Result<Connection> {
        self.connection(&server.address, &server.datacenter, Purpose::Requests)
            .await
    }

    /// A connection to the server of a datacenter at an address, which may be one that is not in the list.
    pub(super) async fn connection(
        &self,
        address: &str,
        datacenter: &str,
        purpose: Purpose,
    ) -> io::Result<Connection> {
        let slot = self
            .state()
            .connections
            .entry((address.to_owned(), purpose))
            .or_default()
            .clone();
        let asked = Instant::now();
        let mut place = slot.lock().await;
        // who has got a certificate in between shows it
        let named = self.tls.shows_certificate();
        let usable =
            |connection: &&Connection| !connection.is_closed() && (connection.is_named() || !named);
        if let Some(connection) = place.connection.as_ref().filter(usable) {
            return Ok(connection.clone());
        }
        place.connection = None;
        // whoever waited for a try that failed does not wait for another one
        if let Some((at, kind, why)) = &place.failed
            && *at >= asked
        {
            return Err(io::Error::new(*kind, why.clone()));
        }
        match self.open(address, datacenter).await {
            Ok(connection) => {
                place.connection = Some(connection.clone());
                Ok(connection)
            }
            Err(error) => {
                let why = format!(
                    "cannot connect to server {address}: {}",
                    tls::reason(&error)
                );
                place.failed = Some((Instant::now(), error.kind(), why.clone()));
                Err(io::Error::new(error.kind(), why))
            }
        }
    }

    async fn open(&self, address: &str, datacenter: &str) -> io::Result<Connection> {
        let opened = Connection::open((self.bind, address), datacenter, &self.tls, &self.tasks);
        timeout(self.connect, opened).await.unwrap_or_else(|_| {
            let why = format!("no connection within {:?}", self.connect);
            Err(io::Error::new(io::ErrorKind::TimedOut, why))
        })
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state();
        change(&mut state);
        let first = state.servers.first().cloned();
        // under the lock, so that the order is that of the changes
        self.first.send_if_modified(|now| {
            let differs = *now != first;
            *now = first;
            differs
        });
    }

    /// No code that can panic runs under the lock.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A number below another one, which is not zero.
fn random(below: usize) -> usize {
    let nanos = jitter(Duration::from_secs(1)).subsec_nanos();
    usize::try_from(nanos).unwrap_or(0) % below.max(1)
}

#[cfg(test)]
mod tests {
    use tribune_runtime::Shutdown;

    use super::*;

    fn server(address: &str) -> Server {
        Server {
            datacenter: "dc1".into(),
            address: address.into(),
            ..Server::default()
        }
    }

    fn pool() -> Pool {
        let settings = ClientSettings {
            datacenter: "dc1".into(),
            ..ClientSettings::default()
        };
        Pool::new(&settings, Tls::plaintext(), Tasks::new(Shutdown::new()))
    }

    fn picked(pool: &Pool) -> String {
        pool.pick().map(|server| server.address).unwrap_or_default()
    }

    #[test]
    fn the_server_that_is_asked_stays_while_it_is_there() {
        let pool = pool();
        assert_eq!(picked(&pool), "");
        pool.set_servers(["a", "b", "c"].map(server).to_vec());
        let first = picked(&pool);
        for _ in 0..20 {
            pool.set_servers(["d", "c", "b", "a", "a"].map(server).to_vec());
            assert_eq!(picked(&pool), first);
        }
        pool.set_servers([server("e")].to_vec());
        assert_eq!(picked(&pool), "e");
    }

    #[test]
    fn servers_that_fail_are_asked_last() {
        let pool = pool();
        pool.set_servers(["a", "b", "c"].map(server).to_vec());
        let mut asked = Vec::new();
        for _ in 0..3 {
            let server = pool.pick().unwrap();
            pool.failed(&server);
            pool.failed(&server);
            asked.push(server.address);
        }
        asked.sort();
        assert_eq!(asked, ["a", "b", "c"], "each once, however often it failed");
    }

    #[test]
    fn servers_of_other_datacenters_are_not_asked() {
        let pool = pool();
        let mut elsewhere = server("a");
        elsewhere.datacenter = "dc2".into();
        pool.set_servers(vec![elsewhere]);
        assert_eq!(picked(&pool), "");
    }

    #[tokio::test(start_paused = true)]
    async fn another_server_is_asked_after_a_while() {
        let pool = Arc::new(pool());
        pool.set_servers(["a", "b", "c"].map(server).to_vec());
        let mut picks = pool.picks();
        picks.mark_unchanged();
        let balanced = pool.clone();
        let task = tokio::spawn(async move { balanced.keep_balanced().await });
        picks.changed().await.unwrap();
        task.abort();
    }
}
