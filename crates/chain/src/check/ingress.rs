//! Ingress gateways: what a listener speaks, the services behind it have to speak.

use tribune_types::ServiceName;
use tribune_types::config_entry::{Entry, IngressGateway, Kind};

use super::CheckError;
use super::graph::Compiled;
use crate::entries::Entries;

/// Checks a gateway that is written.
pub(super) fn gateway(entry: &Entry, entries: &mut dyn Entries) -> Result<(), CheckError> {
    let Entry::IngressGateway(gateway) = entry else {
        return Ok(());
    };
    listeners(gateway, (true, &|_| true), entries)
}

/// Checks the services that `concerns` says against the gateways that are there.
pub(super) fn gateways(
    concerns: impl Fn(&ServiceName) -> bool,
    entries: &mut dyn Entries,
) -> Result<(), CheckError> {
    for entry in entries.of_kind(Kind::IngressGateway) {
        if let Entry::IngressGateway(gateway) = &*entry {
            listeners(gateway, (false, &concerns), entries)?;
        }
    }
    Ok(())
}

fn listeners(
    gateway: &IngressGateway,
    (strict, concerns): (bool, &dyn Fn(&ServiceName) -> bool),
    entries: &mut dyn Entries,
) -> Result<(), CheckError> {
    for listener in gateway.listeners() {
        for service in listener.services() {
            let service = ServiceName::new(service.name.as_str());
            if service.name.is_wildcard() || !concerns(&service) {
                continue;
            }
            let chain = Compiled::of(&service, entries)?.chain;
            // connections can be passed on whatever is in them
            let passes = !strict && listener.protocol == "tcp" && chain.start_target().is_some();
            if chain.protocol != listener.protocol && !passes {
                return Err(CheckError::IngressProtocol {
                    gateway: gateway.gateway(),
                    service,
                    protocol: chain.protocol,
                    listener: listener.protocol.clone(),
                });
            }
        }
    }
    Ok(())
}
