//! What the entries say about the services of one chain, each entry read once.

use std::collections::BTreeMap;
use std::sync::Arc;

use tribune_types::ServiceName;
use tribune_types::config_entry::{
    Entry, Key, Kind, ServiceResolver, ServiceRouter, ServiceSplitter,
};

use crate::entries::{Defaults, Entries};

/// Reads entries, and remembers them.
pub(super) struct Facts<'a> {
    entries: &'a mut dyn Entries,
    proxy: Option<Arc<Entry>>,
    services: BTreeMap<ServiceName, Service>,
}

/// What is known of one service; `None` where nobody asked yet.
#[derive(Default)]
struct Service {
    defaults: Option<Option<Arc<Entry>>>,
    resolver: Option<Option<Arc<Entry>>>,
}

/// A router, splitter or resolver that was read.
pub(super) struct Read<T>(Arc<Entry>, fn(&Entry) -> Option<&T>);

// === impl Facts ===

impl<'a> Facts<'a> {
    pub(super) fn new(entries: &'a mut dyn Entries) -> Self {
        let proxy = entries.entry(&Key::proxy_defaults());
        Self {
            entries,
            proxy,
            services: BTreeMap::new(),
        }
    }

    /// What is said about all proxies and about one service.
    pub(super) fn defaults(&mut self, service: &ServiceName) -> Defaults {
        let known = self.services.entry(service.clone()).or_default();
        let of_service = known.defaults.get_or_insert_with(|| {
            let key = Key::new(Kind::ServiceDefaults, service.clone());
            self.entries.entry(&key)
        });
        Defaults::new(self.proxy.clone(), of_service.clone())
    }

    /// What is said about all proxies only.
    pub(super) fn defaults_of_proxies(&self) -> Defaults {
        Defaults::new(self.proxy.clone(), None)
    }

    pub(super) fn resolver(&mut self, service: &ServiceName) -> Option<Read<ServiceResolver>> {
        let known = self.services.entry(service.clone()).or_default();
        let entry = known.resolver.get_or_insert_with(|| {
            let key = Key::new(Kind::ServiceResolver, service.clone());
            self.entries.entry(&key)
        });
        Read::new(entry.clone()?, Entry::as_service_resolver)
    }

    pub(super) fn router(&mut self, service: &ServiceName) -> Option<Read<ServiceRouter>> {
        let key = Key::new(Kind::ServiceRouter, service.clone());
        Read::new(self.entries.entry(&key)?, Entry::as_service_router)
    }

    pub(super) fn splitter(&mut self, service: &ServiceName) -> Option<Read<ServiceSplitter>> {
        let key = Key::new(Kind::ServiceSplitter, service.clone());
        Read::new(self.entries.entry(&key)?, Entry::as_service_splitter)
    }
}

// === impl Read ===

impl<T> Read<T> {
    fn new(entry: Arc<Entry>, read: fn(&Entry) -> Option<&T>) -> Option<Self> {
        read(&entry)?;
        Some(Self(entry, read))
    }
}

impl<T> std::ops::Deref for Read<T> {
    type Target = T;

    fn deref(&self) -> &T {
        (self.1)(&self.0).expect("an entry's kind does not change after it was read")
    }
}
