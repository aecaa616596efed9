//! A service's central configuration: what proxy-defaults says, and what service-defaults says over it.

use tribune_derived::{ServiceConfig, UpstreamDefaults};
use tribune_state::{Snapshot, WatchSet};
use tribune_types::config_entry::{
    Entry, Key, Kind, ProxyDefaults, RawServiceDefaults, ServiceDefaults, UpstreamConfig,
};
use tribune_types::proxy::MeshGateway;
use tribune_types::{Opaque, PeeredServiceName, ServiceName, Tenancy};

use crate::merge::{PROTOCOL, gateway_mode, set_mode};

/// The central configuration of `service`.
pub(super) fn service_config(
    snapshot: &Snapshot,
    service: &ServiceName,
    watch: &mut WatchSet,
) -> ServiceConfig {
    let mut config = ServiceConfig::default();
    if let Some(stored) = snapshot.config_entry(&Key::proxy_defaults(), watch).value
        && let Entry::ProxyDefaults(entry) = &*stored.entry
    {
        add_proxy_defaults(&mut config, entry);
    }
    let key = Key::new(Kind::ServiceDefaults, service.clone());
    if let Some(stored) = snapshot.config_entry(&key, watch).value
        && let Entry::ServiceDefaults(entry) = &*stored.entry
    {
        add_service_defaults(&mut config, entry);
    }
    config
}

fn add_proxy_defaults(config: &mut ServiceConfig, entry: &ProxyDefaults) {
    let (raw, proxy) = (entry.raw(), &mut config.proxy);
    proxy.config = raw.config.clone().unwrap_or_default();
    proxy.mode.clone_from(&raw.mode);
    proxy.transparent_proxy.clone_from(&raw.transparent_proxy);
    proxy.mutual_tls_mode.clone_from(&raw.mutual_tls_mode);
    proxy.mesh_gateway.clone_from(&raw.mesh_gateway);
    proxy.expose.clone_from(&raw.expose);
    proxy.access_logs.clone_from(&raw.access_logs);
    proxy.envoy_extensions.clone_from(&raw.envoy_extensions);
    config.upstreams.protocol = entry.protocol().to_lowercase();
    let wildcard = &mut config.upstreams.wildcard;
    // a mode among the opaque settings counts for upstreams alone, and less than the field for it
    set_mode(
        wildcard,
        &MeshGateway {
            mode: gateway_mode(&config.proxy.config).to_owned(),
        },
    );
    set_mode(wildcard, &raw.mesh_gateway);
}

fn add_service_defaults(config: &mut ServiceConfig, entry: &ServiceDefaults) {
    let (raw, proxy) = (entry.raw(), &mut config.proxy);
    proxy.expose.checks |= raw.expose.checks;
    replace(&mut proxy.expose.paths, &raw.expose.paths);
    replace(&mut proxy.mesh_gateway, &raw.mesh_gateway);
    replace(&mut proxy.mode, &raw.mode);
    replace(&mut proxy.mutual_tls_mode, &raw.mutual_tls_mode);
    replace(
        &mut proxy.transparent_proxy.outbound_listener_port,
        &raw.transparent_proxy.outbound_listener_port,
    );
    proxy.transparent_proxy.dialed_directly |= raw.transparent_proxy.dialed_directly;
    proxy
        .envoy_extensions
        .extend(raw.envoy_extensions.iter().cloned());
    set_settings(&mut proxy.config, raw);
    config.protocol.clone_from(&raw.protocol);
    config.meta.clone_from(&raw.meta);
    set_mode(&mut config.upstreams.wildcard, &raw.mesh_gateway);
    add_upstreams(
        &mut config.upstreams,
        raw,
        &config.proxy.mesh_gateway,
        &entry.service().tenancy,
    );
}

/// Puts `new` in the place of `old` unless it is what a field starts as.
fn replace<T: Clone + Default + PartialEq>(old: &mut T, new: &T) {
    if *new != T::default() {
        old.clone_from(new);
    }
}

/// The fields of a service-defaults that have keys among a proxy's opaque settings.
fn set_settings(settings: &mut Opaque, raw: &RawServiceDefaults) {
    for (key, text) in [
        (PROTOCOL, &raw.protocol),
        (
            "balance_inbound_connections",
            &raw.balance_inbound_connections,
        ),
    ] {
        if !text.is_empty() {
            settings.insert(key.to_owned(), text.as_str().into());
        }
    }
    let numbers = [
        ("max_inbound_connections", raw.max_inbound_connections),
        ("local_connect_timeout_ms", raw.local_connect_timeout_ms),
        ("local_request_timeout_ms", raw.local_request_timeout_ms),
    ];
    for (key, number) in numbers.into_iter().filter(|(_, number)| *number > 0) {
        settings.insert(key.to_owned(), number.into());
    }
}

fn add_upstreams(
    upstreams: &mut UpstreamDefaults,
    raw: &RawServiceDefaults,
    gateway: &MeshGateway,
    tenancy: &Tenancy,
) {
    let Some(configuration) = &raw.upstream_config else {
        return;
    };
    for upstream in &configuration.overrides {
        let service = ServiceName {
            name: upstream.name.as_str().into(),
            tenancy: tenancy.clone(),
        };
        let name = PeeredServiceName {
            service,
            peer: upstream.peer.as_str().into(),
        };
        upstreams.overrides.insert(name, settings_of(upstream));
    }
    if let Some(defaults) = &configuration.defaults {
        let mut settings = settings_of(defaults);
        if defaults.mesh_gateway.mode.is_empty() {
            set_mode(&mut settings, gateway);
        }
        upstreams.wildcard.extend(settings.clone());
        upstreams.defaults = Some(settings);
    }
}

/// An upstream's settings as a map; what is not set is not there.
fn settings_of(upstream: &UpstreamConfig) -> Opaque {
    let mut settings = Opaque::new();
    let texts = [
        ("envoy_listener_json", &upstream.envoy_listener_json),
        ("envoy_cluster_json", &upstream.envoy_cluster_json),
        (PROTOCOL, &upstream.protocol),
        (
            "balance_outbound_connections",
            &upstream.balance_outbound_connections,
        ),
    ];
    for (key, text) in texts.into_iter().filter(|(_, text)| !text.is_empty()) {
        settings.insert(key.to_owned(), text.as_str().into());
    }
    if upstream.connect_timeout_ms > 0 {
        settings.insert(
            "connect_timeout_ms".to_owned(),
            upstream.connect_timeout_ms.into(),
        );
    }
    let limits = upstream.limits.as_ref().map(serde_json::to_value);
    let check = upstream
        .passive_health_check
        .as_ref()
        .map(serde_json::to_value);
    for (key, part) in [("limits", limits), ("passive_health_check", check)] {
        if let Some(Ok(part)) = part {
            settings.insert(key.to_owned(), part);
        }
    }
    set_mode(&mut settings, &upstream.mesh_gateway);
    settings
}
