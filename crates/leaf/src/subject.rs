//! What a leaf is issued for.

use tribune_types::spiffe::Identity;
use tribune_types::{ServiceName, Token};

/// Whom a leaf stands for, and with whose token it is asked for.
///
/// Names are compared to the letter, as in certificates, and not as the catalog does: `web` and `Web`
/// have each their own. So has each token, as what one may have another may not.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Subject {
    /// Whom the certificate stands for.
    pub identity: Identity,
    /// The token that has to allow it.
    pub token: Token,
}

impl Subject {
    /// A service in a datacenter.
    pub fn service(name: &ServiceName, datacenter: &str, token: Token) -> Self {
        let identity = Identity::Service {
            partition: name.tenancy.partition().to_owned(),
            namespace: name.tenancy.namespace().to_owned(),
            datacenter: datacenter.to_owned(),
            service: name.name.as_str().to_owned(),
        };
        Self { identity, token }
    }
}
