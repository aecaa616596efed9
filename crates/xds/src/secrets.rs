//! Secrets: the one place where certificates and keys go out.

use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3 as tls;
use prost::Message;
use tribune_derived::Roots;

use crate::resource::{Resource, ResourceType};
use crate::wire::inline;

/// Name of the secret that holds the proxy's own certificate and key. Whose they are, the stream decides.
pub const LEAF: &str = "leaf";
/// Name of the secret that holds the certificates that the mesh trusts.
pub const ROOTS: &str = "roots";

/// The secret with a proxy's own certificate: the chain, leaf first, and its key, both PEM.
#[must_use]
pub fn leaf(certificate_chain: &str, private_key: &str) -> Resource {
    secret(
        LEAF,
        tls::secret::Type::TlsCertificate(tls::TlsCertificate {
            certificate_chain: Some(inline(certificate_chain)),
            private_key: Some(inline(private_key)),
            ..Default::default()
        }),
    )
}

/// The secret with the certificates that the mesh trusts.
pub(crate) fn roots(roots: &Roots) -> Resource {
    secret(
        ROOTS,
        tls::secret::Type::ValidationContext(tls::CertificateValidationContext {
            trusted_ca: Some(inline(&roots.bundle)),
            ..Default::default()
        }),
    )
}

fn secret(name: &str, value: tls::secret::Type) -> Resource {
    let secret = tls::Secret {
        name: name.to_owned(),
        r#type: Some(value),
    };
    Resource::new(ResourceType::Secret, name, secret.encode_to_vec())
}
