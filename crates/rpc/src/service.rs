//! The gRPC service, over a backend.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use futures_util::Stream;
use tonic::{Request as Asked, Response, Status, Streaming};
use tribune_proto::rpc::v1::servers_server::Servers;
use tribune_proto::rpc::v1::{self as proto, call_response, sign_response};
use tribune_runtime::Shutdown;
use tribune_types::Token;
use tribune_types::call::{CallError, Request};

use crate::convert::{self, Malformed};
use crate::encodings::Encodings;
use crate::snapshot;
use crate::watch::Watch;
use crate::{Backend, Failure, Limits, Peer, Reply};

/// What every connection's requests come to.
pub(crate) struct Service {
    backend: Arc<dyn Backend>,
    encodings: Arc<Encodings>,
    limits: Limits,
    shutdown: Shutdown,
}

type Answering<T> = Result<Response<T>, Status>;

// === impl Service ===

impl Service {
    pub(crate) fn new(backend: Arc<dyn Backend>, limits: Limits, shutdown: Shutdown) -> Self {
        Self {
            backend,
            encodings: Arc::default(),
            limits,
            shutdown,
        }
    }

    /// What comes of `work`, unless the server stops first. `again` says whether it does no harm where it is
    /// done twice; a write may have been made by then, and must not be made again.
    async fn unless_stopping<T>(
        &self,
        again: bool,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let done = self.shutdown.unless(work).await;
        done.unwrap_or_else(|| {
            let why = "this server is stopping: ask another one";
            Err(Failure {
                retry: again,
                ..Failure::unavailable(why)
            })
        })
    }

    async fn answer(&self, peer: &Peer, message: proto::CallRequest) -> Result<Reply, Failure> {
        let call = convert::call::request(message).map_err(bad)?;
        // what another server passes on was admitted there
        if !call.forwarded {
            self.limits.requests.admit(&call.request, Instant::now())?;
        }
        let again = matches!(call.request, Request::Query(_));
        let answer = self.backend.call(peer, call);
        self.unless_stopping(again, answer).await
    }
}

/// Who makes a request; whoever let it in said so.
fn peer<T>(request: &Asked<T>) -> Result<Peer, Status> {
    request
        .extensions()
        .get()
        .cloned()
        .ok_or_else(|| Status::internal("nobody said who makes this request"))
}

fn bad(error: Malformed) -> Failure {
    CallError::BadRequest(error.to_string()).into()
}

fn invalid(error: &Malformed) -> Status {
    Status::invalid_argument(error.to_string())
}

#[tonic::async_trait]
impl Servers for Service {
    type WatchStream = Pin<Box<dyn Stream<Item = Result<proto::WatchResponse, Status>> + Send>>;
    type SnapshotSaveStream =
        Pin<Box<dyn Stream<Item = Result<proto::SnapshotSaveResponse, Status>> + Send>>;

    async fn call(&self, request: Asked<proto::CallRequest>) -> Answering<proto::CallResponse> {
        let peer = peer(&request)?;
        let result = match self.answer(&peer, request.into_inner()).await {
            Ok(reply) => call_response::Result::Reply(convert::call::reply_message(reply)),
            Err(failure) => call_response::Result::Error(convert::call::failure_message(failure)),
        };
        Ok(Response::new(proto::CallResponse {
            result: Some(result),
        }))
    }

    async fn watch(
        &self,
        request: Asked<Streaming<proto::WatchRequest>>,
    ) -> Answering<Self::WatchStream> {
        let source = self.backend.source(&peer(&request)?);
        let shutdown = self.shutdown.clone();
        let watch = Watch::new(
            request.into_inner(),
            source,
            self.encodings.clone(),
            self.limits.subscriptions,
            async move { shutdown.begun().await },
        );
        Ok(Response::new(Box::pin(watch)))
    }

    async fn raft(&self, request: Asked<proto::RaftRequest>) -> Answering<proto::RaftResponse> {
        let peer = peer(&request)?;
        let message = request.into_inner().message;
        let answer = self.backend.raft(&peer, message);
        match self.unless_stopping(true, answer).await {
            Ok(message) => Ok(Response::new(proto::RaftResponse { message })),
            Err(failure) => Err(Status::unavailable(failure.to_string())),
        }
    }

    async fn sign(&self, request: Asked<proto::SignRequest>) -> Answering<proto::SignResponse> {
        let peer = peer(&request)?;
        let asked = convert::certificates::sign(request.into_inner()).map_err(|e| invalid(&e))?;
        let answer = self.backend.sign(&peer, asked);
        let result = match self.unless_stopping(true, answer).await {
            Ok(signed) => sign_response::Result::Certificate(
                convert::certificates::certificate_message(signed),
            ),
            Err(failure) => sign_response::Result::Error(convert::call::failure_message(failure)),
        };
        Ok(Response::new(proto::SignResponse {
            result: Some(result),
        }))
    }

    async fn auto_encrypt(
        &self,
        request: Asked<proto::AutoEncryptRequest>,
    ) -> Answering<proto::AutoEncryptResponse> {
        use proto::auto_encrypt_response::Result as Outcome;
        let peer = peer(&request)?;
        let asked = convert::certificates::auto_encrypt(request.into_inner());
        let answer = self.backend.auto_encrypt(&peer, asked);
        let result = match self.unless_stopping(true, answer).await {
            Ok(identity) => Outcome::Identity(convert::certificates::identity_message(identity)),
            Err(failure) => Outcome::Error(convert::call::failure_message(failure)),
        };
        Ok(Response::new(proto::AutoEncryptResponse {
            result: Some(result),
        }))
    }

    async fn report(
        &self,
        request: Asked<proto::ReportRequest>,
    ) -> Answering<proto::ReportResponse> {
        let peer = peer(&request)?;
        let proto::ReportRequest { report, token } = request.into_inner();
        let report = convert::reports::report(report).map_err(|e| invalid(&e))?;
        let answer = self
            .backend
            .report(&peer, Token::from(token.as_str()), report);
        let failed = self.unless_stopping(true, answer).await.err();
        Ok(Response::new(proto::ReportResponse {
            error: failed.map(convert::call::failure_message),
        }))
    }

    async fn proxy_reports(
        &self,
        request: Asked<proto::ProxyReportsRequest>,
    ) -> Answering<proto::ProxyReportsResponse> {
        let peer = peer(&request)?;
        let token = Token::from(request.into_inner().token.as_str());
        let answer = self.backend.proxy_reports(&peer, token);
        let mut response = proto::ProxyReportsResponse::default();
        match self.unless_stopping(true, answer).await {
            Ok(reports) => {
                let reports = reports.into_iter().map(convert::reports::report_message);
                response.reports = reports.collect();
            }
            Err(failure) => response.error = Some(convert::call::failure_message(failure)),
        }
        Ok(Response::new(response))
    }

    async fn snapshot_save(
        &self,
        request: Asked<proto::SnapshotSaveRequest>,
    ) -> Answering<Self::SnapshotSaveStream> {
        let peer = peer(&request)?;
        let proto::SnapshotSaveRequest { token, stale } = request.into_inner();
        let answer = self
            .backend
            .snapshot_save(&peer, Token::from(token.as_str()), stale);
        let saved = self.unless_stopping(true, answer).await;
        Ok(Response::new(Box::pin(snapshot::send(saved))))
    }

    async fn snapshot_restore(
        &self,
        request: Asked<Streaming<proto::SnapshotRestoreRequest>>,
    ) -> Answering<proto::SnapshotRestoreResponse> {
        let peer = peer(&request)?;
        let (token, chunks) = snapshot::receive(request.into_inner()).await?;
        let answer = self.backend.snapshot_restore(&peer, token, chunks);
        let failed = self.unless_stopping(false, answer).await.err();
        Ok(Response::new(proto::SnapshotRestoreResponse {
            error: failed.map(convert::call::failure_message),
        }))
    }
}
