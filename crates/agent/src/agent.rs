//! The agent's own state, and what can be done to it.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, watch};
use tribune_ads::Registry;
use tribune_config::{AclTokens, Config};
use tribune_derived::Source;
use tribune_leaf::Manager;
use tribune_local::Local;
use tribune_runtime::Shutdown;
use tribune_types::call::{CallError, Options};
use tribune_types::{Name, Node, NodeName, Token};

use crate::cluster::Cluster;
use crate::process::DataDir;
use crate::reload::Reloader;
use crate::saved::Saved;
use crate::servers::Servers;
use crate::{anti_entropy, saved};

/// A wait is longer by up to this part of it, so that readers who started together do not end together.
const WAIT_JITTER: u32 = 16;
/// How long a change of the agent's own waits for the catalog to take it; it is told again later in any case.
const SYNC_PATIENCE: Duration = Duration::from_secs(2);

/// A running agent.
pub(crate) struct Agent {
    pub(crate) config: Config,
    pub(crate) node: Node,
    pub(crate) servers: Arc<dyn Servers>,
    pub(crate) source: Arc<dyn Source>,
    pub(crate) leaves: Manager,
    pub(crate) proxies: Registry,
    pub(crate) cluster: Arc<dyn Cluster>,
    /// Ends the agent.
    pub(crate) shutdown: Shutdown,
    pub(crate) reloader: Reloader,
    /// The agent's own tokens, as they are now.
    tokens: RwLock<AclTokens>,
    /// Held for as long as the agent uses the folder.
    _data_dir: Option<DataDir>,
    local: Mutex<Local>,
    /// What is registered, as it is kept on disk; nothing is without a folder.
    pub(crate) saved: Option<tokio::sync::Mutex<Saved>>,
    /// Counts the changes of the agent's own services and checks.
    changed: watch::Sender<u64>,
    /// Wakes anti-entropy.
    pub(crate) unsynced: Notify,
    /// Wakes anti-entropy for a comparison with the whole catalog.
    pub(crate) servers_changed: Notify,
    /// Whether the catalog has the node as it is.
    pub(crate) node_known: AtomicBool,
    /// Held while the catalog is told something, so that older news never follows newer.
    pub(crate) syncing: tokio::sync::Mutex<()>,
}

/// What an agent is made of.
pub(crate) struct Parts {
    pub(crate) config: Config,
    pub(crate) node: Node,
    pub(crate) servers: Arc<dyn Servers>,
    pub(crate) leaves: Manager,
    pub(crate) proxies: Registry,
    pub(crate) cluster: Arc<dyn Cluster>,
    pub(crate) shutdown: Shutdown,
    pub(crate) reloader: Reloader,
    pub(crate) data_dir: Option<DataDir>,
}

impl Agent {
    pub(crate) fn new(parts: Parts, local: Local, saved: Option<Saved>) -> Self {
        let Parts {
            config,
            node,
            servers,
            leaves,
            proxies,
            cluster,
            shutdown,
            reloader,
            data_dir,
        } = parts;
        let (local, changed) = (Mutex::new(local), watch::Sender::new(0));
        Self {
            tokens: RwLock::new(config.tokens.clone()),
            reloader,
            _data_dir: data_dir,
            config,
            node,
            source: servers.source(),
            servers,
            leaves,
            proxies,
            cluster,
            shutdown,
            local,
            saved: saved.map(tokio::sync::Mutex::new),
            changed,
            unsynced: Notify::new(),
            servers_changed: Notify::new(),
            node_known: AtomicBool::new(false),
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

    /// Has the disk take what it does not know yet, and the catalog, too, as far as that is done soon.
    pub(crate) async fn sync_now(&self) -> Result<(), CallError> {
        saved::save(self).await.map_err(|error| {
            CallError::Unavailable(format!(
                "the change is made, but cannot be kept on disk: {error}"
            ))
        })?;
        let synced = tokio::time::timeout(SYNC_PATIENCE, anti_entropy::partial(self)).await;
        if synced.is_err() {
            self.unsynced.notify_one();
        }
        Ok(())
    }

    /// The token of a request, or the one for requests that come without.
    pub(crate) fn token_or_default(&self, token: &Token) -> Token {
        if token.is_anonymous() {
            self.tokens().default.clone()
        } else {
            token.clone()
        }
    }

    /// Uses these tokens from now on.
    pub(crate) fn set_tokens(&self, tokens: AclTokens) {
        *self.tokens.write().unwrap_or_else(PoisonError::into_inner) = tokens;
    }

    /// Only whole sets of tokens are put under the lock.
    fn tokens(&self) -> RwLockReadGuard<'_, AclTokens> {
        self.tokens.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The token for what the agent does on its own account.
    pub(crate) fn own_token(&self) -> Token {
        let own = self.tokens().agent.clone();
        self.token_or_default(&own)
    }

    /// How long a read waits that is wanted so.
    pub(crate) fn wait_of(&self, options: &Options) -> Duration {
        let queries = &self.config.queries;
        let wait = options.wait.unwrap_or(queries.default_wait);
        let wait = wait.min(queries.max_wait);
        wait + tribune_runtime::jitter(wait / WAIT_JITTER)
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
