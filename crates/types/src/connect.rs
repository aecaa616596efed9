//! Rows of the certificate authority: its roots and its configuration.

use serde::{Deserialize, Serialize};

use crate::{Index, Opaque};

/// A root certificate that the mesh trusts. The signing key is no part of the row: it never leaves the
/// servers, see [`CaConfiguration`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct CaRoot {
    /// Fingerprint of the certificate, in hexadecimal pairs joined by colons.
    #[serde(rename = "ID")]
    pub id: String,
    /// Words for people.
    pub name: String,
    /// Serial number of the certificate.
    pub serial_number: u64,
    /// Key ID of the certificate that signs leaves.
    #[serde(rename = "SigningKeyID")]
    pub signing_key_id: String,
    /// The trust domain without its `.consul`.
    pub external_trust_domain: String,
    /// Start of its validity, RFC 3339.
    pub not_before: String,
    /// End of its validity, RFC 3339.
    pub not_after: String,
    /// The certificate, PEM.
    pub root_cert: String,
    /// Certificates between it and the leaves, PEM, root side first.
    pub intermediate_certs: Option<Vec<String>>,
    /// Whether leaves are signed with it now.
    pub active: bool,
    /// `ec` or `rsa`.
    pub private_key_type: String,
    /// Size of its key.
    pub private_key_bits: u32,
    /// When it was written first.
    pub create_index: Index,
    /// When it changed last.
    pub modify_index: Index,
}

/// Configuration of the certificate authority.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct CaConfiguration {
    /// UUID of the cluster, the first part of the trust domain.
    pub cluster_id: String,
    /// `consul` is the built-in one.
    pub provider: String,
    /// The provider's settings.
    pub config: Opaque,
    /// Whether a root may change without the old one vouching for the new one.
    pub force_without_cross_signing: bool,
    /// PEM of the built-in provider's active signing key. Never printed and never part of an answer.
    pub signing_key: String,
    /// When it was written first.
    pub create_index: Index,
    /// When it changed last.
    pub modify_index: Index,
}

impl CaConfiguration {
    /// The cluster's trust domain: what every SPIFFE ID starts with.
    #[must_use]
    pub fn trust_domain(&self) -> String {
        format!("{}.consul", self.cluster_id.to_ascii_lowercase())
    }
}

impl std::fmt::Debug for CaConfiguration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CaConfiguration")
            .field("cluster_id", &self.cluster_id)
            .field("provider", &self.provider)
            .field("modify_index", &self.modify_index)
            .finish_non_exhaustive()
    }
}
