//! Servers elsewhere, whichever of them answers.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ring::rand::SystemRandom;
use tribune_ca::{KeyPair, Request as SigningRequest};
use tribune_derived::{Key, Source, Value};
use tribune_leaf::{IssueError, Issuer, Issuing, Subject};
use tribune_rpc::{Client, SignRequest};
use tribune_types::call::{Answer, Consistency, Options, Query, Request, Staleness, Write};
use tribune_types::spiffe::{Identity, SpiffeId, TrustDomain};
use tribune_types::{ServiceName, Tenancy};

use super::{Asked, Servers};
use crate::latest::Latest;

/// Asks servers over the network.
pub(crate) struct RemoteServers {
    client: Client,
}

impl RemoteServers {
    /// Asks them through `client`.
    pub(crate) const fn new(client: Client) -> Self {
        Self { client }
    }
}

impl Servers for RemoteServers {
    fn query<'a>(&'a self, query: &'a Query, options: &'a Options) -> Asked<'a> {
        Box::pin(async move {
            let request = Request::Query(query.clone());
            let reply = self.client.call(&request, options).await?;
            let stale = options.consistency == Consistency::Stale;
            Ok(Answer {
                staleness: stale.then_some(Staleness {
                    known_leader: reply.known_leader,
                    last_contact_millis: reply.last_contact_millis,
                }),
                ..reply.answer
            })
        })
    }

    fn write<'a>(&'a self, write: Write, options: &'a Options) -> Asked<'a> {
        Box::pin(async move {
            let request = Request::Write(write);
            Ok(self.client.call(&request, options).await?.answer)
        })
    }

    fn source(&self) -> Arc<dyn Source> {
        self.client.source()
    }

    fn issuer(&self) -> Arc<dyn Issuer> {
        Arc::new(RemoteIssuer {
            client: self.client.clone(),
        })
    }
}

/// Has keys of this process certified by a server, which gets a signing request and never a key.
struct RemoteIssuer {
    client: Client,
}

impl RemoteIssuer {
    async fn certify(
        &self,
        subject: &Subject,
        key: &KeyPair,
    ) -> Result<tribune_ca::Certificate, IssueError> {
        let id = subject
            .identity
            .clone()
            .within(&self.trust_domain(subject).await?);
        let csr = SigningRequest::of_key(key, id)?.to_csr(key, &SystemRandom::new())?;
        let request = SignRequest {
            service: service(&subject.identity),
            token: subject.token.clone(),
            csr,
        };
        let certificate = self.client.sign(&request).await.map_err(remote)?;
        let id: SpiffeId = certificate.uri.parse().map_err(remote)?;
        Ok(tribune_ca::Certificate {
            chain_pem: certificate.chain_pem,
            serial_number: certificate.serial_number,
            id,
            not_before: time(certificate.not_before),
            not_after: time(certificate.not_after),
            signing_key_id: certificate.signing_key_id.into(),
        })
    }

    /// The trust domain of the cluster, which the servers' roots tell.
    async fn trust_domain(&self, subject: &Subject) -> Result<TrustDomain, IssueError> {
        let source = self.client.source();
        let mut roots = Latest::subscribe(&*source, &Key::Roots, &subject.token);
        match roots.value().await {
            Some(Value::Roots(Some(roots))) => {
                TrustDomain::new(roots.trust_domain.as_str()).map_err(remote)
            }
            Some(_) | None => Err(IssueError::NotReady),
        }
    }
}

impl Issuer for RemoteIssuer {
    fn issue<'a>(&'a self, subject: &'a Subject, key: &'a KeyPair) -> Issuing<'a> {
        Box::pin(self.certify(subject, key))
    }
}

fn remote(error: impl std::error::Error + Send + Sync + 'static) -> IssueError {
    IssueError::Remote(Box::new(error))
}

/// The service that a leaf is for; one without a name where it is for an agent.
fn service(identity: &Identity) -> ServiceName {
    match identity {
        Identity::Service {
            partition,
            namespace,
            service,
            ..
        } => ServiceName {
            name: service.as_str().into(),
            tenancy: Tenancy::new(partition, namespace),
        },
        Identity::Agent { .. }
        | Identity::Server { .. }
        | Identity::MeshGateway { .. }
        | Identity::Signing => ServiceName::default(),
    }
}

fn time(seconds: i64) -> SystemTime {
    let since = Duration::from_secs(seconds.unsigned_abs());
    if seconds < 0 {
        SystemTime::UNIX_EPOCH - since
    } else {
        SystemTime::UNIX_EPOCH + since
    }
}
