//! The table of leaves, and their renewal.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use ring::rand::{SecureRandom, SystemRandom};
use tokio::sync::watch;
use tribune_ca::{KeyPair, Signer, renewal};

use crate::entry::{Entry, Live, State, pause};
use crate::issuer::{IssueError, Issuer, LocalIssuer};
use crate::leaf::{Leaf, Problem};
use crate::subject::Subject;
use crate::subscription::Subscription;

/// How many leaves that nobody holds are kept, for whoever asks again without waiting.
const MAX_IDLE: usize = 4_096;

/// How many entries are looked at for removal when one is added.
const LOOKS: usize = 4;

/// Longest sleep: the time of day is read again after it, as it may have been set, or the machine been asleep.
const MAX_SLEEP: Duration = Duration::from_secs(60);

/// The part of its lifetime for which a leaf is not renewed, even where the issuer's clock would have it.
const MIN_AGE_PART: u32 = 20;

/// Tells the time of day.
pub type Now = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// Gets leaves, keeps them and has them renewed. Cheap to clone.
#[derive(Clone)]
pub struct Manager(Arc<Inner>);

struct Inner {
    issuer: Arc<dyn Issuer>,
    now: Now,
    random: SystemRandom,
    table: Mutex<Table>,
    active_key_id: watch::Sender<Option<Arc<str>>>,
    /// Index of the leaf that was issued last.
    index: AtomicU64,
    live: Arc<AtomicUsize>,
}

#[derive(Default)]
struct Table {
    entries: HashMap<Subject, Arc<Entry>>,
    /// The same entries, roughly the longest unused first.
    order: VecDeque<Arc<Entry>>,
}

// === impl Manager ===

impl Manager {
    /// Has leaves issued by `issuer`; `now` tells the time of day.
    pub fn new(issuer: Arc<dyn Issuer>, now: Now) -> Self {
        Self(Arc::new(Inner {
            issuer,
            now,
            random: SystemRandom::new(),
            table: Mutex::default(),
            active_key_id: watch::Sender::new(None),
            index: AtomicU64::new(0),
            live: Arc::default(),
        }))
    }

    /// Has leaves issued by an authority of this process that stays the same.
    pub fn local(signer: Arc<dyn Signer>, now: Now) -> Self {
        let (_, signer) = watch::channel(Some(signer));
        Self::new(Arc::new(LocalIssuer::new(signer, Arc::clone(&now))), now)
    }

    /// The subject's leaf: the one at hand while it needs no renewal, else a new one.
    ///
    /// A leaf that nobody subscribed to is kept for a while but not renewed before it is asked for.
    ///
    /// # Errors
    /// When there is no valid leaf and none can be had; asking again tries again.
    pub async fn leaf(&self, subject: &Subject) -> Result<Arc<Leaf>, Arc<Problem>> {
        let entry = self.0.table().entry(subject, &self.0);
        let state = entry.state.borrow().clone();
        let now = self.0.now();
        if let Some(leaf) = state.valid(now)
            && now < state.due(self.0.active_key_id().as_ref())
        {
            return Ok(Arc::clone(leaf));
        }
        let state = self.0.attempt(&entry, state.attempts).await;
        state.into_result(self.0.now())
    }

    /// Holds the subject's leaf, which is renewed for as long as that is held.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn subscribe(&self, subject: &Subject) -> Subscription {
        let mut table = self.0.table();
        let entry = table.entry(subject, &self.0);
        let live = entry.live(|| {
            let renewal = Arc::clone(&self.0).renew(Arc::clone(&entry));
            Live::new(tokio::spawn(renewal).abort_handle(), &self.0.live)
        });
        Subscription::new(entry, live)
    }

    /// Says which root is active, by its `SigningKeyID`; leaves under another are renewed at once.
    ///
    /// To be called when the issuer signs under that root already.
    pub fn handle_roots(&self, signing_key_id: &str) {
        self.0.active_key_id.send_if_modified(|active| {
            let changed = active.as_deref() != Some(signing_key_id);
            if changed {
                *active = Some(signing_key_id.into());
            }
            changed
        });
    }
}

impl fmt::Debug for Manager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Manager")
            .field("entries", &self.0.table().entries.len())
            .field("live", &self.0.live.load(Ordering::Relaxed))
            .finish_non_exhaustive()
    }
}

// === impl Inner ===

impl Inner {
    fn now(&self) -> SystemTime {
        (self.now)()
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn active_key_id(&self) -> Option<Arc<str>> {
        self.active_key_id.borrow().clone()
    }

    /// Where between 0 and 1 chance falls; in the middle if the system has no randomness.
    fn jitter(&self) -> f64 {
        let mut bytes = [0; 4];
        match self.random.fill(&mut bytes) {
            Ok(()) => f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX),
            Err(_unspecified) => 0.5,
        }
    }

    /// Renews one entry's leaf whenever it is due, for ever.
    async fn renew(self: Arc<Self>, entry: Arc<Entry>) {
        let mut active_key_id = self.active_key_id.subscribe();
        let mut state = entry.state.subscribe();
        loop {
            let active = active_key_id.borrow_and_update().clone();
            let (due, attempts) = {
                let state = state.borrow_and_update();
                (state.due(active.as_ref()), state.attempts)
            };
            let Ok(wait) = due.duration_since(self.now()) else {
                self.attempt(&entry, attempts).await;
                continue;
            };
            if wait.is_zero() {
                self.attempt(&entry, attempts).await;
                continue;
            }
            tokio::select! {
                () = tokio::time::sleep(wait.min(MAX_SLEEP)) => {}
                // Neither sender can be gone, and if one were, the sleep would still end.
                Ok(()) = active_key_id.changed() => {}
                Ok(()) = state.changed() => {}
            }
        }
    }

    /// Gets the next leaf, or waits for whoever is getting it, since `seen` attempts had ended.
    async fn attempt(&self, entry: &Entry, seen: u64) -> State {
        let _issuing = entry.issuing.lock().await;
        let before = entry.state.borrow().clone();
        if before.attempts != seen {
            return before;
        }
        let active_before = self.active_key_id();
        let outcome = match self.issue(&entry.subject).await {
            // A root that became active meanwhile is seen to by whoever calls this.
            Ok(leaf) if leaf.is_under(active_before.as_ref()) => Ok(leaf),
            Ok(leaf) if leaf.is_under(self.active_key_id().as_ref()) => Ok(leaf),
            Ok(leaf) => Err((Some(leaf), IssueError::InactiveRoot)),
            Err(error) => Err((None, error)),
        };
        let after = match outcome {
            Ok(leaf) => State {
                leaf: Some(Arc::new(leaf)),
                problem: None,
                attempts: seen + 1,
            },
            Err((leaf, error)) => State {
                problem: Some(self.problem(&entry.subject, before.failures() + 1, error)),
                leaf: leaf.map(Arc::new).or(before.leaf),
                attempts: seen + 1,
            },
        };
        entry.state.send_replace(after.clone());
        after
    }

    async fn issue(&self, subject: &Subject) -> Result<Leaf, IssueError> {
        let key = KeyPair::generate(&self.random)?;
        let certificate = self.issuer.issue(subject, &key).await?;
        let (from, to) = (certificate.not_before, certificate.not_after);
        let lifetime = to.duration_since(from).unwrap_or_default();
        let due = renewal(from, to, self.jitter());
        Ok(Leaf {
            renew_at: due.max(self.now() + lifetime / MIN_AGE_PART),
            key_pem: key.to_pem(),
            index: self.index.fetch_add(1, Ordering::Relaxed) + 1,
            certificate,
        })
    }

    fn problem(&self, subject: &Subject, failures: u32, error: IssueError) -> Arc<Problem> {
        let identity = &subject.identity;
        if failures == 1 {
            tracing::warn!(%identity, %error, "no new leaf certificate, trying again");
        } else {
            tracing::debug!(%identity, %error, failures, "still no new leaf certificate");
        }
        Arc::new(Problem {
            error,
            failures,
            retry_at: self.now() + pause(failures, self.jitter()),
            active_key_id: self.active_key_id(),
        })
    }
}

// === impl Table ===

impl Table {
    /// The subject's entry, made if there is none.
    fn entry(&mut self, subject: &Subject, inner: &Inner) -> Arc<Entry> {
        if let Some(entry) = self.entries.get(subject) {
            entry.mark_used();
            return Arc::clone(entry);
        }
        self.make_room(inner);
        let entry = Arc::new(Entry::new(subject.clone()));
        self.entries.insert(subject.clone(), Arc::clone(&entry));
        self.order.push_back(Arc::clone(&entry));
        entry
    }

    /// Forgets leaves that nobody holds: expired ones, and past [`MAX_IDLE`] the longest unused.
    fn make_room(&mut self, inner: &Inner) {
        let now = inner.now();
        let max = MAX_IDLE + inner.live.load(Ordering::Relaxed);
        for _ in 0..LOOKS {
            let full = self.entries.len() >= max;
            let Some(entry) = self.order.front() else {
                return;
            };
            let state = entry.state.borrow();
            let expired = state.attempts > 0 && state.valid(now).is_none();
            drop(state);
            let live = entry.is_live();
            if !live && (expired || full && !entry.take_used()) {
                self.entries.remove(&entry.subject);
                self.order.pop_front();
            } else if live || full {
                self.order.rotate_left(1);
            } else {
                return;
            }
        }
    }
}
