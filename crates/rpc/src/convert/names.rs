//! Names.

use std::collections::BTreeMap;

use tribune_proto::rpc::v1 as proto;
use tribune_types::catalog::Locality;
use tribune_types::{
    InstanceName, NodeName, PeeredServiceName, ServiceAddress, ServiceName, Tenancy,
};

use super::{Malformed, present};

/// Partition and namespace as they are sent: nothing where both are `default`.
fn tenancy_parts(tenancy: &Tenancy) -> (String, String) {
    if tenancy.is_default() {
        return Default::default();
    }
    (
        tenancy.partition().to_owned(),
        tenancy.namespace().to_owned(),
    )
}

pub(crate) fn service_message(name: &ServiceName) -> proto::ServiceName {
    let ServiceName { name, tenancy } = name;
    let (partition, namespace) = tenancy_parts(tenancy);
    proto::ServiceName {
        name: name.as_str().to_owned(),
        partition,
        namespace,
    }
}

pub(crate) fn service(
    field: &'static str,
    message: Option<proto::ServiceName>,
) -> Result<ServiceName, Malformed> {
    let message = present(field, message)?;
    Ok(ServiceName {
        name: message.name.into(),
        tenancy: Tenancy::new(&message.partition, &message.namespace),
    })
}

pub(crate) fn peered_message(name: &PeeredServiceName) -> proto::PeeredServiceName {
    let PeeredServiceName { service, peer } = name;
    proto::PeeredServiceName {
        service: Some(service_message(service)),
        peer: peer.as_str().to_owned(),
    }
}

pub(crate) fn peered(
    field: &'static str,
    message: Option<proto::PeeredServiceName>,
) -> Result<PeeredServiceName, Malformed> {
    let message = present(field, message)?;
    Ok(PeeredServiceName {
        service: service(field, message.service)?,
        peer: message.peer.into(),
    })
}

pub(crate) fn instance_message(name: &InstanceName) -> proto::InstanceName {
    let InstanceName { node, id } = name;
    let NodeName {
        name,
        peer,
        tenancy,
    } = node;
    proto::InstanceName {
        node: name.as_str().to_owned(),
        node_peer: peer.as_str().to_owned(),
        partition: tenancy_parts(tenancy).0,
        id: id.as_str().to_owned(),
    }
}

pub(crate) fn instance(
    field: &'static str,
    message: Option<proto::InstanceName>,
) -> Result<InstanceName, Malformed> {
    let message = present(field, message)?;
    Ok(InstanceName {
        node: NodeName {
            name: message.node.into(),
            peer: message.node_peer.into(),
            tenancy: Tenancy::new(&message.partition, ""),
        },
        id: message.id.into(),
    })
}

pub(crate) fn addresses_message(
    addresses: &BTreeMap<String, ServiceAddress>,
) -> BTreeMap<String, proto::ServiceAddress> {
    let message = |address: &ServiceAddress| {
        let ServiceAddress { address, port } = address;
        proto::ServiceAddress {
            address: address.clone(),
            port: *port,
        }
    };
    addresses
        .iter()
        .map(|(tag, address)| (tag.clone(), message(address)))
        .collect()
}

pub(crate) fn addresses(
    messages: BTreeMap<String, proto::ServiceAddress>,
) -> BTreeMap<String, ServiceAddress> {
    let address = |message: proto::ServiceAddress| ServiceAddress {
        address: message.address,
        port: message.port,
    };
    messages
        .into_iter()
        .map(|(tag, message)| (tag, address(message)))
        .collect()
}

pub(crate) fn locality_message(locality: Option<&Locality>) -> Option<proto::Locality> {
    let Locality { region, zone } = locality?;
    Some(proto::Locality {
        region: region.clone(),
        zone: zone.clone(),
    })
}

pub(crate) fn locality(message: Option<proto::Locality>) -> Option<Locality> {
    message.map(|message| Locality {
        region: message.region,
        zone: message.zone,
    })
}
