//! Whether chains still compile after a write.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tribune_filter::Filter;
use tribune_types::ServiceName;
use tribune_types::config_entry::{Entry, Key, Kind};

use super::exported::{self, Exported};
use super::{CheckError, ingress};
use crate::chain::{Chain, Overrides};
use crate::compile::{CompileRequest, compile};
use crate::entries::Entries;

/// The kinds that lead from one service to others.
const LINKING: [Kind; 3] = [
    Kind::ServiceResolver,
    Kind::ServiceRouter,
    Kind::ServiceSplitter,
];

/// Whether the filters of a resolver's subsets can be read. Whether the rows have what they select is not asked,
/// as in Consul: a subset whose filter does not fit has no instances.
pub(super) fn filters(entry: &Entry) -> Result<(), CheckError> {
    let Some(resolver) = entry.as_service_resolver() else {
        return Ok(());
    };
    let subsets = resolver.raw().subsets.iter();
    for (name, subset) in subsets.filter(|(_, subset)| !subset.filter.is_empty()) {
        Filter::check_syntax(&subset.filter).map_err(|error| CheckError::Filter {
            service: resolver.service(),
            subset: name.clone(),
            error,
        })?;
    }
    Ok(())
}

/// Compiles every chain that an entry takes part in, and checks it against who relies on it.
pub(super) fn chains(key: &Key, entries: &mut dyn Entries) -> Result<(), CheckError> {
    let links = Links::read(entries);
    let exported = Exported::read(entries);
    let all = key.kind == Kind::ProxyDefaults;
    let services = if all {
        links.owners
    } else {
        links.leading_to(&key.name)
    };
    for service in &services {
        let compiled = Compiled::of(service, entries)?;
        if exported.has(service) {
            exported::check(&compiled)?;
        }
    }
    ingress::gateways(|service| all || services.contains(service), entries)
}

/// Compiles the chain of every service that peers may reach.
pub(super) fn exports(entries: &mut dyn Entries) -> Result<(), CheckError> {
    let exported = Exported::read(entries);
    // what no entry shapes leads nowhere else
    for service in Links::read(entries).owners {
        if exported.has(&service) {
            exported::check(&Compiled::of(&service, entries)?)?;
        }
    }
    Ok(())
}

/// A chain, and the resolvers of every service that it could lead to.
pub(super) struct Compiled {
    pub(super) chain: Chain,
    pub(super) resolvers: Vec<Arc<Entry>>,
}

impl Compiled {
    pub(super) fn of(service: &ServiceName, entries: &mut dyn Entries) -> Result<Self, CheckError> {
        let request = CompileRequest {
            service,
            // chains compile in every datacenter and cluster or in none
            datacenter: "dc1",
            trust_domain: "proposed.consul",
            overrides: &Overrides::default(),
            auto_virtual_ips: &[],
            manual_virtual_ips: None,
        };
        match compile(&request, entries) {
            Ok(chain) => Ok(Self {
                chain,
                resolvers: resolvers(service, entries),
            }),
            Err(error) => Err(CheckError::Chain {
                service: service.clone(),
                error,
            }),
        }
    }
}

/// The resolvers of the services that a service could lead to, whether traffic comes to them or not.
fn resolvers(service: &ServiceName, entries: &mut dyn Entries) -> Vec<Arc<Entry>> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    let mut left = vec![service.clone()];
    if let Some(entry) = entries.entry(&Key::new(Kind::ServiceRouter, service.clone()))
        && let Some(router) = entry.as_service_router()
    {
        left.extend(router.related());
    }
    while let Some(service) = left.pop() {
        if !seen.insert(service.clone()) {
            continue;
        }
        let mut entry = |kind| entries.entry(&Key::new(kind, service.clone()));
        let splitter = entry(Kind::ServiceSplitter);
        if let Some(splitter) = splitter.as_deref().and_then(Entry::as_service_splitter) {
            left.extend(splitter.related());
        }
        let resolver = entry(Kind::ServiceResolver);
        if let Some(resolver) = resolver.as_deref().and_then(Entry::as_service_resolver) {
            left.extend(resolver.related());
        }
        found.extend(resolver);
    }
    found
}

/// Which services lead to which.
#[derive(Default)]
struct Links {
    /// The services that lead to a service, by that.
    to: BTreeMap<ServiceName, BTreeSet<ServiceName>>,
    /// The services that some entry is about.
    owners: BTreeSet<ServiceName>,
}

// === impl Links ===

impl Links {
    fn read(entries: &mut dyn Entries) -> Self {
        let mut links = Self::default();
        for kind in LINKING {
            for entry in entries.of_kind(kind) {
                let service = entry.key().name;
                if let Some(router) = entry.as_service_router() {
                    links.add(&service, router.related());
                } else if let Some(splitter) = entry.as_service_splitter() {
                    links.add(&service, splitter.related());
                } else if let Some(resolver) = entry.as_service_resolver() {
                    links.add(&service, resolver.related());
                }
            }
        }
        links
    }

    fn add(&mut self, from: &ServiceName, to: impl Iterator<Item = ServiceName>) {
        self.owners.insert(from.clone());
        for to in to.filter(|to| to != from) {
            self.to.entry(to).or_default().insert(from.clone());
        }
    }

    /// A service and every one whose traffic may come to it.
    fn leading_to(&self, service: &ServiceName) -> BTreeSet<ServiceName> {
        let mut found = BTreeSet::from([service.clone()]);
        let mut left = vec![service];
        while let Some(service) = left.pop() {
            for before in self.to.get(service).into_iter().flatten() {
                if found.insert(before.clone()) {
                    left.push(before);
                }
            }
        }
        found
    }
}
