//! What a server must be able to answer.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use tribune_derived::Source;
use tribune_types::call::{Answer, CallError, Options, Request};
use tribune_types::{InstanceName, ServiceName, Token};

use crate::Peer;

/// An answer on its way. It is dropped where the caller goes away.
pub type Pending<'a, T> = BoxFuture<'a, Result<T, Failure>>;

/// Bytes of a snapshot on their way. The stream is complete only where it ends without an error.
pub type Chunks = BoxStream<'static, Result<Bytes, Failure>>;

/// Answers what came in over the network, from callers whose certificates were checked and whose methods
/// they may call. Tokens are the backend's to judge.
pub trait Backend: Send + Sync + 'static {
    /// Answers one request of the API. A read with a minimum index waits; dropping the future ends the wait.
    /// Requests to an agent itself never come here.
    fn call<'a>(&'a self, peer: &'a Peer, call: Call) -> Pending<'a, Reply>;

    /// Where the caller's subscriptions are made, with the tokens that come with them. A token that is no
    /// longer valid is the source's to notice.
    fn source(&self, peer: &Peer) -> Arc<dyn Source>;

    /// Takes a message of the replicated log from another server.
    fn raft<'a>(&'a self, peer: &'a Peer, message: Bytes) -> Pending<'a, Bytes>;

    /// Certifies a service on an agent.
    fn sign<'a>(&'a self, peer: &'a Peer, request: SignRequest) -> Pending<'a, Certificate>;

    /// Certifies an agent that may have no certificate yet. The caller can be anybody: the token and the
    /// server's configuration decide, and the names in the signing request are not to be believed.
    fn auto_encrypt<'a>(
        &'a self,
        peer: &'a Peer,
        request: AutoEncryptRequest,
    ) -> Pending<'a, AgentIdentity>;

    /// Keeps what an agent's proxies have, instead of all that it said before. It may be forgotten.
    fn report<'a>(&'a self, peer: &'a Peer, token: Token, report: ProxyReport) -> Pending<'a, ()>;

    /// What agents reported.
    fn proxy_reports<'a>(&'a self, peer: &'a Peer, token: Token) -> Pending<'a, Vec<ProxyReport>>;

    /// The state of the cluster.
    fn snapshot_save<'a>(
        &'a self,
        peer: &'a Peer,
        token: Token,
        stale: bool,
    ) -> Pending<'a, Snapshot>;

    /// Puts the state of the cluster back. Nothing of `chunks` may take effect before the stream has ended
    /// without an error: only then is nothing missing.
    fn snapshot_restore<'a>(
        &'a self,
        peer: &'a Peer,
        token: Token,
        chunks: Chunks,
    ) -> Pending<'a, ()>;
}

/// A request of the API, on its way to whoever answers it.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// What is asked.
    pub request: Request,
    /// How an answer is wanted.
    pub options: Options,
    /// Whether another server passed it on. Whoever can't answer it then says so with [`Failure::unavailable`] and
    /// does not pass it on again, so that nothing goes round in circles while leadership moves.
    pub forwarded: bool,
}

/// An answer, and how fresh it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reply {
    /// The answer.
    pub answer: Answer,
    /// Whether the server knows a leader.
    pub known_leader: bool,
    /// How long ago the server heard from the leader, in milliseconds; zero on the leader itself.
    pub last_contact_millis: u64,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct Failure {
    /// What the caller is told.
    pub error: CallError,
    /// Whether nothing was done, so that asking again can do no harm and may help.
    pub retry: bool,
}

/// Asks for the certificate of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignRequest {
    /// The service.
    pub service: ServiceName,
    /// The token that has to allow it.
    pub token: Token,
    /// Certificate signing request, PEM.
    pub csr: String,
}

/// An issued certificate. The private key is not part of it and was never sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Certificate {
    /// The leaf, then the intermediates up to but without the root, PEM.
    pub chain_pem: String,
    /// Serial number as hexadecimal pairs joined by colons.
    pub serial_number: String,
    /// Its SPIFFE ID.
    pub uri: String,
    /// Start of its validity, in seconds since 1970.
    pub not_before: i64,
    /// End of its validity, in seconds since 1970.
    pub not_after: i64,
    /// Key ID of the certificate that signed it.
    pub signing_key_id: String,
}

/// Asks for an agent's first certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AutoEncryptRequest {
    /// The datacenter that the agent believes to be in.
    pub datacenter: String,
    /// Its node name.
    pub node: String,
    /// The token that has to allow it.
    pub token: Token,
    /// Certificate signing request, PEM.
    pub csr: String,
}

/// What an agent needs to speak to servers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentIdentity {
    /// Its certificate.
    pub certificate: Certificate,
    /// Certificates that the mesh trusts, PEM.
    pub connect_roots: String,
    /// Certificates that those of servers are signed under, PEM.
    pub server_roots: String,
    /// Whether servers are known by name.
    pub verify_server_hostname: bool,
}

/// What the proxies of an agent have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProxyReport {
    /// The agent's node.
    pub node: String,
    /// Its proxies.
    pub proxies: Vec<ProxyState>,
}

/// What one proxy has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProxyState {
    /// The proxy.
    pub instance: InstanceName,
    /// Its row of `GET /v1/agent/proxies`, JSON.
    pub row: Bytes,
}

/// The state of the cluster, on its way.
pub struct Snapshot {
    /// Index of the state.
    pub index: u64,
    /// The state.
    pub chunks: Chunks,
}

// === impl Failure ===

impl Failure {
    /// The server can't answer now, and nothing was done: there is no leader, or it is being changed.
    #[must_use]
    pub fn unavailable(why: impl Into<String>) -> Self {
        Self {
            error: CallError::Unavailable(why.into()),
            retry: true,
        }
    }
}

impl From<CallError> for Failure {
    /// A final answer.
    fn from(error: CallError) -> Self {
        Self {
            error,
            retry: false,
        }
    }
}

// === impl Snapshot ===

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshot")
            .field("index", &self.index)
            .finish_non_exhaustive()
    }
}
