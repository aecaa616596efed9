//! What the catalog says: proxies and endpoints.

use tribune_derived::{Endpoint, Endpoints, Health, Proxy};
use tribune_state::CheckServiceNode;
use tribune_types::config_entry::{Entry, Key, Kind};
use tribune_types::{InstanceName, PeeredServiceName, Status};

use super::Computation;
use crate::merge::merge;

impl Computation<'_> {
    /// A proxy's registration with central configuration merged in; `None` while there is no such proxy.
    pub(super) fn proxy(&mut self, name: &InstanceName) -> Option<Proxy> {
        let instance = self
            .snapshot
            .instance(name, self.watch)
            .value
            .filter(|row| row.kind.is_proxy())?;
        let node = self.snapshot.node(&name.node, self.watch).value?;
        let mut proxy = Proxy {
            instance: InstanceName {
                node: node.node.clone(),
                id: instance.id.clone(),
            },
            kind: instance.kind.clone(),
            service: instance.service.clone(),
            address: instance.address.clone(),
            port: instance.port,
            node_address: node.address.clone(),
            tagged_addresses: instance.tagged_addresses.clone().unwrap_or_default(),
            meta: instance.meta.clone().unwrap_or_default(),
            datacenter: self.settings.datacenter.clone(),
            locality: instance.locality.clone().or_else(|| node.locality.clone()),
            config: instance.proxy.clone(),
        };
        let central = self.service_config(&proxy.identity());
        let (snapshot, watch) = (self.snapshot, &mut *self.watch);
        proxy.config = merge(
            &proxy.config,
            &proxy.service.tenancy,
            &central,
            &mut |upstream| {
                let key = Key::new(Kind::ServiceDefaults, upstream.clone());
                let stored = snapshot.config_entry(&key, watch).value?;
                let Entry::ServiceDefaults(entry) = &*stored.entry else {
                    return None;
                };
                Some(entry.raw().protocol.clone())
            },
        );
        Some(proxy)
    }

    /// The instances that take mesh traffic for a service.
    pub(super) fn endpoints(&mut self, service: &PeeredServiceName) -> Endpoints {
        let instances = self.snapshot.check_connect_nodes(service, self.watch).value;
        let endpoints = instances
            .iter()
            .map(|instance| endpoint(instance, &self.settings.datacenter))
            .collect();
        Endpoints { endpoints }
    }
}

pub(super) fn endpoint(row: &CheckServiceNode, datacenter: &str) -> Endpoint {
    let (node, service) = (&row.node, &row.service);
    Endpoint {
        instance: InstanceName {
            node: node.node.clone(),
            id: service.id.clone(),
        },
        kind: service.kind.clone(),
        address: if service.address.is_empty() {
            &node.address
        } else {
            &service.address
        }
        .clone(),
        port: service.port,
        node_address: node.address.clone(),
        node_tagged_addresses: node.tagged_addresses.clone().unwrap_or_default(),
        tagged_addresses: service.tagged_addresses.clone().unwrap_or_default(),
        datacenter: if node.datacenter.is_empty() {
            datacenter
        } else {
            &node.datacenter
        }
        .to_owned(),
        locality: service.locality.clone().or_else(|| node.locality.clone()),
        meta: service.meta.clone().unwrap_or_default(),
        tags: service.tags.clone().unwrap_or_default(),
        weights: service.weights,
        health: row
            .checks
            .iter()
            .map(|check| health(&check.status))
            .max()
            .unwrap_or(Health::Passing),
    }
}

/// What a check's status means for traffic. A status that nobody knows stops none, as in Consul.
const fn health(status: &Status) -> Health {
    match status {
        Status::Critical | Status::Maintenance => Health::Critical,
        Status::Warning => Health::Warning,
        Status::Passing | Status::Other(_) => Health::Passing,
    }
}
