//! Services that peers may reach: their chains stay within this datacenter.

use std::collections::BTreeSet;

use tribune_types::ServiceName;
use tribune_types::config_entry::{Entry, Kind, is_http_like};
use tribune_types::names::WILDCARD;

use super::CheckError;
use super::graph::Compiled;
use crate::entries::Entries;

/// Names of the services that peers may reach.
pub(super) struct Exported(BTreeSet<ServiceName>);

// === impl Exported ===

impl Exported {
    pub(super) fn read(entries: &mut dyn Entries) -> Self {
        let mut names = BTreeSet::new();
        for entry in entries.of_kind(Kind::ExportedServices) {
            if let Entry::ExportedServices(exported) = &*entry {
                let services = exported.raw().services.iter();
                let to_peers = services.filter(|service| {
                    let mut consumers = service.consumers.iter();
                    consumers.any(|consumer| !consumer.peer.is_empty())
                });
                names.extend(to_peers.map(|service| ServiceName::new(service.name.as_str())));
            }
        }
        Self(names)
    }

    pub(super) fn has(&self, service: &ServiceName) -> bool {
        self.0.contains(service) || self.0.contains(&ServiceName::new(WILDCARD))
    }
}

/// Whether a peer may be sent where a chain leads.
pub(super) fn check(compiled: &Compiled) -> Result<(), CheckError> {
    let service = &compiled.chain.service;
    for resolver in &compiled.resolvers {
        let Some(resolver) = resolver.as_service_resolver() else {
            continue;
        };
        let redirect = resolver.raw().redirect.as_ref();
        let failover = resolver.raw().failover.values();
        let elsewhere = failover.into_iter().any(|failover| {
            let mut targets = failover.targets.iter();
            !failover.datacenters.is_empty() || targets.any(|target| !target.datacenter.is_empty())
        });
        let broken = [
            (
                redirect.is_some_and(|redirect| !redirect.datacenter.is_empty()),
                "cross-datacenter resolver redirect",
            ),
            (
                redirect.is_some_and(|redirect| !redirect.peer.is_empty()),
                "cross-peer resolver redirect",
            ),
            (elsewhere, "cross-datacenter failover"),
        ];
        if let Some((_, what)) = broken.into_iter().find(|(broken, _)| *broken) {
            return Err(CheckError::ExportedElsewhere {
                service: service.clone(),
                what,
            });
        }
    }
    same_identity(compiled)
}

/// A peer's gateway passes connections on without looking into them, and expects one identity at their end.
fn same_identity(compiled: &Compiled) -> Result<(), CheckError> {
    let chain = &compiled.chain;
    if is_http_like(&chain.protocol) {
        return Ok(());
    }
    let mut targets = chain
        .resolvers()
        .filter_map(|resolver| chain.targets.get(&resolver.target));
    match targets.find(|target| target.service != chain.service) {
        None => Ok(()),
        Some(target) => Err(CheckError::ExportedTarget {
            service: chain.service.clone(),
            protocol: chain.protocol.clone(),
            target: target.id.clone(),
        }),
    }
}
