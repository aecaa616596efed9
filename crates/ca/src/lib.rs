//! Certificate authority of the mesh: roots, leaf certificates and who may be certified.
//!
//! An [`Authority`] holds the active root and its key. It certifies a [`Request`], which exists only
//! for a key whose possession was proven, and answers with a [`Certificate`]. Keys are made where
//! they are used; a server sees other processes' keys only inside a certificate signing request.
//!
//! Invariant: a leaf is valid within its issuer's validity, and an issuer within its root's.
//! Invariant: a certificate says what the request's checked identity says, in its one canonical
//! spelling; no byte of a request is copied unread.
//! Invariant: no I/O, no clock: time and the source of randomness are arguments.
//! Invariant: signing needs no log entry; serial numbers are random.

mod agents;
mod authority;
mod certificate;
mod encoding;
mod key;
mod profile;
mod renewal;
mod request;
mod root;
mod ttl;

pub use agents::{AgentAuthority, AgentCertificate, AgentCertificateError, AgentName, AgentRoot};
pub use authority::{Authority, AuthorityError, Params, SignError, Signer};
pub use certificate::Certificate;
pub use key::{KeyError, KeyPair, PublicKey};
pub use renewal::renewal;
pub use request::{Request, RequestError};
pub use root::{Root, RootError};
pub use ttl::{DEV_MIN_LEAF_TTL, MIN_LEAF_TTL, TtlError, Ttls};

#[cfg(test)]
mod tests;
