//! Which services peers may reach: the `exported-services` entry, with wildcards filled in from the catalog.

use std::collections::{BTreeMap, BTreeSet};

use tribune_derived::ExportedService;
use tribune_state::{Snapshot, WatchSet};
use tribune_types::ServiceName;
use tribune_types::config_entry::{EXPORTED_SERVICES_NAME, Entry, Key, Kind};
use tribune_types::names::WILDCARD;

use crate::gateways::typical;

/// The services that are exported, by name, each with the peers that it is exported to.
#[must_use]
pub fn exported_services(snapshot: &Snapshot, watch: &mut WatchSet) -> Vec<ExportedService> {
    let key = Key::new(
        Kind::ExportedServices,
        ServiceName::new(EXPORTED_SERVICES_NAME),
    );
    let Some(stored) = snapshot.config_entry(&key, watch).value else {
        return Vec::new();
    };
    let Entry::ExportedServices(entry) = &*stored.entry else {
        return Vec::new();
    };
    let mut exported: BTreeMap<ServiceName, BTreeSet<&str>> = BTreeMap::new();
    for service in &entry.raw().services {
        let peers = service.consumers.iter().map(|consumer| &*consumer.peer);
        let peers: BTreeSet<&str> = peers.filter(|peer| !peer.is_empty()).collect();
        let names = if service.name == WILDCARD {
            typical(snapshot, watch)
        } else {
            vec![ServiceName::new(service.name.as_str())]
        };
        for name in names {
            exported.entry(name).or_default().extend(&peers);
        }
    }
    let exported = exported
        .into_iter()
        .map(|(service, peers)| ExportedService {
            service,
            peers: peers.into_iter().map(str::to_owned).collect(),
        });
    exported.collect()
}
