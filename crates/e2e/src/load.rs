//! What clients do to a cluster while it is disturbed, and what they were told.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::Result;
use hyper::Method;
use serde_json::json;

use crate::http::{self, Connection};

/// Clients that register nodes, each under a name of its own, until they are stopped.
#[derive(Debug)]
pub struct Writers {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    shared: Arc<Written>,
}

/// What the writers were told.
#[derive(Debug, Default)]
struct Written {
    acknowledged: Mutex<Vec<String>>,
    refused: AtomicU64,
}

// === impl Writers ===

impl Writers {
    /// Starts one writer for each agent's HTTP API in `agents`.
    pub fn start(agents: &[SocketAddr]) -> Self {
        let (stop, shared) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(Written::default()),
        );
        let threads = agents.iter().enumerate().map(|(writer, &agent)| {
            let (stop, shared) = (Arc::clone(&stop), Arc::clone(&shared));
            thread::spawn(move || write(writer, agent, &stop, &shared))
        });
        let threads = threads.collect();
        Self {
            stop,
            threads,
            shared,
        }
    }

    /// How many writes were acknowledged so far.
    pub fn acknowledged(&self) -> usize {
        self.shared.acknowledged().len()
    }

    /// Stops them; gives the names of the nodes whose registration was acknowledged, and how many were not.
    pub fn stop(self) -> (Vec<String>, u64) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            // a writer that panicked has its acknowledged writes told like those of the others
            let _ = thread.join();
        }
        let acknowledged = std::mem::take(&mut *self.shared.acknowledged());
        (acknowledged, self.shared.refused.load(Ordering::Relaxed))
    }
}

impl Written {
    fn acknowledged(&self) -> MutexGuard<'_, Vec<String>> {
        self.acknowledged
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn write(writer: usize, agent: SocketAddr, stop: &AtomicBool, shared: &Written) {
    let mut connection = None;
    for number in 0_u64.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let name = format!("written-{writer}-{number}");
        let body = json!({ "Node": name, "Address": "192.0.2.1" }).to_string();
        match put(&mut connection, agent, "/v1/catalog/register", &body) {
            Ok(200) => shared.acknowledged().push(name),
            Ok(_) | Err(_) => {
                connection = None;
                shared.refused.fetch_add(1, Ordering::Relaxed);
                thread::sleep(Duration::from_millis(10));
            }
        }
    }
}

/// Sends a request over the connection that there is, or over a new one.
fn put(
    connection: &mut Option<Connection>,
    agent: SocketAddr,
    path: &str,
    body: &str,
) -> Result<u16> {
    let mut open = match connection.take() {
        Some(open) => open,
        None => Connection::open(agent)?,
    };
    let status = open.send(Method::PUT, path, body)?.status;
    *connection = Some(open);
    Ok(status)
}

/// A client that asks a service through the mesh, again and again, each time over a new connection.
#[derive(Debug)]
pub struct Caller {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Called>,
}

/// What a caller saw.
#[derive(Debug, Default)]
pub struct Called {
    /// Requests that were answered with status 200.
    pub answered: u64,
    /// What became of the others.
    pub failed: Vec<String>,
}

// === impl Caller ===

impl Caller {
    /// Starts asking whatever listens on `upstream`.
    pub fn start(upstream: SocketAddr) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let mut called = Called::default();
            while !told.load(Ordering::Relaxed) {
                match http::get(upstream, "/") {
                    Ok(response) if response.status == 200 => called.answered += 1,
                    Ok(response) => called
                        .failed
                        .push(format!("status {}: {}", response.status, response.body)),
                    Err(error) => called.failed.push(format!("{error:#}")),
                }
                thread::sleep(Duration::from_millis(2));
            }
            called
        });
        Self { stop, thread }
    }

    /// Stops it and tells what it saw.
    ///
    /// # Panics
    /// Where the caller has.
    pub fn stop(self) -> Called {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("asking does not panic")
    }
}
