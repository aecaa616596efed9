//! The agent's own state, and what can be done to it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::{Notify, watch};
use tribune_ads::Registry;
use tribune_config::Config;
use tribune_leaf::Manager;
use tribune_local::Local;
use tribune_server::Server;
use tribune_types::{Name, Node, NodeName};

/// A running agent.
pub(crate) struct Agent {
    pub(crate) config: Config,
    pub(crate) node: Node,
    pub(crate) server: Server,
    pub(crate) leaves: Manager,
    pub(crate) proxies: Registry,
    local: Mutex<Local>,
    /// Counts the changes of the agent's own services and checks.
    changed: watch::Sender<u64>,
    /// Wakes anti-entropy.
    pub(crate) unsynced: Notify,
    /// Held while the catalog is told something, so that older news never follows newer.
    pub(crate) syncing: tokio::sync::Mutex<()>,
}

/// What an agent is made of.
pub(crate) struct Parts {
    pub(crate) config: Config,
    pub(crate) node: Node,
    pub(crate) server: Server,
    pub(crate) leaves: Manager,
    pub(crate) proxies: Registry,
}

impl Agent {
    pub(crate) fn new(parts: Parts, local: Local) -> Self {
        let Parts {
            config,
            node,
            server,
            leaves,
            proxies,
        } = parts;
        let (local, changed) = (Mutex::new(local), watch::Sender::new(0));
        Self {
            config,
            node,
            server,
            leaves,
            proxies,
            local,
            changed,
            unsynced: Notify::new(),
            syncing: tokio::sync::Mutex::default(),
        }
    }

    /// Name of the agent's node.
    pub(crate) const fn node_name(&self) -> &NodeName {
        &self.node.node
    }

    /// Looks at the agent's own services and checks.
    pub(crate) fn local(&self) -> MutexGuard<'_, Local> {
        // every change of `Local` is whole or not at all, so a poisoned lock hides nothing half-done
        self.local.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes them, and wakes whoever waits for that.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Local, Instant) -> T) -> T {
        let (outcome, version) = {
            let mut local = self.local();
            (change(&mut local, Instant::now()), local.version())
        };
        self.changed
            .send_if_modified(|seen| std::mem::replace(seen, version) != version);
        self.unsynced.notify_one();
        outcome
    }

    /// Tells when they change.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// The service that a registered check is about, if there is such a check and it is about one.
    pub(crate) fn service_of_check(&self, check: &Name) -> Option<tribune_types::ServiceName> {
        let local = self.local();
        let service = local.check(check)?.check.service_id.clone();
        local
            .service(&service)
            .map(|service| service.service.clone())
    }
}
