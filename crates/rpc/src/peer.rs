//! Who is at the other end of a connection.

use std::fmt;
use std::net::SocketAddr;

/// The other end of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Where it is.
    pub address: SocketAddr,
    /// What its certificate says.
    pub identity: Identity,
}

/// What a certificate says of its holder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// There is no TLS here, so nobody can be told from anybody.
    Plaintext,
    /// It has no certificate.
    Nobody,
    /// An agent, by the DNS names or the SPIFFE ID of its certificate.
    Agent {
        /// Those names.
        names: Vec<String>,
        /// Name of its node, where the servers certified it.
        node: Option<String>,
    },
    /// A server of this datacenter.
    Server {
        /// DNS names of its certificate.
        names: Vec<String>,
    },
}

// === impl Identity ===

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plaintext => f.write_str("came without TLS"),
            Self::Nobody => f.write_str("has no certificate"),
            Self::Agent { names, .. } => {
                write!(f, "has the certificate of an agent ({})", names.join(", "))
            }
            Self::Server { names } => {
                write!(f, "has the certificate of a server ({})", names.join(", "))
            }
        }
    }
}
