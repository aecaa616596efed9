//! One derived value from one snapshot.

mod catalog;
mod chain;
mod service_config;
mod subset;
mod trust;

use std::sync::Arc;

use tribune_derived::{Key, ServiceConfig, Value};
use tribune_state::{Snapshot, WatchSet};
use tribune_types::ServiceName;

/// What is the same for every view.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The datacenter of the cluster.
    pub datacenter: String,
    /// Whether traffic that no intention matches is allowed.
    pub default_allow: bool,
}

/// Computes a value without holding it, and records in `watch` what of the tables it was made from.
#[must_use]
pub fn compute(settings: &Settings, snapshot: &Snapshot, key: &Key, watch: &mut WatchSet) -> Value {
    let mut service_config = |service: &ServiceName, watch: &mut WatchSet| {
        Arc::new(service_config::service_config(snapshot, service, watch))
    };
    Computation {
        settings,
        snapshot,
        watch,
        service_config: &mut service_config,
    }
    .value(key)
}

/// What values are computed from, and where it is recorded that they were.
pub(crate) struct Computation<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) snapshot: &'a Snapshot,
    /// What was read of the tables.
    pub(crate) watch: &'a mut WatchSet,
    /// Finds a service's central configuration, which other values are made from.
    pub(crate) service_config: &'a mut dyn FnMut(&ServiceName, &mut WatchSet) -> Arc<ServiceConfig>,
}

impl Computation<'_> {
    pub(crate) fn value(&mut self, key: &Key) -> Value {
        match key {
            Key::Proxy(instance) => Value::Proxy(self.proxy(instance).map(Arc::new)),
            Key::Endpoints(service) => Value::Endpoints(Arc::new(self.endpoints(service))),
            Key::Subset(key) => Value::Endpoints(Arc::new(self.subset(key))),
            Key::ServiceConfig(service) => {
                let config = service_config::service_config(self.snapshot, service, self.watch);
                Value::ServiceConfig(Arc::new(config))
            }
            Key::Chain(key) => Value::Chain(self.chain(key)),
            Key::Intentions(destination) => {
                Value::Intentions(Arc::new(self.intentions(destination)))
            }
            Key::Roots => Value::Roots(self.roots().map(Arc::new)),
            Key::Mesh => Value::Mesh(Arc::new(self.mesh())),
        }
    }

    /// A service's central configuration.
    fn service_config(&mut self, service: &ServiceName) -> Arc<ServiceConfig> {
        (self.service_config)(service, self.watch)
    }
}
