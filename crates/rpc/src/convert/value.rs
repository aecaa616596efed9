//! Derived values.

use std::sync::Arc;

use bytes::Bytes;
use prost::Message as _;
use serde_json::Value as Json;
use tribune_derived::{Endpoints, Mesh, Roots, Value};
use tribune_proto::rpc::v1::{self as proto, value::Value as Message};
use tribune_types::config_entry::{Entry, Kind, Raw};

use super::chain::{chain, chain_message};
use super::endpoints::{decode_endpoint, encode_endpoint};
use super::intentions::{intentions, intentions_message};
use super::proxy::{proxy, proxy_message, service_config, service_config_message};
use super::{Malformed, from_json, present, to_json};

/// Equal values are equal bytes: maps are in the order of their keys.
pub(crate) fn encode_value(value: &Value) -> Bytes {
    let message = match value {
        Value::Proxy(value) => Message::Proxy(proto::ProxyValue {
            proxy: value.as_deref().map(proxy_message),
        }),
        Value::Endpoints(value) => {
            let Endpoints { endpoints } = &**value;
            Message::Endpoints(proto::Endpoints {
                endpoints: endpoints.iter().map(encode_endpoint).collect(),
            })
        }
        Value::ServiceConfig(value) => Message::ServiceConfig(service_config_message(value)),
        Value::Chain(value) => Message::Chain(chain_message(value)),
        Value::Intentions(value) => Message::Intentions(intentions_message(value)),
        Value::Roots(value) => Message::Roots(proto::RootsValue {
            roots: value.as_deref().map(roots_message),
        }),
        Value::Mesh(value) => Message::Mesh(mesh_message(value)),
    };
    let message = proto::Value {
        value: Some(message),
    };
    message.encode_to_vec().into()
}

/// A list of endpoints from its parts, so that those are encoded once.
pub(crate) fn encode_endpoints(endpoints: Vec<Bytes>) -> Bytes {
    let message = proto::Value {
        value: Some(Message::Endpoints(proto::Endpoints { endpoints })),
    };
    message.encode_to_vec().into()
}

pub(crate) fn decode_value(encoded: Bytes) -> Result<Value, Malformed> {
    let message = proto::Value::decode(encoded).map_err(|error| Malformed::new("value", error))?;
    Ok(match present("value", message.value)? {
        Message::Proxy(message) => {
            Value::Proxy(message.proxy.map(proxy).transpose()?.map(Arc::new))
        }
        Message::Endpoints(message) => {
            let endpoints = message.endpoints.into_iter().map(decode_endpoint);
            Value::Endpoints(Arc::new(Endpoints {
                endpoints: endpoints.collect::<Result<_, _>>()?,
            }))
        }
        Message::ServiceConfig(message) => Value::ServiceConfig(Arc::new(service_config(message)?)),
        Message::Chain(message) => Value::Chain(chain(message)?),
        Message::Intentions(message) => Value::Intentions(Arc::new(intentions(message)?)),
        Message::Roots(message) => Value::Roots(message.roots.map(roots).map(Arc::new)),
        Message::Mesh(message) => Value::Mesh(Arc::new(mesh(message)?)),
    })
}

fn roots_message(roots: &Roots) -> proto::Roots {
    let Roots {
        trust_domain,
        active_root_id,
        bundle,
    } = roots;
    proto::Roots {
        trust_domain: trust_domain.clone(),
        active_root_id: active_root_id.clone(),
        bundle: bundle.to_string(),
    }
}

fn roots(message: proto::Roots) -> Roots {
    Roots {
        trust_domain: message.trust_domain,
        active_root_id: message.active_root_id,
        bundle: message.bundle.into(),
    }
}

fn mesh_message(mesh: &Mesh) -> proto::Mesh {
    let Mesh { entry } = mesh;
    proto::Mesh {
        entry: entry.as_ref().map(|entry| to_json(&entry.to_json(0, 0))),
    }
}

/// The entry is checked again: what a server let in may be what this version does not.
fn mesh(message: proto::Mesh) -> Result<Mesh, Malformed> {
    let Some(json) = message.entry else {
        return Ok(Mesh { entry: None });
    };
    let json: Json = from_json("mesh.entry", &json)?;
    let entry = Raw::deserialize(Kind::Mesh, json)
        .map_err(|error| Malformed::new("mesh.entry", error))
        .and_then(|raw| {
            Entry::try_from(raw).map_err(|error| Malformed::new("mesh.entry", error))
        })?;
    Ok(Mesh {
        entry: Some(Arc::new(entry)),
    })
}
