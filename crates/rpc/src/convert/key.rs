//! Keys of derived values.

use tribune_chain::Overrides;
use tribune_derived::{ChainKey, Key, SubsetKey};
use tribune_proto::rpc::v1::{self as proto, key::Key as Message};
use tribune_types::GoDuration;
use tribune_types::proxy::MeshGateway;

use super::names::{instance, instance_message, peered, peered_message, service, service_message};
use super::{Malformed, present};

pub(crate) fn key_message(key: &Key) -> proto::Key {
    let message = match key {
        Key::Proxy(name) => Message::Proxy(instance_message(name)),
        Key::Endpoints(name) => Message::Endpoints(peered_message(name)),
        Key::Subset(SubsetKey { service, filter }) => Message::Subset(proto::key::Subset {
            service: Some(service_message(service)),
            filter: filter.clone(),
        }),
        Key::ServiceConfig(name) => Message::ServiceConfig(service_message(name)),
        Key::Chain(key) => Message::Chain(chain_message(key)),
        Key::Intentions(name) => Message::Intentions(service_message(name)),
        Key::Roots => Message::Roots(proto::Unit {}),
        Key::Mesh => Message::Mesh(proto::Unit {}),
    };
    proto::Key { key: Some(message) }
}

pub(crate) fn key(message: Option<proto::Key>) -> Result<Key, Malformed> {
    let message = present("key", message)?;
    Ok(match present("key", message.key)? {
        Message::Proxy(name) => Key::Proxy(instance("key", Some(name))?),
        Message::Endpoints(name) => Key::Endpoints(peered("key", Some(name))?),
        Message::Subset(key) => Key::Subset(SubsetKey {
            service: service("key.subset.service", key.service)?,
            filter: key.filter,
        }),
        Message::ServiceConfig(name) => Key::ServiceConfig(service("key", Some(name))?),
        Message::Chain(key) => Key::Chain(chain(key)?),
        Message::Intentions(name) => Key::Intentions(service("key", Some(name))?),
        Message::Roots(proto::Unit {}) => Key::Roots,
        Message::Mesh(proto::Unit {}) => Key::Mesh,
    })
}

fn chain_message(key: &ChainKey) -> proto::key::Chain {
    let ChainKey {
        service,
        datacenter,
        overrides,
    } = key;
    let Overrides {
        protocol,
        connect_timeout,
        mesh_gateway: MeshGateway { mode },
    } = overrides;
    proto::key::Chain {
        service: Some(service_message(service)),
        datacenter: datacenter.clone(),
        protocol: protocol.clone(),
        connect_timeout_nanos: connect_timeout.as_nanos(),
        mesh_gateway: mode.clone(),
    }
}

fn chain(message: proto::key::Chain) -> Result<ChainKey, Malformed> {
    Ok(ChainKey {
        service: service("key.chain.service", message.service)?,
        datacenter: message.datacenter,
        overrides: Overrides {
            protocol: message.protocol,
            connect_timeout: GoDuration::from_nanos(message.connect_timeout_nanos),
            mesh_gateway: MeshGateway {
                mode: message.mesh_gateway,
            },
        },
    })
}
