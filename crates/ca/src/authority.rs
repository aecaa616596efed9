//! The built-in certificate authority: the active root, its key, and signing with it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ring::rand::SecureRandom;
use ring::signature::EcdsaKeyPair;
use tribune_types::spiffe::{Identity, SpiffeError, SpiffeId, TrustDomain};

use crate::certificate::Certificate;
use crate::encoding::{self, AlternativeNames};
use crate::key::{KeyError, KeyPair};
use crate::profile::{self, Fields};
use crate::request::Request;
use crate::root::{Root, RootError};
use crate::ttl::Ttls;

/// How far certificates are dated back, for the sake of clocks that are behind.
const BACKDATE: Duration = Duration::from_secs(60);

/// The part of its lifetime that a leaf is dated back at most; the whole [`BACKDATE`] from an hour on.
const BACKDATE_PART: u32 = 60;

/// What an authority is for.
#[derive(Clone, Debug)]
pub struct Params {
    /// UUID of the cluster, the first part of its trust domain.
    pub cluster_id: String,
    /// Datacenter whose services, gateways and servers are certified.
    pub datacenter: String,
    /// Lifetimes, checked.
    pub ttls: Ttls,
}

/// A root with its key, certifying the members of one datacenter.
#[derive(Debug)]
pub struct Authority {
    root: Root,
    key: KeyPair,
    signing_key: EcdsaKeyPair,
    trust_domain: TrustDomain,
    datacenter: String,
    leaf_ttl: Duration,
    signing_key_id: Arc<str>,
    /// The extensions that all leaves have alike.
    leaf_extensions: Vec<u8>,
}

/// Certifies requests.
///
/// Who may have what was requested has been decided before: the caller asks its authoriser about
/// [`Request::id`].
pub trait Signer: Send + Sync {
    /// The trust domain that it vouches for.
    fn trust_domain(&self) -> &TrustDomain;

    /// Certifies `request` from a little before `now`.
    ///
    /// # Errors
    /// When the request is none of this signer's business, or it cannot sign now.
    fn sign(
        &self,
        request: &Request,
        now: SystemTime,
        rng: &dyn SecureRandom,
    ) -> Result<Certificate, SignError>;
}

/// Why there is no authority.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorityError {
    /// The cluster ID makes no trust domain.
    #[error("error generating CA: {0}")]
    TrustDomain(#[from] SpiffeError),
    /// The key cannot be made or read.
    #[error("error parsing private key: {0}")]
    Key(#[from] KeyError),
    /// The root certificate cannot be read.
    #[error(transparent)]
    Root(#[from] RootError),
    /// Root certificate and key do not belong together.
    #[error("the private key is for a different root certificate")]
    Mismatch,
    /// The validity is out of the range of X.509.
    #[error("error generating CA certificate: {0}")]
    Encoding(#[from] der::Error),
}

/// Why a request is not certified, in Consul's words where it has any.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// The identity is of no kind that leaves stand for.
    #[error("SPIFFE ID in CSR must be a service, agent, server, or mesh gateway ID")]
    NotALeaf,
    /// The identity belongs to another mesh.
    #[error("SPIFFE ID in CSR from a different trust domain: {actual}, we are {expected}")]
    TrustDomain {
        /// The trust domain of the request.
        actual: TrustDomain,
        /// The one that is certified here.
        expected: TrustDomain,
    },
    /// The identity belongs to another datacenter.
    #[error("SPIFFE ID in CSR from a different datacenter: {actual}, we are {expected}")]
    Datacenter {
        /// The datacenter of the request.
        actual: String,
        /// The one that is certified here.
        expected: String,
    },
    /// A DNS name within the trust domain, which stands for the servers.
    #[error("DNS name {name:?} in CSR is reserved for servers")]
    ReservedName {
        /// The name.
        name: String,
    },
    /// The root's validity is over, or has not begun.
    #[error("root expired: certificate expired, expiration date: {not_after}")]
    RootExpired {
        /// When it ended, RFC 3339.
        not_after: String,
    },
    /// The time is out of the range of X.509.
    #[error("error generating certificate: {0}")]
    Encoding(#[from] der::Error),
    /// The system gave no randomness.
    #[error("error generating certificate: no randomness to be had")]
    Randomness(#[from] ring::error::Unspecified),
}

// === impl Authority ===

impl Authority {
    /// Makes a key and a root certificate for it.
    ///
    /// # Errors
    /// A bad cluster ID, a time out of range, or no randomness.
    pub fn generate(
        params: &Params,
        now: SystemTime,
        rng: &dyn SecureRandom,
    ) -> Result<Self, AuthorityError> {
        let trust_domain = TrustDomain::of_cluster(&params.cluster_id)?;
        let key = KeyPair::generate(rng)?;
        let not_before = now.checked_sub(BACKDATE).unwrap_or(now);
        let not_after = now
            .checked_add(params.ttls.root)
            .ok_or(der::ErrorKind::DateTime)
            .map_err(der::Error::from)?;
        let name = profile::common_name(&trust_domain, rng).map_err(KeyError::from)?;
        let body = profile::body(Fields {
            serial: &profile::serial(rng).map_err(KeyError::from)?,
            issuer: &name,
            subject: &name,
            validity: &encoding::validity(not_before, not_after)?,
            spki: key.public_key().spki(),
            extensions: &profile::root_extensions(&trust_domain, &key.public_key().id())?,
        });
        let signature = key
            .signing_key(rng)?
            .sign(rng, &body)
            .map_err(KeyError::from)?;
        let root = Root::from_der(encoding::signed(&body, signature.as_ref()))?;
        Self::new(params, root, key, rng)
    }

    /// Takes up an authority again from its root certificate and key, as they were kept.
    ///
    /// # Errors
    /// When either cannot be read, or they do not belong together.
    pub fn from_parts(
        params: &Params,
        root_pem: &str,
        key_pem: &str,
        rng: &dyn SecureRandom,
    ) -> Result<Self, AuthorityError> {
        let root = Root::from_pem(root_pem)?;
        let key = KeyPair::from_pem(key_pem, rng)?;
        Self::new(params, root, key, rng)
    }

    fn new(
        params: &Params,
        root: Root,
        key: KeyPair,
        rng: &dyn SecureRandom,
    ) -> Result<Self, AuthorityError> {
        if *root.public_key() != key.public_key() {
            return Err(AuthorityError::Mismatch);
        }
        Ok(Self {
            signing_key: key.signing_key(rng)?,
            trust_domain: TrustDomain::of_cluster(&params.cluster_id)?,
            datacenter: params.datacenter.clone(),
            leaf_ttl: params.ttls.leaf,
            signing_key_id: root.signing_key_id().into(),
            leaf_extensions: profile::leaf_extensions(root.key_id())?,
            root,
            key,
        })
    }

    /// The root that it signs with.
    pub fn root(&self) -> &Root {
        &self.root
    }

    /// The key to keep, for [`Authority::from_parts`].
    pub fn key(&self) -> &KeyPair {
        &self.key
    }

    /// The datacenter whose members it certifies.
    pub fn datacenter(&self) -> &str {
        &self.datacenter
    }

    /// The identity that the certificate will carry, if this authority may certify it at all.
    fn certifiable(&self, request: &Request) -> Result<SpiffeId, SignError> {
        let id = request.id();
        let datacenter = match &id.identity {
            Identity::Signing => return Err(SignError::NotALeaf),
            // An agent asks before it knows the trust domain, so its host part is replaced.
            Identity::Agent { .. } => None,
            Identity::Service { datacenter, .. }
            | Identity::MeshGateway { datacenter, .. }
            | Identity::Server { datacenter } => Some(datacenter),
        };
        if let Some(datacenter) = datacenter {
            if id.trust_domain != self.trust_domain {
                return Err(SignError::TrustDomain {
                    actual: id.trust_domain.clone(),
                    expected: self.trust_domain.clone(),
                });
            }
            if *datacenter != self.datacenter {
                return Err(SignError::Datacenter {
                    actual: datacenter.clone(),
                    expected: self.datacenter.clone(),
                });
            }
        }
        let servers_only = |name: &&String| self.is_server_name(name);
        match request.dns_names().iter().find(servers_only) {
            Some(name) if !matches!(id.identity, Identity::Server { .. }) => {
                Err(SignError::ReservedName { name: name.clone() })
            }
            _ => Ok(id.identity.clone().within(&self.trust_domain)),
        }
    }

    /// Whether a DNS name is, or may match, one within the trust domain.
    ///
    /// Servers are known to peers by `server.DATACENTER.peering.TRUST_DOMAIN`.
    fn is_server_name(&self, name: &str) -> bool {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let domain = self.trust_domain.as_str();
        let is_within = name
            .strip_suffix(domain)
            .is_some_and(|before| before.is_empty() || before.ends_with('.'));
        let may_match = name
            .rsplit_once('*')
            .is_some_and(|(_any, after)| domain.ends_with(after));
        is_within || may_match
    }

    /// When a leaf issued `now` is valid: as long as configured, but never outside of the root's validity.
    fn leaf_validity(&self, now: SystemTime) -> Result<(SystemTime, SystemTime), SignError> {
        let now = encoding::whole_seconds(now);
        let (root_start, root_end) = (self.root.not_before(), self.root.not_after());
        if now >= root_end || now < root_start {
            return Err(SignError::RootExpired {
                not_after: encoding::rfc3339(root_end),
            });
        }
        let backdate = BACKDATE.min(self.leaf_ttl / BACKDATE_PART);
        let start = now
            .checked_sub(backdate)
            .map_or(now, encoding::whole_seconds);
        let end = start.checked_add(self.leaf_ttl).unwrap_or(root_end);
        Ok((start.max(root_start), end.min(root_end)))
    }
}

impl Signer for Authority {
    fn trust_domain(&self) -> &TrustDomain {
        &self.trust_domain
    }

    fn sign(
        &self,
        request: &Request,
        now: SystemTime,
        rng: &dyn SecureRandom,
    ) -> Result<Certificate, SignError> {
        let id = self.certifiable(request)?;
        let (not_before, not_after) = self.leaf_validity(now)?;
        let serial = profile::serial(rng)?;
        let key_id = request.public_key().id();
        let names = AlternativeNames {
            uri: &id.to_string(),
            dns_names: request.dns_names(),
            ip_addresses: request.ip_addresses(),
        };
        let extensions = [
            &self.leaf_extensions[..],
            &profile::subject_key_id(&key_id),
            &encoding::alternative_names(names, true),
        ]
        .concat();
        let body = profile::body(Fields {
            serial: &serial,
            issuer: self.root.subject(),
            subject: &profile::EMPTY_NAME,
            validity: &encoding::validity(not_before, not_after)?,
            spki: request.public_key().spki(),
            extensions: &extensions,
        });
        let signature = self.signing_key.sign(rng, &body)?;
        let der = encoding::signed(&body, signature.as_ref());
        Ok(Certificate {
            chain_pem: encoding::pem(encoding::CERTIFICATE_LABEL, &der),
            serial_number: encoding::colon_hex(&serial),
            id,
            not_before,
            not_after,
            signing_key_id: Arc::clone(&self.signing_key_id),
        })
    }
}
