//! Where the compiler finds config entries.

use std::collections::BTreeMap;
use std::sync::Arc;

use tribune_types::ServiceName;
use tribune_types::config_entry::{Entry, Key, Kind, Mesh, ProxyDefaults, ServiceDefaults};

/// The config entries, looked up one by one, so that an implementation can record what was read.
pub trait Entries {
    /// The entry of that name; `None` where there is none.
    fn entry(&mut self, key: &Key) -> Option<Arc<Entry>>;

    /// Every entry of a kind.
    fn of_kind(&mut self, kind: Kind) -> Vec<Arc<Entry>>;
}

impl Entries for BTreeMap<Key, Arc<Entry>> {
    fn entry(&mut self, key: &Key) -> Option<Arc<Entry>> {
        self.get(key).cloned()
    }

    fn of_kind(&mut self, kind: Kind) -> Vec<Arc<Entry>> {
        self.iter()
            .filter(|(key, _)| key.kind == kind)
            .map(|(_, entry)| Arc::clone(entry))
            .collect()
    }
}

/// Entries that are few and known by their kinds: read once, used several times.
#[derive(Debug, Default)]
pub(crate) struct Defaults {
    proxy: Option<Arc<Entry>>,
    service: Option<Arc<Entry>>,
}

impl Defaults {
    /// Reads what is said about all proxies and about one service.
    pub(crate) fn read(service: &ServiceName, entries: &mut dyn Entries) -> Self {
        Self {
            proxy: entries.entry(&Key::proxy_defaults()),
            service: entries.entry(&Key::new(Kind::ServiceDefaults, service.clone())),
        }
    }

    pub(crate) const fn new(proxy: Option<Arc<Entry>>, service: Option<Arc<Entry>>) -> Self {
        Self { proxy, service }
    }

    pub(crate) fn proxy(&self) -> Option<&ProxyDefaults> {
        let Entry::ProxyDefaults(entry) = self.proxy.as_deref()? else {
            return None;
        };
        Some(entry)
    }

    pub(crate) fn service(&self) -> Option<&ServiceDefaults> {
        let Entry::ServiceDefaults(entry) = self.service.as_deref()? else {
            return None;
        };
        Some(entry)
    }

    /// The service's protocol. Its own entry decides even where it names none, which means `tcp`; only a
    /// service without an entry has the protocol of the proxy defaults.
    pub(crate) fn protocol(&self) -> String {
        let protocol = match (self.service(), self.proxy()) {
            (Some(service), _) => service.raw().protocol.clone(),
            (None, Some(proxy)) => proxy.protocol().to_lowercase(),
            (None, None) => String::new(),
        };
        if protocol.is_empty() {
            "tcp".to_owned()
        } else {
            protocol
        }
    }
}

/// The `mesh` entry.
pub(crate) fn with_mesh<T>(entries: &mut dyn Entries, read: impl FnOnce(&Mesh) -> T) -> Option<T> {
    let Entry::Mesh(mesh) = &*entries.entry(&Key::mesh())? else {
        return None;
    };
    Some(read(mesh))
}
