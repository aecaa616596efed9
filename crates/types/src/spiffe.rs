//! SPIFFE IDs: the names that certificates of the mesh carry.
//!
//! Invariant: whatever an [`Identity`] holds, its text form is one URI that either reads back as
//! the same value or does not read back at all; a name can never add a path segment.

use std::fmt;
use std::str::FromStr;

/// Longest SPIFFE ID accepted, in bytes (SPIFFE-ID specification, section 2.3).
const MAX_LENGTH: usize = 2048;

/// Longest trust domain accepted, in bytes (SPIFFE-ID specification, section 2.1).
const MAX_TRUST_DOMAIN_LENGTH: usize = 255;

/// The name of a partition or namespace that a SPIFFE ID stands in when it names none.
const DEFAULT: &str = "default";

/// The authority part of a SPIFFE ID: `CLUSTER_ID.consul`, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrustDomain(String);

/// One SPIFFE ID: who, in which trust domain.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpiffeId {
    /// The mesh that vouches for the identity.
    pub trust_domain: TrustDomain,
    /// Who it is within that mesh.
    pub identity: Identity,
}

/// Who a certificate stands for, by the path forms that Consul gives out.
///
/// Parts are kept as plain names; escaping happens in [`SpiffeId`]'s `Display` and `FromStr`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Identity {
    /// A service: `/ns/NAMESPACE/dc/DATACENTER/svc/SERVICE`, after `/ap/PARTITION` unless that is `default`.
    Service {
        /// Partition of the service.
        partition: String,
        /// Namespace of the service.
        namespace: String,
        /// Datacenter that the service runs in.
        datacenter: String,
        /// Name of the service.
        service: String,
    },
    /// A client agent: `/agent/client/dc/DATACENTER/id/NODE`, after `/ap/PARTITION` unless that is `default`.
    Agent {
        /// Partition of the agent.
        partition: String,
        /// Datacenter of the agent.
        datacenter: String,
        /// Node name of the agent.
        node: String,
    },
    /// Every server of a datacenter: `/agent/server/dc/DATACENTER`.
    Server {
        /// Datacenter of the servers.
        datacenter: String,
    },
    /// Every mesh gateway of a datacenter: `/gateway/mesh/dc/DATACENTER`, after `/ap/PARTITION` unless that is `default`.
    MeshGateway {
        /// Partition of the gateways.
        partition: String,
        /// Datacenter of the gateways.
        datacenter: String,
    },
    /// The certificate authority itself: no path.
    Signing,
}

/// Why a text is not a SPIFFE ID of the mesh.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpiffeError {
    /// The URI has another scheme, or none.
    #[error("SPIFFE ID must have 'spiffe' scheme")]
    Scheme,
    /// The URI is longer than any SPIFFE ID may be.
    #[error("SPIFFE ID is longer than {MAX_LENGTH} bytes")]
    TooLong,
    /// The URI has none of the known forms.
    #[error("SPIFFE ID is not in the expected format: {uri}")]
    Format {
        /// The URI as it was given.
        uri: String,
    },
    /// The host part cannot be a trust domain.
    #[error("Invalid trust domain: {trust_domain:?}")]
    TrustDomain {
        /// The host part as it was given.
        trust_domain: String,
    },
    /// One part of the path is not an escaped name.
    #[error("Invalid {part}: {segment:?} is not an escaped name")]
    Part {
        /// What the part stands for, in Consul's words.
        part: &'static str,
        /// The part as it was given.
        segment: String,
    },
}

// === impl TrustDomain ===

impl TrustDomain {
    /// Checks and lower-cases a trust domain.
    ///
    /// # Errors
    /// [`SpiffeError::TrustDomain`] unless it is 1 to 255 letters, digits, `.`, `-` and `_`.
    pub fn new(text: &str) -> Result<Self, SpiffeError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        let length_fits = (1..=MAX_TRUST_DOMAIN_LENGTH).contains(&text.len());
        if !length_fits || !text.bytes().all(allowed) {
            return Err(SpiffeError::TrustDomain {
                trust_domain: text.chars().take(MAX_TRUST_DOMAIN_LENGTH).collect(),
            });
        }
        Ok(Self(text.to_ascii_lowercase()))
    }

    /// The trust domain of a cluster: its ID with `.consul` behind it.
    ///
    /// # Errors
    /// As [`TrustDomain::new`].
    pub fn of_cluster(cluster_id: &str) -> Result<Self, SpiffeError> {
        Self::new(&format!("{cluster_id}.consul"))
    }

    /// The text form, in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The cluster ID: what stands before the first dot.
    pub fn cluster_id(&self) -> &str {
        self.0.split('.').next().unwrap_or_default()
    }
}

impl fmt::Display for TrustDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

// === impl Identity ===

impl Identity {
    /// A service of the default partition and namespace.
    pub fn service(datacenter: &str, service: &str) -> Self {
        Self::Service {
            partition: DEFAULT.to_owned(),
            namespace: DEFAULT.to_owned(),
            datacenter: datacenter.to_owned(),
            service: service.to_owned(),
        }
    }

    /// A client agent of the default partition.
    pub fn agent(datacenter: &str, node: &str) -> Self {
        Self::Agent {
            partition: DEFAULT.to_owned(),
            datacenter: datacenter.to_owned(),
            node: node.to_owned(),
        }
    }

    /// The servers of a datacenter.
    pub fn server(datacenter: &str) -> Self {
        Self::Server {
            datacenter: datacenter.to_owned(),
        }
    }

    /// The mesh gateways of a datacenter, default partition.
    pub fn mesh_gateway(datacenter: &str) -> Self {
        Self::MeshGateway {
            partition: DEFAULT.to_owned(),
            datacenter: datacenter.to_owned(),
        }
    }

    /// The datacenter the identity belongs to; the authority's own belongs to none.
    pub fn datacenter(&self) -> Option<&str> {
        match self {
            Self::Service { datacenter, .. }
            | Self::Agent { datacenter, .. }
            | Self::Server { datacenter }
            | Self::MeshGateway { datacenter, .. } => Some(datacenter),
            Self::Signing => None,
        }
    }

    /// The identity within `trust_domain`.
    pub fn within(self, trust_domain: &TrustDomain) -> SpiffeId {
        SpiffeId {
            trust_domain: trust_domain.clone(),
            identity: self,
        }
    }

    fn from_segments(uri: &str, segments: &[&str]) -> Result<Self, SpiffeError> {
        let (partition, rest) = match segments {
            ["ap", partition, rest @ ..] => (part("admin partition", partition)?, rest),
            rest => (DEFAULT.to_owned(), rest),
        };
        match rest {
            ["ns", namespace, "dc", datacenter, "svc", service] => Ok(Self::Service {
                partition,
                namespace: part("namespace", namespace)?,
                datacenter: part("datacenter", datacenter)?,
                service: part("service", service)?,
            }),
            ["agent", "client", "dc", datacenter, "id", node] => Ok(Self::Agent {
                partition,
                datacenter: part("datacenter", datacenter)?,
                node: part("node", node)?,
            }),
            ["gateway", "mesh", "dc", datacenter] => Ok(Self::MeshGateway {
                partition,
                datacenter: part("datacenter", datacenter)?,
            }),
            // Servers belong to every partition, so their form has no room for one.
            ["agent", "server", "dc", datacenter] if segments.len() == rest.len() => {
                Ok(Self::Server {
                    datacenter: part("datacenter", datacenter)?,
                })
            }
            _ => Err(SpiffeError::Format {
                uri: uri.to_owned(),
            }),
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let write_partition = |f: &mut fmt::Formatter<'_>, partition: &str| {
            if partition == DEFAULT || partition.is_empty() {
                return Ok(());
            }
            write!(f, "/ap/{}", Escaped(partition))
        };
        match self {
            Self::Service {
                partition,
                namespace,
                datacenter,
                service,
            } => {
                write_partition(f, partition)?;
                write!(
                    f,
                    "/ns/{}/dc/{}/svc/{}",
                    Escaped(namespace),
                    Escaped(datacenter),
                    Escaped(service)
                )
            }
            Self::Agent {
                partition,
                datacenter,
                node,
            } => {
                write_partition(f, partition)?;
                write!(
                    f,
                    "/agent/client/dc/{}/id/{}",
                    Escaped(datacenter),
                    Escaped(node)
                )
            }
            Self::Server { datacenter } => write!(f, "/agent/server/dc/{}", Escaped(datacenter)),
            Self::MeshGateway {
                partition,
                datacenter,
            } => {
                write_partition(f, partition)?;
                write!(f, "/gateway/mesh/dc/{}", Escaped(datacenter))
            }
            Self::Signing => Ok(()),
        }
    }
}

// === impl SpiffeId ===

impl fmt::Display for SpiffeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "spiffe://{}{}", self.trust_domain, self.identity)
    }
}

impl FromStr for SpiffeId {
    type Err = SpiffeError;

    /// Reads a SPIFFE ID; the path is matched as it is written, then its parts are unescaped.
    ///
    /// Ports, user information, queries and fragments are refused (SPIFFE-ID specification, section 2).
    fn from_str(uri: &str) -> Result<Self, SpiffeError> {
        if uri.len() > MAX_LENGTH {
            return Err(SpiffeError::TooLong);
        }
        let (scheme, rest) = uri.split_once("://").ok_or(SpiffeError::Scheme)?;
        if !scheme.eq_ignore_ascii_case("spiffe") {
            return Err(SpiffeError::Scheme);
        }
        let (host, path) = match rest.split_once('/') {
            Some((host, path)) => (host, Some(path)),
            None => (rest, None),
        };
        let trust_domain = TrustDomain::new(host)?;
        let identity = match path {
            Some(path) => Identity::from_segments(uri, &path.split('/').collect::<Vec<_>>())?,
            None if host.contains('.') => Identity::Signing,
            None => {
                return Err(SpiffeError::Format {
                    uri: uri.to_owned(),
                });
            }
        };
        Ok(identity.within(&trust_domain))
    }
}

// === escaping ===

/// A name as one path segment: percent-escaped as Go's `url.URL` does for a path, and `/` besides.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while let Some(at) = rest.bytes().position(|byte| !is_plain(byte)) {
            // Plain bytes are ASCII, so `at` is a character boundary.
            let (plain, other) = rest.split_at(at);
            f.write_str(plain)?;
            let Some(character) = other.chars().next() else {
                break;
            };
            let (escaped, after) = other.split_at(character.len_utf8());
            for byte in escaped.bytes() {
                write!(f, "%{byte:02X}")?;
            }
            rest = after;
        }
        f.write_str(rest)
    }
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.~$&+,:;=@".contains(&byte)
}

/// Unescapes one path segment. A name with `/` or a control character in it is no identity: it
/// would read as another one wherever it is compared or logged unescaped.
fn part(part: &'static str, segment: &str) -> Result<String, SpiffeError> {
    unescape(segment)
        .filter(|name| !name.is_empty() && !name.contains(|c: char| c == '/' || c.is_control()))
        .ok_or_else(|| SpiffeError::Part {
            part,
            segment: segment.to_owned(),
        })
}

fn unescape(segment: &str) -> Option<String> {
    let mut bytes = segment.bytes();
    let mut name = Vec::with_capacity(segment.len());
    while let Some(byte) = bytes.next() {
        name.push(match byte {
            b'%' => {
                let high = char::from(bytes.next()?).to_digit(16)?;
                let low = char::from(bytes.next()?).to_digit(16)?;
                u8::try_from(high * 16 + low).ok()?
            }
            b'?' | b'#' => return None,
            other => other,
        });
    }
    String::from_utf8(name).ok()
}

#[cfg(test)]
mod tests;
