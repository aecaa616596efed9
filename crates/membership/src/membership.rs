//! A running member.

mod exchange;
mod keyring;
mod tasks;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::future::join_all;
use tokio::sync::{Notify, broadcast, watch};
use tokio::time::Instant;
use tribune_runtime::Tasks;

use crate::coordinate::Coordinate;
use crate::core::{Core, START};
use crate::error::{
    ForceLeaveError, JoinError, JoinFailure, StartError, TagsError, UserEventError,
};
use crate::event::Event;
use crate::member::{Member, Tags};
use crate::settings::{Limits, RetryJoin, Settings, Timing};
use crate::transport::{Network, Transport};

/// The port of gossip where an address has none (`ports.serf_lan`).
pub const DEFAULT_PORT: u16 = 8301;
/// Events that a subscriber may be behind.
const EVENTS: usize = 4096;

/// A member of the cluster. Clones are the same one.
#[derive(Clone)]
pub struct Membership {
    shared: Arc<Shared>,
}

struct Shared {
    core: Mutex<Core>,
    transport: Box<dyn Transport>,
    tasks: Tasks,
    started: Instant,
    /// There may be something to send, or another time to wake at.
    wake: Notify,
    events: broadcast::Sender<Event>,
    changed: watch::Sender<u64>,
    address: SocketAddr,
    name: String,
    timing: Timing,
    limits: Limits,
}

impl std::fmt::Debug for Membership {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Membership")
            .field("name", &self.shared.name)
            .field("address", &self.shared.address)
            .finish_non_exhaustive()
    }
}

// === impl Membership ===

impl Membership {
    /// Starts a member. It is alone until it joins others or they join it, and ends with `tasks`.
    ///
    /// # Errors
    /// Where the address cannot be listened on or told to others, or the settings cannot be those of a member.
    pub async fn start(settings: Settings, tasks: &Tasks) -> Result<Self, StartError> {
        let address = settings.bind;
        let failed = |source| StartError::Bind { address, source };
        let network = Network::bind(address, settings.limits.streams)
            .await
            .map_err(failed)?;
        let local = network.local_addr().map_err(failed)?;
        let wall = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self::start_over(settings, tasks, (Box::new(network), local), wall)
    }

    /// Starts a member over a transport that listens at an address.
    pub(crate) fn start_over(
        settings: Settings,
        tasks: &Tasks,
        (transport, local): (Box<dyn Transport>, SocketAddr),
        wall: Duration,
    ) -> Result<Self, StartError> {
        let address = advertised(&settings, local);
        let (name, timing, limits) = (settings.name.clone(), settings.timing, settings.limits);
        let wall = u64::try_from(wall.as_millis()).unwrap_or(u64::MAX);
        let core = Core::new(settings, address, wall)?;
        let shared = Arc::new(Shared {
            core: Mutex::new(core),
            transport,
            tasks: tasks.clone(),
            started: Instant::now(),
            wake: Notify::new(),
            events: broadcast::Sender::new(EVENTS),
            changed: watch::Sender::new(0),
            address,
            name,
            timing,
            limits,
        });
        tasks.spawn("gossip datagrams", tasks::datagrams(Arc::clone(&shared)));
        tasks.spawn("gossip streams", tasks::streams(Arc::clone(&shared)));
        Ok(Self { shared })
    }

    /// The address that others are told.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.shared.address
    }

    /// Everybody who is known, this member included, by name.
    #[must_use]
    pub fn members(&self) -> Vec<Member> {
        self.shared.lock().members()
    }

    /// This member, as others see it.
    #[must_use]
    pub fn local(&self) -> Member {
        let core = self.shared.lock();
        let table = core.table.lock();
        let mine = table.record(&table.me).and_then(|record| record.shown());
        mine.expect("a member has told itself what it is").clone()
    }

    /// What happens from now on. A subscriber that is too slow is told that it missed something, and looks
    /// at [`Self::members`] again.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.shared.events.subscribe()
    }

    /// A number that changes whenever [`Self::members`] may.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.shared.changed.subscribe()
    }

    /// Joins the clusters of those at these addresses: `host:port`, or `host` with the default port. Says how
    /// many answered.
    ///
    /// # Errors
    /// Where nobody did: what happened at each address.
    pub async fn join(&self, addresses: &[String]) -> Result<usize, JoinError> {
        let attempts = addresses.iter().map(|address| self.join_one(address));
        let mut failures = Vec::new();
        for (address, joined) in addresses.iter().zip(join_all(attempts).await) {
            if let Err(failure) = joined {
                failures.push((address.clone(), failure));
            }
        }
        let joined = addresses.len() - failures.len();
        if joined == 0 {
            return Err(JoinError { failures });
        }
        for (address, failure) in failures {
            tracing::warn!(address, %failure, "cannot join");
        }
        Ok(joined)
    }

    async fn join_one(&self, address: &str) -> Result<(), JoinFailure> {
        let (host, port) = split(address)?;
        let resolved = self.shared.transport.resolve(&host, port).await;
        let resolved = resolved.map_err(|error| JoinFailure::Resolve(error.to_string()))?;
        let mut outcome = Err(JoinFailure::Resolve("it has no address".to_owned()));
        for to in resolved {
            outcome = self.shared.synchronise(to, true).await;
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    }

    /// Joins as [`Self::join`] does, and tries again until somebody answers.
    ///
    /// # Errors
    /// The last failure, once there were as many attempts as there may be.
    pub async fn retry_join(&self, retry: &RetryJoin) -> Result<usize, JoinError> {
        let mut attempts = 0;
        loop {
            attempts += 1;
            let error = match self.join(&retry.addresses).await {
                Ok(joined) => {
                    tracing::info!(joined, "joined the cluster");
                    return Ok(joined);
                }
                Err(error) => error,
            };
            if retry.max > 0 && attempts >= retry.max {
                return Err(error);
            }
            tracing::warn!(%error, attempts, again_in = ?retry.interval, "cannot join the cluster");
            tokio::time::sleep(retry.interval).await;
        }
    }

    /// Goes: says so, waits until the others have had time to hear it, and is silent from then on.
    pub async fn leave(&self) {
        self.shared.act(Core::begin_leave);
        let heard = async {
            while self.shared.lock().has_news() {
                tokio::time::sleep(self.shared.timing.gossip_interval).await;
            }
        };
        if tokio::time::timeout(self.shared.timing.leave_timeout, heard)
            .await
            .is_err()
        {
            tracing::warn!("not everybody may have heard that this member leaves");
        }
        self.shared.act(Core::depart);
        self.shared.flush().await;
    }

    /// Says that a member that failed has left for good, so that it is not waited for. One that is alive
    /// contradicts. With `prune` it is forgotten at once.
    ///
    /// # Errors
    /// Where nobody is called so.
    pub fn force_leave(&self, name: &str, prune: bool) -> Result<(), ForceLeaveError> {
        self.shared
            .act(|core, now| core.force_leave(now, name, prune))
    }

    /// Tells all members something. With `coalesce`, a later event of that name may take its place on the way.
    ///
    /// # Errors
    /// Where it has no name or is too large.
    pub fn user_event(
        &self,
        name: &str,
        payload: &[u8],
        coalesce: bool,
    ) -> Result<(), UserEventError> {
        self.shared
            .act(|core, now| core.user_event(now, name, payload, coalesce))
    }

    /// Says something else about this member.
    ///
    /// # Errors
    /// Where that is more than can be told.
    pub fn set_tags(&self, tags: Tags) -> Result<(), TagsError> {
        self.shared.act(|core, now| core.set_tags(now, tags))
    }

    /// The estimated round trip to a member, once it has answered a probe of this one.
    #[must_use]
    pub fn round_trip(&self, name: &str) -> Option<Duration> {
        self.shared.lock().round_trip(name)
    }

    /// Where this member is.
    #[must_use]
    pub fn coordinate(&self) -> Coordinate {
        self.shared.lock().table.lock().coordinate
    }

    /// Where another member said it is, once it has answered a probe of this one.
    #[must_use]
    pub fn coordinate_of(&self, name: &str) -> Option<Coordinate> {
        self.shared.lock().table.lock().by_name(name)?.coordinate
    }
}

// === impl Shared ===

impl Shared {
    /// No code that can panic runs under the lock, and nothing waits under it.
    fn lock(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Duration {
        START + self.started.elapsed()
    }

    /// Does something, tells who watches, and has sent what came of it.
    fn act<T>(&self, run: impl FnOnce(&mut Core, Duration) -> T) -> T {
        let value = self.act_quietly(run);
        self.wake.notify_one();
        value
    }

    /// As [`Self::act`], by the task that sends.
    fn act_quietly<T>(&self, run: impl FnOnce(&mut Core, Duration) -> T) -> T {
        let mut changed = false;
        let value = {
            let mut core = self.lock();
            let value = run(&mut core, self.now());
            while let Some(event) = core.poll_event() {
                changed |= !matches!(event, Event::User(_));
                // nobody may listen
                let _: Result<usize, _> = self.events.send(event);
            }
            value
        };
        if changed {
            self.changed.send_modify(|number| *number += 1);
        }
        value
    }

    /// Sends what is to be sent.
    async fn flush(&self) {
        loop {
            let Some((to, frame)) = self.lock().poll_transmit() else {
                return;
            };
            if let Err(error) = self.transport.send(to, &frame).await {
                tracing::debug!(%to, %error, "a datagram cannot be sent");
            }
        }
    }
}

/// What others are told: the address that is configured, with the port that is listened on where it has none.
fn advertised(settings: &Settings, local: SocketAddr) -> SocketAddr {
    match settings.advertise {
        Some(address) if address.port() == 0 => SocketAddr::new(address.ip(), local.port()),
        Some(address) => address,
        None => local,
    }
}

/// Host and port of an address.
fn split(address: &str) -> Result<(String, u16), JoinFailure> {
    let wrong = |reason: &str| JoinFailure::Address(reason.to_owned());
    if let Ok(ip) = address.parse::<std::net::IpAddr>() {
        return Ok((ip.to_string(), DEFAULT_PORT));
    }
    let (host, port) = match address.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => (
            host,
            port.parse()
                .map_err(|_| wrong("the port is no number up to 65535"))?,
        ),
        _ => (address, DEFAULT_PORT),
    };
    let host = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    if host.is_empty() {
        return Err(wrong("there is no host"));
    }
    Ok((host.to_owned(), port))
}

#[cfg(test)]
mod tests;
