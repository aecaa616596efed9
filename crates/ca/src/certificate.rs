//! An issued certificate.

use std::sync::Arc;
use std::time::SystemTime;

use tribune_types::spiffe::SpiffeId;

use crate::encoding;

/// A leaf certificate as its holder gets it; the private key is not part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The leaf, then the intermediates up to but without the root, PEM.
    pub chain_pem: String,
    /// Serial number as hexadecimal pairs joined by colons.
    pub serial_number: String,
    /// Whom it stands for.
    pub id: SpiffeId,
    /// Start of its validity, in whole seconds.
    pub not_before: SystemTime,
    /// End of its validity, in whole seconds.
    pub not_after: SystemTime,
    /// Key ID of the certificate that signed it; equals `SigningKeyID` of the root that was active then.
    pub signing_key_id: Arc<str>,
}

impl Certificate {
    /// Start of the validity as in `ValidAfter`.
    pub fn valid_after(&self) -> String {
        encoding::rfc3339(self.not_before)
    }

    /// End of the validity as in `ValidBefore`.
    pub fn valid_before(&self) -> String {
        encoding::rfc3339(self.not_after)
    }
}
