//! What ingress and terminating gateways lead to: their entries, with wildcards filled in from the catalog.

use std::collections::BTreeMap;

use tribune_derived::{GatewayService, GatewayTarget};
use tribune_state::{NameKind, Snapshot, Stored, WatchSet};
use tribune_types::config_entry::{
    Entry, IngressGateway, IngressListener, IngressService, Key, Kind, LinkedService,
    TerminatingGateway,
};
use tribune_types::names::WILDCARD;
use tribune_types::{ServiceKind, ServiceName};

/// Name of the servers' own service, which no wildcard means.
const SERVERS: &str = "consul";

/// By service and port; a service that is named wins over the same from a wildcard.
type Rows = BTreeMap<(ServiceName, i64), GatewayService>;

/// The services behind a gateway, by service and port. Behind a wildcard of an ingress gateway those are left
/// out that don't speak the listener's protocol.
#[must_use]
pub fn gateway_services(
    snapshot: &Snapshot,
    gateway: &ServiceName,
    watch: &mut WatchSet,
) -> Vec<GatewayService> {
    let mut rows = rows(snapshot, gateway, watch);
    rows.retain(|(service, _), row| {
        !row.from_wildcard
            || row.kind != Kind::IngressGateway
            || protocol(snapshot, service, watch) == row.protocol
    });
    rows.into_values().collect()
}

/// The ingress gateways that lead to a service, by name.
#[must_use]
pub fn ingress_gateways_of(
    snapshot: &Snapshot,
    service: &ServiceName,
    watch: &mut WatchSet,
) -> Vec<ServiceName> {
    let entries = snapshot.config_entries(Some(Kind::IngressGateway), watch);
    let mut gateways = Vec::new();
    for stored in &entries.value {
        let gateway = stored.entry.key().name;
        let leads = rows(snapshot, &gateway, watch)
            .keys()
            .any(|(behind, _)| behind == service);
        if leads {
            gateways.push(gateway);
        }
    }
    gateways
}

fn rows(snapshot: &Snapshot, gateway: &ServiceName, watch: &mut WatchSet) -> Rows {
    let mut rows = Rows::new();
    for kind in [Kind::IngressGateway, Kind::TerminatingGateway] {
        let key = Key::new(kind, gateway.clone());
        let Some(stored) = snapshot.config_entry(&key, watch).value else {
            continue;
        };
        match &*stored.entry {
            Entry::IngressGateway(entry) => ingress(snapshot, entry, &stored, (&mut rows, watch)),
            Entry::TerminatingGateway(entry) => {
                terminating(snapshot, entry, &stored, (&mut rows, watch));
            }
            _ => {}
        }
    }
    rows
}

fn blank(stored: &Stored, service: ServiceName) -> GatewayService {
    let Key { kind, name } = stored.entry.key();
    GatewayService {
        gateway: name,
        service,
        kind,
        port: 0,
        protocol: String::new(),
        hosts: Vec::new(),
        ca_file: String::new(),
        cert_file: String::new(),
        key_file: String::new(),
        sni: String::new(),
        from_wildcard: false,
        target: GatewayTarget::Unknown,
        auto_host_rewrite: false,
        create_index: stored.create_index,
        modify_index: stored.modify_index,
    }
}

fn ingress(
    snapshot: &Snapshot,
    entry: &IngressGateway,
    stored: &Stored,
    (rows, watch): (&mut Rows, &mut WatchSet),
) {
    let row =
        |name: ServiceName, listener: &IngressListener, service: &IngressService| GatewayService {
            port: listener.port,
            protocol: listener.protocol.clone(),
            hosts: service.hosts().cloned().collect(),
            ..blank(stored, name)
        };
    for listener in entry.listeners() {
        for service in listener
            .services()
            .filter(|service| service.name != WILDCARD)
        {
            let name = ServiceName::new(service.name.as_str());
            rows.insert((name.clone(), listener.port), row(name, listener, service));
        }
    }
    for listener in entry.listeners() {
        for service in listener
            .services()
            .filter(|service| service.name == WILDCARD)
        {
            for name in typical(snapshot, watch) {
                // what takes no mesh traffic can't be reached from a gateway
                if snapshot
                    .connect_nodes(&name.clone().into(), watch)
                    .value
                    .is_empty()
                {
                    continue;
                }
                let from_wildcard = GatewayService {
                    from_wildcard: true,
                    ..row(name.clone(), listener, service)
                };
                rows.entry((name, listener.port)).or_insert(from_wildcard);
            }
        }
    }
}

fn terminating(
    snapshot: &Snapshot,
    entry: &TerminatingGateway,
    stored: &Stored,
    (rows, watch): (&mut Rows, &mut WatchSet),
) {
    let row = |name: ServiceName, linked: &LinkedService, target| GatewayService {
        ca_file: linked.ca_file.clone(),
        cert_file: linked.cert_file.clone(),
        key_file: linked.key_file.clone(),
        sni: linked.sni.clone(),
        auto_host_rewrite: !linked.disable_auto_host_rewrite,
        target,
        ..blank(stored, name)
    };
    for linked in entry.services().filter(|linked| linked.name != WILDCARD) {
        let name = ServiceName::new(linked.name.as_str());
        let target = target(snapshot, &name, watch);
        rows.insert((name.clone(), 0), row(name, linked, target));
    }
    let Some(linked) = entry.services().find(|linked| linked.name == WILDCARD) else {
        return;
    };
    let mut add = |name: ServiceName, target| {
        let from_wildcard = GatewayService {
            from_wildcard: true,
            ..row(name.clone(), linked, target)
        };
        rows.entry((name, 0)).or_insert(from_wildcard);
    };
    for name in typical(snapshot, watch) {
        let instances = snapshot.service_nodes(&name.clone().into(), watch).value;
        if instances.iter().any(|instance| !instance.service.native) {
            add(name, GatewayTarget::Service);
        }
    }
    for name in destinations(snapshot, watch) {
        add(name, GatewayTarget::Destination);
    }
}

/// The services with instances of their own.
pub(crate) fn typical(snapshot: &Snapshot, watch: &mut WatchSet) -> Vec<ServiceName> {
    let kind = NameKind::Instance(ServiceKind::Typical);
    let mut names = snapshot.names_of_kind(&kind, watch).value;
    names.retain(|name| !name.name.eq_ignore_ascii_case(SERVERS));
    names
}

/// The services that are addresses outside the mesh.
fn destinations(snapshot: &Snapshot, watch: &mut WatchSet) -> Vec<ServiceName> {
    let entries = snapshot.config_entries(Some(Kind::ServiceDefaults), watch);
    let outside = entries.value.iter().filter_map(|stored| {
        let Entry::ServiceDefaults(entry) = &*stored.entry else {
            return None;
        };
        entry.raw().destination.as_ref().map(|_| entry.service())
    });
    outside.collect()
}

fn target(snapshot: &Snapshot, service: &ServiceName, watch: &mut WatchSet) -> GatewayTarget {
    let instances = snapshot.service_nodes(&service.clone().into(), watch).value;
    if !instances.is_empty() {
        return GatewayTarget::Service;
    }
    if destinations(snapshot, watch).contains(service) {
        GatewayTarget::Destination
    } else {
        GatewayTarget::Unknown
    }
}

/// What a service speaks.
fn protocol(snapshot: &Snapshot, service: &ServiceName, watch: &mut WatchSet) -> String {
    let key = Key::new(Kind::ServiceDefaults, service.clone());
    let own = snapshot.config_entry(&key, watch).value;
    let protocol = match own.as_ref().map(|stored| &*stored.entry) {
        Some(Entry::ServiceDefaults(entry)) => entry.raw().protocol.clone(),
        _ => {
            let all = snapshot.config_entry(&Key::proxy_defaults(), watch).value;
            match all.as_ref().map(|stored| &*stored.entry) {
                Some(Entry::ProxyDefaults(entry)) => entry.protocol().to_ascii_lowercase(),
                _ => String::new(),
            }
        }
    };
    if protocol.is_empty() {
        "tcp".to_owned()
    } else {
        protocol
    }
}
