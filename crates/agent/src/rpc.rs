//! What this server does for agents and other servers that ask over the network.

mod tls;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use futures_util::stream;
use ring::rand::SystemRandom;
use tokio::sync::watch;
use tribune_acl::{Access, Authorizer, Permission, Resolver};
use tribune_ca::{Request as SigningRequest, Signer};
use tribune_derived::Source;
use tribune_replication::{Handle, Leader, Raft};
use tribune_rpc::{
    AgentIdentity, AutoEncryptRequest, Backend, Call, Certificate, Chunks, Failure, Peer, Pending,
    ProxyReport, Reply, SignRequest, Snapshot,
};
use tribune_types::Token;
use tribune_types::call::{CallError, Consistency, Options, Request};
use tribune_types::spiffe::Identity;

use crate::agent::Agent;
use crate::api::Caller;
use crate::cluster::State;
use crate::requests;

pub(crate) use tls::tls;

/// A server's answers.
pub(crate) struct ServerBackend {
    pub(crate) agent: Arc<Agent>,
    pub(crate) resolver: Arc<dyn Resolver>,
    pub(crate) log: Handle,
    /// Its part in the log, where that is on disk.
    pub(crate) raft: Option<Raft>,
    pub(crate) signer: watch::Receiver<Option<Arc<dyn Signer>>>,
    /// What agents reported last, by node.
    pub(crate) reports: Mutex<BTreeMap<String, ProxyReport>>,
}

impl ServerBackend {
    fn authorizer(&self, token: &Token) -> Result<Authorizer, CallError> {
        self.resolver
            .resolve(token)
            .map_err(|_| CallError::UnknownToken)
    }

    fn require(&self, token: &Token, permission: Permission<'_>) -> Result<(), CallError> {
        if self.authorizer(token)?.allows(permission) {
            return Ok(());
        }
        Err(CallError::Denied(format!("the token lacks {permission}")))
    }

    /// Whole reports alone are put under the lock.
    fn reports(&self) -> MutexGuard<'_, BTreeMap<String, ProxyReport>> {
        self.reports.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer(&self, call: Call) -> Result<Reply, Failure> {
        let Call {
            request,
            options,
            forwarded,
        } = call;
        let servers = &self.agent.servers;
        let answer = match request {
            Request::Query(query) => servers.query(&query, &options).await?,
            Request::Write(write) => servers.write(write, &options).await?,
            Request::Operator(_) if forwarded && !self.log.leadership().borrow().is_here() => {
                return Err(Failure::unavailable("this server does not lead any more"));
            }
            Request::Operator(request) => {
                let authorizer = self.authorizer(&options.token)?;
                let caller = Caller {
                    agent: &self.agent,
                    options: &options,
                    authorizer: &authorizer,
                };
                requests::operator::answer(&caller, request).await?
            }
            Request::Agent(_) => {
                let text = "a request to an agent is answered by that agent".to_owned();
                return Err(CallError::BadRequest(text).into());
            }
        };
        let known_leader = self.log.leadership().borrow().leader != Leader::None;
        Ok(Reply {
            answer,
            known_leader,
            last_contact_millis: self.last_contact_millis(),
        })
    }

    fn last_contact_millis(&self) -> u64 {
        let heard = self.raft.as_ref().and_then(Raft::last_contact);
        u64::try_from(heard.unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
    }

    fn certify(&self, request: &SignRequest) -> Result<Certificate, CallError> {
        self.require(
            &request.token,
            Permission::Service(&request.service, Access::Write),
        )?;
        let signing = SigningRequest::from_pem(&request.csr)
            .map_err(|error| CallError::BadRequest(error.to_string()))?;
        let own = &self.agent.config.datacenter;
        let asked = match &signing.id().identity {
            Identity::Service {
                datacenter,
                service,
                ..
            } => datacenter == own && request.service.name.as_str() == service,
            Identity::Agent { .. }
            | Identity::Server { .. }
            | Identity::MeshGateway { .. }
            | Identity::Signing => false,
        };
        if !asked {
            return Err(CallError::Denied(format!(
                "the signing request is for {}, not for service {} of datacenter {own:?}",
                signing.id(),
                request.service
            )));
        }
        let signer = self.signer.borrow().clone();
        let signer = signer.ok_or_else(|| {
            CallError::Unavailable("there is no certificate authority yet".to_owned())
        })?;
        let certificate = signer
            .sign(&signing, SystemTime::now(), &SystemRandom::new())
            .map_err(|error| CallError::Refused(error.to_string()))?;
        Ok(Certificate {
            chain_pem: certificate.chain_pem,
            serial_number: certificate.serial_number,
            uri: certificate.id.to_string(),
            not_before: seconds(certificate.not_before),
            not_after: seconds(certificate.not_after),
            signing_key_id: certificate.signing_key_id.to_string(),
        })
    }
}

fn seconds(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

fn unsupported<'a, T: Send + 'a>(what: &str) -> Pending<'a, T> {
    let error = CallError::Refused(what.to_owned());
    Box::pin(std::future::ready(Err(error.into())))
}

impl Backend for ServerBackend {
    fn call<'a>(&'a self, _peer: &'a Peer, call: Call) -> Pending<'a, Reply> {
        Box::pin(self.answer(call))
    }

    fn source(&self, _peer: &Peer) -> Arc<dyn Source> {
        self.agent.source.clone()
    }

    fn raft<'a>(&'a self, peer: &'a Peer, message: Bytes) -> Pending<'a, Bytes> {
        let Some(raft) = &self.raft else {
            return unsupported("this server keeps its state in memory and takes part in no log");
        };
        Box::pin(async move {
            let from = peer.address.to_string();
            let handled = raft.handle(&from, message).await;
            handled.map_err(|error| Failure::unavailable(error.to_string()))
        })
    }

    fn sign<'a>(&'a self, _peer: &'a Peer, request: SignRequest) -> Pending<'a, Certificate> {
        Box::pin(async move { Ok(self.certify(&request)?) })
    }

    fn auto_encrypt<'a>(
        &'a self,
        _peer: &'a Peer,
        _request: AutoEncryptRequest,
    ) -> Pending<'a, AgentIdentity> {
        unsupported("this server does not certify agents: auto_encrypt.allow_tls is not set")
    }

    fn report<'a>(&'a self, _peer: &'a Peer, token: Token, report: ProxyReport) -> Pending<'a, ()> {
        Box::pin(async move {
            let node = tribune_types::NodeName::new(report.node.as_str());
            self.require(&token, Permission::Node(&node, Access::Write))?;
            self.reports().insert(report.node.clone(), report);
            Ok(())
        })
    }

    fn proxy_reports<'a>(&'a self, _peer: &'a Peer, token: Token) -> Pending<'a, Vec<ProxyReport>> {
        Box::pin(async move {
            let authorizer = self.authorizer(&token)?;
            let seen = |report: &&ProxyReport| {
                let node = tribune_types::NodeName::new(report.node.as_str());
                authorizer.allows(Permission::Node(&node, Access::Read))
            };
            Ok(self.reports().values().filter(seen).cloned().collect())
        })
    }

    fn snapshot_save<'a>(
        &'a self,
        _peer: &'a Peer,
        token: Token,
        stale: bool,
    ) -> Pending<'a, Snapshot> {
        Box::pin(async move {
            self.require(&token, Permission::Snapshot)?;
            let options = Options {
                token,
                consistency: if stale {
                    Consistency::Stale
                } else {
                    Consistency::Default
                },
                ..Options::default()
            };
            let saved = self.agent.cluster.save_snapshot(&options).await;
            let state = saved.map_err(CallError::from)?;
            let index = state.index;
            let pieces = state.pieces().await.map_err(unreadable)?;
            let chunks = pieces.into_iter().map(Ok);
            Ok(Snapshot {
                index,
                chunks: Box::pin(stream::iter(chunks)),
            })
        })
    }

    fn snapshot_restore<'a>(
        &'a self,
        _peer: &'a Peer,
        token: Token,
        chunks: Chunks,
    ) -> Pending<'a, ()> {
        Box::pin(async move {
            self.require(&token, Permission::Snapshot)?;
            let state = State::received(chunks, 0).await?;
            let options = Options {
                token,
                ..Options::default()
            };
            let restored = self.agent.cluster.restore_snapshot(state, &options).await;
            Ok(restored.map_err(CallError::from)?)
        })
    }
}

fn unreadable(error: std::io::Error) -> CallError {
    CallError::Refused(format!("the snapshot cannot be read: {error}"))
}
