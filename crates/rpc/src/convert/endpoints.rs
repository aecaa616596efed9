//! Instances.

use bytes::Bytes;
use prost::Message as _;
use tribune_derived::{Endpoint, Health};
use tribune_proto::rpc::v1::{self as proto, endpoint::Health as HealthMessage};
use tribune_types::Weights;

use super::Malformed;
use super::names::{
    addresses, addresses_message, instance, instance_message, locality, locality_message,
};

/// One instance, as it stands in every list that has it.
pub(crate) fn encode_endpoint(endpoint: &Endpoint) -> Bytes {
    let Endpoint {
        instance,
        kind,
        address,
        port,
        node_address,
        node_tagged_addresses,
        tagged_addresses,
        datacenter,
        locality,
        meta,
        tags,
        weights: Weights { passing, warning },
        health,
    } = endpoint;
    let health = match health {
        Health::Passing => HealthMessage::Passing,
        Health::Warning => HealthMessage::Warning,
        Health::Critical => HealthMessage::Critical,
    };
    let message = proto::Endpoint {
        instance: Some(instance_message(instance)),
        kind: kind.as_str().to_owned(),
        address: address.clone(),
        port: *port,
        node_address: node_address.clone(),
        node_tagged_addresses: node_tagged_addresses.clone(),
        tagged_addresses: addresses_message(tagged_addresses),
        datacenter: datacenter.clone(),
        locality: locality_message(locality.as_ref()),
        meta: meta.clone(),
        tags: tags.clone(),
        weight_passing: *passing,
        weight_warning: *warning,
        health: health.into(),
    };
    message.encode_to_vec().into()
}

pub(crate) fn decode_endpoint(encoded: Bytes) -> Result<Endpoint, Malformed> {
    let message =
        proto::Endpoint::decode(encoded).map_err(|error| Malformed::new("endpoint", error))?;
    let health = match HealthMessage::try_from(message.health) {
        Ok(HealthMessage::Passing) => Health::Passing,
        Ok(HealthMessage::Warning) => Health::Warning,
        Ok(HealthMessage::Critical) => Health::Critical,
        Err(error) => return Err(Malformed::new("endpoint.health", error)),
    };
    Ok(Endpoint {
        instance: instance("endpoint.instance", message.instance)?,
        kind: message.kind.as_str().into(),
        address: message.address,
        port: message.port,
        node_address: message.node_address,
        node_tagged_addresses: message.node_tagged_addresses,
        tagged_addresses: addresses(message.tagged_addresses),
        datacenter: message.datacenter,
        locality: locality(message.locality),
        meta: message.meta,
        tags: message.tags,
        weights: Weights {
            passing: message.weight_passing,
            warning: message.weight_warning,
        },
        health,
    })
}
