//! Proxies and central configuration.

use std::collections::BTreeMap;

use tribune_derived::{Proxy, ServiceConfig, UpstreamDefaults};
use tribune_proto::rpc::v1 as proto;
use tribune_types::Opaque;
use tribune_types::proxy::ProxyConfig;

use super::names::{
    addresses, addresses_message, instance, instance_message, locality, locality_message, peered,
    peered_message, service, service_message,
};
use super::{Malformed, from_json, present, to_json};

/// All of it but one field is what clients read and write, and has a form for them.
fn config_message(config: &ProxyConfig) -> proto::ProxyConfig {
    let ProxyConfig {
        envoy_extensions: _,
        destination_service_name: _,
        destination_service_id: _,
        local_service_address: _,
        local_service_port: _,
        local_service_socket_path: _,
        mode: _,
        config: _,
        upstreams: _,
        mesh_gateway: _,
        expose: _,
        transparent_proxy: _,
        mutual_tls_mode,
        access_logs: _,
    } = config;
    proto::ProxyConfig {
        json: to_json(config),
        mutual_tls_mode: mutual_tls_mode.clone(),
    }
}

fn config(message: Option<proto::ProxyConfig>) -> Result<ProxyConfig, Malformed> {
    let message = present("config", message)?;
    let mut config: ProxyConfig = from_json("config", &message.json)?;
    config.mutual_tls_mode = message.mutual_tls_mode;
    Ok(config)
}

pub(super) fn proxy_message(proxy: &Proxy) -> proto::Proxy {
    let Proxy {
        instance,
        kind,
        service,
        address,
        port,
        node_address,
        tagged_addresses,
        meta,
        datacenter,
        locality,
        config,
    } = proxy;
    proto::Proxy {
        instance: Some(instance_message(instance)),
        kind: kind.as_str().to_owned(),
        service: Some(service_message(service)),
        address: address.clone(),
        port: *port,
        node_address: node_address.clone(),
        tagged_addresses: addresses_message(tagged_addresses),
        meta: meta.clone(),
        datacenter: datacenter.clone(),
        locality: locality_message(locality.as_ref()),
        config: Some(config_message(config)),
    }
}

pub(super) fn proxy(message: proto::Proxy) -> Result<Proxy, Malformed> {
    Ok(Proxy {
        instance: instance("proxy.instance", message.instance)?,
        kind: message.kind.as_str().into(),
        service: service("proxy.service", message.service)?,
        address: message.address,
        port: message.port,
        node_address: message.node_address,
        tagged_addresses: addresses(message.tagged_addresses),
        meta: message.meta,
        datacenter: message.datacenter,
        locality: locality(message.locality),
        config: config(message.config)?,
    })
}

pub(super) fn service_config_message(central: &ServiceConfig) -> proto::ServiceConfig {
    let ServiceConfig {
        proxy,
        protocol,
        upstreams,
        meta,
    } = central;
    let UpstreamDefaults {
        protocol: upstream_protocol,
        wildcard,
        defaults,
        overrides,
    } = upstreams;
    let overrides = overrides
        .iter()
        .map(|(upstream, config)| proto::service_config::Override {
            upstream: Some(peered_message(upstream)),
            config: to_json(config),
        });
    proto::ServiceConfig {
        proxy: Some(config_message(proxy)),
        protocol: protocol.clone(),
        upstream_protocol: upstream_protocol.clone(),
        upstream_wildcard: to_json(wildcard),
        upstream_defaults: defaults.as_ref().map(to_json),
        upstream_overrides: overrides.collect(),
        meta: meta.clone(),
    }
}

pub(super) fn service_config(message: proto::ServiceConfig) -> Result<ServiceConfig, Malformed> {
    let opaque = |json: &[u8]| from_json::<Opaque>("service_config.upstreams", json);
    let mut overrides = BTreeMap::new();
    for message in message.upstream_overrides {
        let upstream = peered("service_config.upstreams", message.upstream)?;
        overrides.insert(upstream, opaque(&message.config)?);
    }
    let defaults = message.upstream_defaults.as_deref().map(opaque);
    Ok(ServiceConfig {
        proxy: config(message.proxy)?,
        protocol: message.protocol,
        upstreams: UpstreamDefaults {
            protocol: message.upstream_protocol,
            wildcard: opaque(&message.upstream_wildcard)?,
            defaults: defaults.transpose()?,
            overrides,
        },
        meta: message.meta,
    })
}
