//! What callers may take of a server.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tribune_types::call::{CallError, Request};

use crate::bucket::Bucket;

/// What callers may take of a server. How many connections there may be is said of each
/// [`Listener`](tribune_runtime::Listener) (`limits.rpc_max_conns_per_client`).
#[derive(Clone, Debug)]
pub struct Limits {
    /// Time from a connection's start to its first request (`limits.rpc_handshake_timeout`).
    pub handshake: Duration,
    /// Calls and streams of one connection at the same time.
    pub streams: u32,
    /// Most bytes of a request of the API.
    pub request: usize,
    /// Most bytes of a message of the replicated log.
    pub raft: usize,
    /// Keys that one agent can subscribe to.
    pub subscriptions: usize,
    /// Time that calls and streams have to end in when the server stops.
    pub stop_within: Duration,
    /// How many requests are taken (`limits.request_limits`).
    pub requests: RequestLimiter,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(5),
            streams: 4_096,
            request: 8 << 20,
            raft: 64 << 20,
            subscriptions: 65_536,
            stop_within: Duration::from_secs(5),
            requests: RequestLimiter::new(RequestLimits::default()),
        }
    }
}

/// How many requests a server takes, whoever makes them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RequestLimits {
    /// What is done with those above.
    pub mode: LimitMode,
    /// Reads a second; negative is no limit.
    pub read_rate: f64,
    /// Writes a second; negative is no limit.
    pub write_rate: f64,
}

impl Default for RequestLimits {
    fn default() -> Self {
        Self {
            mode: LimitMode::Disabled,
            read_rate: -1.0,
            write_rate: -1.0,
        }
    }
}

/// What is done with requests above a limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LimitMode {
    /// Nothing is counted.
    #[default]
    Disabled,
    /// They are served, and it is said in the log that they would not be.
    Permissive,
    /// They are refused.
    Enforcing,
}

/// Decides which requests are too many. Clones decide together, and can be told other limits at any time.
#[derive(Clone)]
pub struct RequestLimiter {
    state: Arc<Mutex<State>>,
}

struct State {
    limits: RequestLimits,
    reads: Bucket,
    writes: Bucket,
}

// === impl RequestLimiter ===

impl RequestLimiter {
    /// Decides by these limits.
    #[must_use]
    pub fn new(limits: RequestLimits) -> Self {
        Self {
            state: Arc::new(Mutex::new(State::new(limits, Instant::now()))),
        }
    }

    /// Decides by other limits from now on.
    pub fn set(&self, limits: RequestLimits) {
        self.with(|state| *state = State::new(limits, Instant::now()));
    }

    /// Takes a request, or refuses it.
    pub(crate) fn admit(&self, request: &Request, now: Instant) -> Result<(), CallError> {
        let write = match request {
            Request::Write(_) => true,
            Request::Query(_) => false,
            // what an operator does to a cluster in trouble must not wait behind its load
            Request::Operator(_) | Request::Agent(_) => return Ok(()),
        };
        let (mode, within) = self.with(|state| (state.limits.mode, state.take(write, now)));
        if within {
            return Ok(());
        }
        let what = if write { "writes" } else { "reads" };
        if mode == LimitMode::Permissive {
            tracing::debug!(what, "more requests than limits.request_limits would take");
            return Ok(());
        }
        Err(CallError::TooMany(format!(
            "too many requests: this server takes no more {what} now (limits.request_limits); try again later"
        )))
    }

    fn with<T>(&self, run: impl FnOnce(&mut State) -> T) -> T {
        // nothing that runs under the lock can panic half-way
        run(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for RequestLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with(|state| state.limits).fmt(f)
    }
}

// === impl State ===

impl State {
    fn new(limits: RequestLimits, now: Instant) -> Self {
        // as much as a second's worth can come at once
        let bucket = |rate: f64| Bucket::new(rate, rate.max(1.0), now);
        Self {
            limits,
            reads: bucket(limits.read_rate),
            writes: bucket(limits.write_rate),
        }
    }

    fn take(&mut self, write: bool, now: Instant) -> bool {
        if self.limits.mode == LimitMode::Disabled {
            return true;
        }
        let bucket = if write {
            &mut self.writes
        } else {
            &mut self.reads
        };
        bucket.take(now)
    }
}

#[cfg(test)]
mod tests {
    use tribune_types::call::Query;

    use super::*;

    fn admitted(mode: LimitMode) -> usize {
        let limiter = RequestLimiter::new(RequestLimits {
            mode,
            read_rate: 5.0,
            write_rate: -1.0,
        });
        let now = Instant::now();
        let request = Request::Query(Query::Nodes);
        (0..20)
            .filter(|_| limiter.admit(&request, now).is_ok())
            .count()
    }

    #[test]
    fn requests_are_refused_only_where_limits_are_enforced() {
        assert_eq!(admitted(LimitMode::Disabled), 20);
        assert_eq!(admitted(LimitMode::Permissive), 20);
        assert_eq!(admitted(LimitMode::Enforcing), 5);
    }

    #[test]
    fn limits_can_be_changed() {
        let limiter = RequestLimiter::new(RequestLimits {
            mode: LimitMode::Enforcing,
            read_rate: 0.0,
            write_rate: 0.0,
        });
        let (now, request) = (Instant::now(), Request::Query(Query::Nodes));
        assert_eq!(limiter.admit(&request, now), Ok(()));
        let refused = limiter.admit(&request, now).unwrap_err();
        assert!(matches!(&refused, CallError::TooMany(why) if why.contains("reads")));
        limiter.clone().set(RequestLimits::default());
        assert_eq!(limiter.admit(&request, now), Ok(()));
    }
}
