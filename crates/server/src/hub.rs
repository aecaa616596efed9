//! Takes what was applied, brings the views up to date and tells whoever subscribed to what changed.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tribune_acl::{Authorizer, Resolver};
use tribune_derived::{Key, Sink, Source, Subscription, Value};
use tribune_replication::Observer;
use tribune_runtime::WatchHub;
use tribune_state::{self as state, Changes, Snapshot, WatchSet};
use tribune_types::Token;
use tribune_views::{Settings, Views, compute};

/// The views, their subscribers, and the reads that wait for a change.
pub struct Hub {
    live: Mutex<Live>,
    settings: Settings,
    waiting: WatchHub<state::Key>,
    resolver: Arc<dyn Resolver>,
}

struct Live {
    views: Views,
    subscribers: HashMap<Key, Vec<Subscriber>>,
    next_id: u64,
}

struct Subscriber {
    id: u64,
    authorizer: Authorizer,
    sink: Arc<dyn Sink>,
}

impl Hub {
    /// A hub over an empty catalog.
    #[must_use]
    pub fn new(settings: Settings, resolver: Arc<dyn Resolver>) -> Self {
        let views = Views::new(settings.clone(), Snapshot::default());
        let live = Live {
            views,
            subscribers: HashMap::new(),
            next_id: 0,
        };
        Self {
            live: Mutex::new(live),
            settings,
            waiting: WatchHub::new(),
            resolver,
        }
    }

    /// Where reads wait.
    pub const fn waiting(&self) -> &WatchHub<state::Key> {
        &self.waiting
    }

    /// A derived value of a snapshot, whether somebody subscribed to it or not.
    pub fn derive(&self, key: &Key, snapshot: &Snapshot, watch: &mut WatchSet) -> Value {
        compute(&self.settings, snapshot, key, watch)
    }

    fn with<T>(&self, run: impl FnOnce(&mut Live) -> T) -> T {
        // nothing that runs under the lock leaves it half-done, so a poisoned one is as good as new
        run(&mut self.live.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn unsubscribe(&self, key: &Key, id: u64) {
        self.with(|live| {
            let Some(subscribers) = live.subscribers.get_mut(key) else {
                return;
            };
            subscribers.retain(|subscriber| subscriber.id != id);
            if subscribers.is_empty() {
                live.subscribers.remove(key);
                live.views.release(key);
            }
        });
    }
}

impl Observer for Hub {
    fn applied(&self, snapshot: &Snapshot, changes: &Changes) {
        self.with(|live| {
            for (key, _) in live.views.update(snapshot, changes) {
                for subscriber in live.subscribers.get(&key).into_iter().flatten() {
                    if let Some(visible) = live.views.visible(&key, &subscriber.authorizer) {
                        subscriber.sink.deliver(&key, &visible);
                    }
                }
            }
        });
        if changes.is_everything() {
            self.waiting.notify_all(changes.index);
        } else {
            self.waiting.notify(changes.index, &changes.keys);
        }
    }
}

/// What the hub's subscribers hold: it ends the subscription when it is dropped.
struct Guard {
    hub: Arc<Hub>,
    key: Key,
    id: u64,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.hub.unsubscribe(&self.key, self.id);
    }
}

/// A [`Source`] over a hub.
#[derive(Clone, Debug)]
pub(crate) struct HubSource(pub(crate) Arc<Hub>);

impl Source for HubSource {
    fn subscribe(&self, key: &Key, token: &Token, sink: &Arc<dyn Sink>) -> Subscription {
        let hub = &self.0;
        // a token that nobody knows sees what may be seen without any permission: nothing
        let authorizer = hub
            .resolver
            .resolve(token)
            .unwrap_or_else(|_| Authorizer::deny_all());
        let id = hub.with(|live| {
            let id = live.next_id;
            live.next_id += 1;
            let subscribers = live.subscribers.entry(key.clone()).or_default();
            if subscribers.is_empty() {
                live.views.hold(key);
            }
            subscribers.push(Subscriber {
                id,
                authorizer: authorizer.clone(),
                sink: sink.clone(),
            });
            // under the lock, so that no later value overtakes this one
            if let Some(visible) = live.views.visible(key, &authorizer) {
                sink.deliver(key, &visible);
            }
            id
        });
        Subscription::new(Guard {
            hub: hub.clone(),
            key: key.clone(),
            id,
        })
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = self.with(|live| live.subscribers.len());
        f.debug_struct("Hub")
            .field("keys", &held)
            .finish_non_exhaustive()
    }
}
