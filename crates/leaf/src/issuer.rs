//! Who certifies: the authority in this process, or a server elsewhere.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use ring::rand::SystemRandom;
use tokio::sync::watch;
use tribune_ca::{Certificate, KeyError, KeyPair, Request, RequestError, SignError, Signer};

use crate::{Now, Subject};

/// A certificate on its way.
pub type Issuing<'a> = Pin<Box<dyn Future<Output = Result<Certificate, IssueError>> + Send + 'a>>;

/// Certifies keys of this process.
pub trait Issuer: Send + Sync + 'static {
    /// Has `key` certified for `subject`.
    ///
    /// An issuer elsewhere is sent `Request::to_csr`, never the key. The call must end by itself:
    /// nobody puts a deadline on it, and it may be dropped at any point.
    fn issue<'a>(&'a self, subject: &'a Subject, key: &'a KeyPair) -> Issuing<'a>;
}

/// Why no certificate was issued.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IssueError {
    /// There is no authority yet.
    #[error("CA is uninitialized and unable to sign certificates yet: no root certificate")]
    NotReady,
    /// The names make no identity.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The authority refused.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// No key could be made.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A certificate was issued, but not under the root that is active now.
    #[error("the certificate was issued under a root that is no longer active")]
    InactiveRoot,
    /// More is asked for than is being signed.
    #[error("Rate limit reached, try again later")]
    RateLimited,
    /// A server elsewhere refused or could not be reached.
    #[error(transparent)]
    Remote(Box<dyn std::error::Error + Send + Sync>),
}

/// Issues with the authority of this process, which needs no request to be signed and read again.
pub struct LocalIssuer {
    signer: watch::Receiver<Option<Arc<dyn Signer>>>,
    now: Now,
}

impl LocalIssuer {
    /// Issues with whatever authority `signer` holds at the time; `now` tells the time of day.
    pub fn new(signer: watch::Receiver<Option<Arc<dyn Signer>>>, now: Now) -> Self {
        Self { signer, now }
    }

    fn sign(&self, subject: &Subject, key: &KeyPair) -> Result<Certificate, IssueError> {
        let signer = self.signer.borrow().clone().ok_or(IssueError::NotReady)?;
        let id = subject.identity.clone().within(signer.trust_domain());
        let request = Request::of_key(key, id)?;
        Ok(signer.sign(&request, (self.now)(), &SystemRandom::new())?)
    }
}

impl Issuer for LocalIssuer {
    fn issue<'a>(&'a self, subject: &'a Subject, key: &'a KeyPair) -> Issuing<'a> {
        Box::pin(std::future::ready(self.sign(subject, key)))
    }
}

impl fmt::Debug for LocalIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalIssuer")
            .field("ready", &self.signer.borrow().is_some())
            .finish_non_exhaustive()
    }
}
