//! Names that resources are made with.

use tribune_chain::{Chain, Resolver, Target};
use tribune_types::spiffe::Identity;
use tribune_types::{ServiceName, names};

/// The cluster of the application beside the proxy.
pub(crate) const LOCAL_APP: &str = "local_app";
/// The listener for the mesh, and what stands in it.
pub(crate) const PUBLIC_LISTENER: &str = "public_listener";

/// The SPIFFE ID that a service's certificate carries.
pub(crate) fn spiffe_id(trust_domain: &str, service: &ServiceName, datacenter: &str) -> String {
    format!("spiffe://{trust_domain}{}", identity(service, datacenter))
}

/// A regular expression for the SPIFFE IDs of a service in any datacenter, or of all services for `*`.
///
/// The name is written as certificates write it, and escaped: a name is data, not an expression.
pub(crate) fn spiffe_pattern(trust_domain: &str, service: &ServiceName) -> String {
    const ANY: &str = "[^/]+";
    let id = identity(service, "any").to_string();
    // The datacenter above has no slash in it, so that this is where the ID's own parts meet.
    let (before, name) = id.split_once("/dc/any/svc/").unwrap_or((&id, ""));
    let name = if service.name.is_wildcard() {
        ANY.to_owned()
    } else {
        escaped(name)
    };
    format!(
        "^spiffe://{trust_domain}{}/dc/{ANY}/svc/{name}$",
        escaped(before)
    )
}

fn identity(service: &ServiceName, datacenter: &str) -> Identity {
    Identity::Service {
        partition: service.tenancy.partition().to_ascii_lowercase(),
        namespace: service.tenancy.namespace().to_ascii_lowercase(),
        datacenter: datacenter.to_owned(),
        service: service.name.to_string(),
    }
}

/// A text as a regular expression (RE2) that matches only itself.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if r"\.+*?()|[]{}^$".contains(character) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

/// Name of a target's cluster: after the hash of what the upstream insisted on, where it did.
pub(crate) fn cluster(chain: &Chain, target: &Target) -> String {
    if chain.customization_hash.is_empty() {
        target.name.clone()
    } else {
        format!("{}~{}", chain.customization_hash, target.name)
    }
}

/// Name of the cluster that a resolver's traffic goes to; `None` where it is a peer's.
pub(crate) fn cluster_of(chain: &Chain, resolver: &Resolver) -> Option<String> {
    let target = chain.targets.get(&resolver.target)?;
    target.peer.is_empty().then(|| cluster(chain, target))
}

/// Name of the cluster of a target that stands in, or of the one that others stand in for, which is the first.
pub(crate) fn failover_member(index: usize, cluster: &str) -> String {
    format!("failover-target~{index}~{cluster}")
}

/// What an upstream's filters and statistics are named by: `SERVICE.NAMESPACE.PARTITION.DATACENTER`.
pub(crate) fn filter(chain: &Chain) -> String {
    let tenancy = &chain.service.tenancy;
    let part = |part: &str| {
        if part.is_empty() {
            names::DEFAULT.to_owned()
        } else {
            part.to_owned()
        }
    };
    format!(
        "{}.{}.{}.{}",
        chain.service.name,
        part(tenancy.namespace()),
        part(tenancy.partition()),
        chain.datacenter
    )
}

#[cfg(test)]
mod tests {
    use tribune_types::Tenancy;

    use super::*;

    #[test]
    fn a_name_is_no_expression_within_a_pattern() {
        assert_eq!(
            spiffe_pattern("td.consul", &ServiceName::new("web.v2+x")),
            r"^spiffe://td.consul/ns/default/dc/[^/]+/svc/web\.v2\+x$"
        );
        assert_eq!(
            spiffe_pattern("td", &ServiceName::new("*")),
            "^spiffe://td/ns/default/dc/[^/]+/svc/[^/]+$"
        );
        assert_eq!(
            spiffe_pattern("td", &ServiceName::new("a/svc/b|.*")),
            r"^spiffe://td/ns/default/dc/[^/]+/svc/a%2Fsvc%2Fb%7C\.%2A$"
        );
        let edge = ServiceName {
            tenancy: Tenancy::new("Edge", "shop"),
            ..ServiceName::new("web")
        };
        assert_eq!(
            spiffe_pattern("td", &edge),
            "^spiffe://td/ap/edge/ns/shop/dc/[^/]+/svc/web$"
        );
    }

    #[test]
    fn a_spiffe_id_keeps_the_case_of_the_service() {
        assert_eq!(
            spiffe_id("td", &ServiceName::new("Web"), "dc1"),
            "spiffe://td/ns/default/dc/dc1/svc/Web"
        );
    }
}
