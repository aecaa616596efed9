//! A network that loses, delays, doubles and reorders messages, and that can be cut in either direction.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use tribune_replication::{Raft, Server, Transport, TransportError, TransportFuture};

/// What the network does to messages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weather {
    /// How long a message takes, in microseconds.
    pub(crate) delay: (u64, u64),
    /// One message in so many is lost; none with 0.
    pub(crate) lost: u32,
    /// One in so many arrives twice.
    pub(crate) doubled: u32,
    /// One in so many takes fifty times as long.
    pub(crate) late: u32,
}

impl Weather {
    /// Quick, and nothing goes wrong.
    pub(crate) const FAIR: Self = Self {
        delay: (100, 500),
        lost: 0,
        doubled: 0,
        late: 0,
    };
    /// Everything goes wrong at times.
    pub(crate) const FOUL: Self = Self {
        delay: (200, 8_000),
        lost: 40,
        doubled: 30,
        late: 30,
    };
}

/// Changes a message on its way, or lets it be.
pub(crate) type Alter = Box<dyn FnMut(&str, &str, &Bytes) -> Option<Bytes> + Send>;

/// The network between the servers of one cluster. Clones are the same network.
#[derive(Clone)]
pub(crate) struct Net {
    state: Arc<Mutex<State>>,
}

struct State {
    random: SmallRng,
    weather: Weather,
    /// Pairs of sender and receiver between which nothing passes.
    cut: BTreeSet<(String, String)>,
    /// The servers that run, with how often each was started.
    running: BTreeMap<String, (u64, Raft)>,
    alter: Option<Alter>,
    messages: u64,
    bytes: u64,
}

/// What one run of a server sends through.
struct Way {
    net: Net,
    from: String,
    run: u64,
}

// === impl Net ===

impl Net {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            state: Arc::new(Mutex::new(State {
                random: SmallRng::seed_from_u64(seed ^ 0x006e_6574),
                weather: Weather::FAIR,
                cut: BTreeSet::new(),
                running: BTreeMap::new(),
                alter: None,
                messages: 0,
                bytes: 0,
            })),
        }
    }

    /// The way of a server's next run to the others.
    pub(crate) fn way(&self, from: &str, run: u64) -> Arc<dyn Transport> {
        Arc::new(Way {
            net: self.clone(),
            from: from.to_owned(),
            run,
        })
    }

    pub(crate) fn up(&self, id: &str, run: u64, raft: Raft) {
        self.state().running.insert(id.to_owned(), (run, raft));
    }

    pub(crate) fn down(&self, id: &str) {
        self.state().running.remove(id);
    }

    pub(crate) fn set_weather(&self, weather: Weather) {
        self.state().weather = weather;
    }

    /// Lets nothing pass from one to the other.
    pub(crate) fn cut(&self, from: &str, to: &str) {
        self.state().cut.insert((from.to_owned(), to.to_owned()));
    }

    /// Cuts a server off from all of these, both ways.
    pub(crate) fn isolate<'a>(&self, id: &str, others: impl IntoIterator<Item = &'a str>) {
        for other in others {
            self.cut(id, other);
            self.cut(other, id);
        }
    }

    /// Lets everything pass.
    pub(crate) fn mend(&self) {
        self.state().cut.clear();
    }

    pub(crate) fn alter(&self, alter: Option<Alter>) {
        self.state().alter = alter;
    }

    /// How many messages there were, and how many bytes.
    pub(crate) fn traffic(&self) -> (u64, u64) {
        let state = self.state();
        (state.messages, state.bytes)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl State {
    fn one_in(&mut self, many: u32) -> bool {
        many > 0 && self.random.random_range(0..many) == 0
    }

    fn delay(&mut self) -> Duration {
        let (least, most) = self.weather.delay;
        let micros = self.random.random_range(least..=most);
        let factor = if self.one_in(self.weather.late) {
            50
        } else {
            1
        };
        Duration::from_micros(micros * factor)
    }

    fn passes(&self, from: &str, to: &str) -> bool {
        !self.cut.contains(&(from.to_owned(), to.to_owned()))
    }
}

// === impl Way ===

impl Way {
    async fn call(&self, to: &str, message: Bytes) -> Result<Bytes, TransportError> {
        let (there, back, lost, doubled, message) = {
            let mut state = self.net.state();
            state.messages += 1;
            state.bytes += message.len() as u64;
            let altered = match &mut state.alter {
                Some(alter) => alter(&self.from, to, &message),
                None => None,
            };
            let (many, twice) = (state.weather.lost, state.weather.doubled);
            let lost = (state.one_in(many), state.one_in(many));
            let doubled = state.one_in(twice);
            let (there, back) = (state.delay(), state.delay());
            (there, back, lost, doubled, altered.unwrap_or(message))
        };
        if doubled {
            let (net, from, run) = (self.net.clone(), self.from.clone(), self.run);
            let (to, message) = (to.to_owned(), message.clone());
            tokio::spawn(async move {
                tokio::time::sleep(there * 3).await;
                let way = Self { net, from, run };
                drop(way.deliver(&to, message).await);
            });
        }
        tokio::time::sleep(there).await;
        if lost.0 {
            return std::future::pending().await;
        }
        let answer = self.deliver(to, message).await?;
        if lost.1 {
            return std::future::pending().await;
        }
        tokio::time::sleep(back).await;
        if !self.net.state().passes(to, &self.from) {
            return std::future::pending().await;
        }
        Ok(answer)
    }

    /// Has the server handle it, whoever waits for the answer.
    async fn deliver(&self, to: &str, message: Bytes) -> Result<Bytes, TransportError> {
        let raft = {
            let state = self.net.state();
            let sends = state
                .running
                .get(&self.from)
                .is_some_and(|(run, _)| *run == self.run);
            if !sends || !state.passes(&self.from, to) {
                None
            } else {
                match state.running.get(to) {
                    Some((_, raft)) => Some(raft.clone()),
                    None => {
                        return Err(TransportError::Unreachable {
                            reason: "nobody listens".to_owned(),
                        });
                    }
                }
            }
        };
        let Some(raft) = raft else {
            return std::future::pending().await;
        };
        let from = self.from.clone();
        let handled = tokio::spawn(async move { raft.handle(&from, message).await });
        match handled.await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(TransportError::Failed {
                reason: error.to_string(),
            }),
            Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
        }
    }
}

impl Transport for Way {
    fn call<'a>(
        &'a self,
        to: &'a Server,
        message: Bytes,
        timeout: Duration,
    ) -> TransportFuture<'a> {
        Box::pin(async move {
            let called = tokio::time::timeout(timeout, Self::call(self, &to.id, message)).await;
            called.unwrap_or(Err(TransportError::Timeout))
        })
    }
}
