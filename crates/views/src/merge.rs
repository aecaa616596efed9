//! Central configuration merged into a proxy's registration.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tribune_derived::ServiceConfig;
use tribune_types::names::WILDCARD;
use tribune_types::proxy::{AccessLogs, EnvoyExtension, MeshGateway, ProxyConfig, Upstream};
use tribune_types::{Opaque, PeeredServiceName, ServiceName, Tenancy};

/// Key of the protocol among opaque settings.
pub(crate) const PROTOCOL: &str = "protocol";

/// Key of the gateway mode among opaque settings.
pub(crate) const MESH_GATEWAY: &str = "mesh_gateway";

const TRANSPARENT: &str = "transparent";

/// A proxy's configuration with central configuration merged in.
///
/// `own` is what the proxy was registered with, in `tenancy`; `central` is the configuration of the service
/// that it stands for, or of its own where it is a gateway. `protocol_of` tells the protocol that a service's
/// own service-defaults names, see [`ServiceConfig::protocol`].
///
/// What was registered wins, unless it is what a field starts as: Consul can't tell an explicit zero, `false`
/// or empty text from nothing.
#[must_use]
pub fn merge(
    own: &ProxyConfig,
    tenancy: &Tenancy,
    central: &ServiceConfig,
    protocol_of: &mut dyn FnMut(&ServiceName) -> Option<String>,
) -> ProxyConfig {
    let mut merged = own.clone();
    let upstreams = resolve(own, tenancy, central, protocol_of);
    fill(&mut merged.config, &central.proxy.config);
    merged.expose.checks |= central.proxy.expose.checks;
    fill_in(&mut merged.expose.paths, &central.proxy.expose.paths);
    fill_access_logs(&mut merged.access_logs, &central.proxy.access_logs);
    merged.envoy_extensions = central
        .proxy
        .envoy_extensions
        .iter()
        .map(without_versions)
        .collect();
    fill_in(&mut merged.mesh_gateway, &central.proxy.mesh_gateway);
    fill_in(&mut merged.mode, &central.proxy.mode);
    fill_in(&mut merged.mutual_tls_mode, &central.proxy.mutual_tls_mode);
    let (listener, central_listener) = (
        &mut merged.transparent_proxy,
        &central.proxy.transparent_proxy,
    );
    fill_in(
        &mut listener.outbound_listener_port,
        &central_listener.outbound_listener_port,
    );
    listener.dialed_directly |= central_listener.dialed_directly;
    merge_upstreams(&mut merged, tenancy, upstreams);
    merged
}

/// The gateway mode among opaque settings; empty where there is none.
pub(crate) fn gateway_mode(settings: &Opaque) -> &str {
    let gateway = settings.get(MESH_GATEWAY).and_then(Value::as_object);
    let mode = gateway.and_then(|gateway| gateway.get("Mode").or_else(|| gateway.get("mode")));
    mode.and_then(Value::as_str).unwrap_or_default()
}

/// Central settings by upstream; those under the name `*` are for upstreams that are not known yet.
fn resolve(
    own: &ProxyConfig,
    tenancy: &Tenancy,
    central: &ServiceConfig,
    protocol_of: &mut dyn FnMut(&ServiceName) -> Option<String>,
) -> BTreeMap<PeeredServiceName, Opaque> {
    let named: BTreeSet<_> = own
        .upstreams
        .iter()
        .filter_map(|upstream| destination(upstream, tenancy))
        .collect();
    let mut resolved = BTreeMap::new();
    if named.is_empty() && own.mode != TRANSPARENT && central.proxy.mode != TRANSPARENT {
        return resolved;
    }
    let defaults = &central.upstreams;
    let mut wildcard = defaults.wildcard.clone();
    set_mode(&mut wildcard, &own.mesh_gateway);
    for upstream in named.iter().chain(defaults.overrides.keys()) {
        let mut settings = Opaque::new();
        set_protocol(&mut settings, &defaults.protocol);
        settings.extend(wildcard.clone());
        if upstream.peer.is_empty() {
            set_protocol(
                &mut settings,
                &protocol_of(&upstream.service).unwrap_or_default(),
            );
        }
        set_mode(&mut settings, &central.proxy.mesh_gateway);
        settings.extend(defaults.defaults.clone().unwrap_or_default());
        set_mode(&mut settings, &own.mesh_gateway);
        settings.extend(
            defaults
                .overrides
                .get(upstream)
                .cloned()
                .unwrap_or_default(),
        );
        if !settings.is_empty() {
            resolved.insert(upstream.clone(), settings);
        }
    }
    if !wildcard.is_empty() || defaults.defaults.is_some() {
        let any = ServiceName {
            name: WILDCARD.into(),
            tenancy: tenancy.clone(),
        };
        resolved.insert(any.into(), wildcard);
    }
    resolved
}

fn merge_upstreams(
    merged: &mut ProxyConfig,
    tenancy: &Tenancy,
    mut resolved: BTreeMap<PeeredServiceName, Opaque>,
) {
    let mut found = BTreeSet::new();
    for upstream in &mut merged.upstreams {
        let Some(name) = destination(upstream, tenancy) else {
            continue;
        };
        if let Some(settings) = resolved.get(&name) {
            merge_upstream(upstream, settings);
        }
        found.insert(name);
    }
    if merged.mode != TRANSPARENT {
        return;
    }
    resolved.retain(|name, _| !found.contains(name));
    merged
        .upstreams
        .extend(resolved.into_iter().map(|(name, settings)| Upstream {
            destination_peer: name.peer,
            mesh_gateway: MeshGateway {
                mode: gateway_mode(&settings).to_owned(),
            },
            destination_name: name.service.name,
            config: settings,
            centrally_configured: true,
            ..Upstream::default()
        }));
}

fn merge_upstream(upstream: &mut Upstream, settings: &Opaque) {
    if upstream.mesh_gateway.mode.is_empty() {
        gateway_mode(settings).clone_into(&mut upstream.mesh_gateway.mode);
    }
    let protocol = upstream.config.get(PROTOCOL).cloned();
    fill(&mut upstream.config, settings);
    if !upstream.destination_peer.is_empty() {
        // an imported service speaks what its exporter says
        match protocol {
            Some(protocol) => upstream.config.insert(PROTOCOL.to_owned(), protocol),
            None => upstream.config.remove(PROTOCOL),
        };
    }
    // the field has it now, and may differ
    upstream.config.remove(MESH_GATEWAY);
}

/// The service that an upstream stands for; `None` for one that stands for a prepared query.
fn destination(upstream: &Upstream, tenancy: &Tenancy) -> Option<PeeredServiceName> {
    if !matches!(upstream.destination_type.as_str(), "" | "service") {
        return None;
    }
    let or = |text: &str, own: &str| {
        if text.is_empty() {
            own.to_owned()
        } else {
            text.to_owned()
        }
    };
    let tenancy = Tenancy::new(
        &or(&upstream.destination_partition, tenancy.partition()),
        &or(&upstream.destination_namespace, tenancy.namespace()),
    );
    let service = ServiceName {
        name: upstream.destination_name.clone(),
        tenancy,
    };
    Some(PeeredServiceName {
        service,
        peer: upstream.destination_peer.clone(),
    })
}

fn set_protocol(settings: &mut Opaque, protocol: &str) {
    if !protocol.is_empty() {
        settings.insert(PROTOCOL.to_owned(), protocol.into());
    }
}

/// Sets the gateway mode among opaque settings, unless it is the one that means nothing.
pub(crate) fn set_mode(settings: &mut Opaque, gateway: &MeshGateway) {
    if !gateway.mode.is_empty() {
        let mode = Opaque::from_iter([("Mode".to_owned(), gateway.mode.as_str().into())]);
        settings.insert(MESH_GATEWAY.to_owned(), Value::Object(mode));
    }
}

/// An extension without its constraints on versions, which Consul does not hand to proxies.
fn without_versions(extension: &EnvoyExtension) -> EnvoyExtension {
    EnvoyExtension {
        name: extension.name.clone(),
        required: extension.required,
        arguments: extension.arguments.clone(),
        ..EnvoyExtension::default()
    }
}

/// Puts `central` in the place of `own` where that is what a field starts as.
fn fill_in<T: Clone + Default + PartialEq>(own: &mut T, central: &T) {
    if *own == T::default() {
        own.clone_from(central);
    }
}

fn fill_access_logs(own: &mut AccessLogs, central: &AccessLogs) {
    own.enabled |= central.enabled;
    own.disable_listener_logs |= central.disable_listener_logs;
    fill_in(&mut own.r#type, &central.r#type);
    fill_in(&mut own.path, &central.path);
    fill_in(&mut own.json_format, &central.json_format);
    fill_in(&mut own.text_format, &central.text_format);
}

/// Adds the settings of `central` that `own` lacks or has empty, in nested maps too; lists count as a whole.
fn fill(own: &mut Opaque, central: &Opaque) {
    for (key, value) in central {
        match own.get_mut(key) {
            None => {
                own.insert(key.clone(), value.clone());
            }
            Some(Value::Object(own)) if value.is_object() => {
                if let Value::Object(central) = value {
                    fill(own, central);
                }
            }
            Some(own) if is_empty(own) => own.clone_from(value),
            Some(_) => {}
        }
    }
}

/// Whether a value counts as not set.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(flag) => !flag,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
    }
}
