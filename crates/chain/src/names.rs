//! Names that the chain gives to things on the wire.

use tribune_types::ServiceName;

/// ID of a target in this cluster's datacenters: `SERVICE.NAMESPACE.PARTITION.DATACENTER`.
#[must_use]
pub fn target_id(service: &ServiceName, datacenter: &str) -> String {
    let tenancy = &service.tenancy;
    format!(
        "{}.{}.{}.{datacenter}",
        service.name,
        tenancy.namespace(),
        tenancy.partition()
    )
}

/// The name that a client asks for in its TLS handshake with a service, which is also the name of its
/// cluster: `SERVICE.NAMESPACE.DATACENTER.internal.TRUST_DOMAIN`, with the partition before the datacenter
/// and `internal-v1` where it is not the default one.
#[must_use]
pub fn service_sni(service: &ServiceName, datacenter: &str, trust_domain: &str) -> String {
    let (name, tenancy) = (&service.name, &service.tenancy);
    let (partition, namespace) = (tenancy.partition(), tenancy.namespace());
    if partition == tribune_types::names::DEFAULT {
        format!("{name}.{namespace}.{datacenter}.internal.{trust_domain}")
    } else {
        format!("{name}.{namespace}.{partition}.{datacenter}.internal-v1.{trust_domain}")
    }
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
        assert_eq!(target_id(&service, "dc1"), "web.shop.edge.dc1");
        assert_eq!(
            service_sni(&service, "dc1", "td"),
            "web.shop.edge.dc1.internal-v1.td"
        );
        assert_eq!(
            service_sni(&ServiceName::new("web"), "dc1", "td"),
            "web.default.dc1.internal.td"
        );
    }
}
