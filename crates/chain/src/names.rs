//! Names that the chain gives to things on the wire.

use tribune_types::ServiceName;

/// ID of a target: `[SUBSET.]SERVICE.NAMESPACE.PARTITION.DATACENTER`, or
/// `SERVICE.NAMESPACE.PARTITION.external.PEER` where there is a peer.
#[must_use]
pub fn target_id(service: &ServiceName, subset: &str, datacenter: &str, peer: &str) -> String {
    let tenancy = &service.tenancy;
    let service = [&service.name, tenancy.namespace(), tenancy.partition()];
    let [name, namespace, partition] = service;
    match (peer, subset) {
        ("", "") => [name, namespace, partition, datacenter].join("."),
        ("", subset) => [subset, name, namespace, partition, datacenter].join("."),
        (peer, _) => [name, namespace, partition, "external", peer].join("."),
    }
}

/// The name that a client asks for in its TLS handshake with a service, which is also the name of its
/// cluster: `[SUBSET.]SERVICE.NAMESPACE.DATACENTER.internal.TRUST_DOMAIN`, with the partition before the
/// datacenter and `internal-v1` where it is not the default one.
#[must_use]
pub fn service_sni(
    service: &ServiceName,
    subset: &str,
    datacenter: &str,
    trust_domain: &str,
) -> String {
    let (name, tenancy) = (service.name.as_str(), &service.tenancy);
    let (partition, namespace) = (tenancy.partition(), tenancy.namespace());
    let (before, dot) = if subset.is_empty() {
        ("", "")
    } else {
        (subset, ".")
    };
    if partition == tribune_types::names::DEFAULT {
        let head = [before, dot, name, ".", namespace, ".", datacenter];
        [&head.concat(), ".internal.", trust_domain].concat()
    } else {
        let head = [before, dot, name, ".", namespace, ".", partition];
        [
            &head.concat(),
            ".",
            datacenter,
            ".internal-v1.",
            trust_domain,
        ]
        .concat()
    }
}

/// Name of a service in the name of a node: `SERVICE.NAMESPACE.PARTITION`.
pub(crate) fn qualified(service: &ServiceName) -> String {
    let tenancy = &service.tenancy;
    [&service.name, tenancy.namespace(), tenancy.partition()].join(".")
}

#[cfg(test)]
mod tests {
    use tribune_types::Tenancy;

    use super::*;

    #[test]
    fn a_service_outside_the_default_partition_has_the_long_form() {
        let service = ServiceName {
            tenancy: Tenancy::new("edge", "shop"),
            ..ServiceName::new("web")
        };
        assert_eq!(target_id(&service, "", "dc1", ""), "web.shop.edge.dc1");
        assert_eq!(
            service_sni(&service, "", "dc1", "td"),
            "web.shop.edge.dc1.internal-v1.td"
        );
        assert_eq!(
            service_sni(&ServiceName::new("web"), "", "dc1", "td"),
            "web.default.dc1.internal.td"
        );
    }

    #[test]
    fn a_subset_comes_first_and_a_peer_has_a_form_of_its_own() {
        let web = ServiceName::new("web");
        assert_eq!(
            target_id(&web, "v1", "dc1", ""),
            "v1.web.default.default.dc1"
        );
        assert_eq!(
            target_id(&web, "v1", "", "isle"),
            "web.default.default.external.isle"
        );
        assert_eq!(
            service_sni(&web, "v1", "dc1", "td"),
            "v1.web.default.dc1.internal.td"
        );
    }
}
