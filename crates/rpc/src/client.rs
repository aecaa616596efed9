//! An agent's way to the servers, and a server's to the others.

mod answered;
mod connection;
mod error;
mod patience;
mod pool;
mod remote;

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::timeout;
use tonic::Status;
use tribune_derived::Source;
use tribune_proto::rpc::v1::{self as proto, call_response, sign_response};
use tribune_runtime::Tasks;
use tribune_types::Token;
use tribune_types::call::{CallError, Options, Request};

use crate::bucket::Bucket;
use crate::convert;
use crate::snapshot;
use crate::tls::Tls;
use crate::{
    AgentIdentity, AutoEncryptRequest, Certificate, Chunks, Failure, ProxyReport, Reply,
    SignRequest, Snapshot,
};
use answered::Answered;
use connection::Client as Stub;
pub use error::RaftError;
use error::{Lost, of_status};
use patience::Patience;
pub use pool::Server;
use pool::{Pool, Purpose};
use remote::Remote;

/// How an agent asks servers.
#[derive(Clone, Debug)]
pub struct ClientSettings {
    /// Name of this node.
    pub node: String,
    /// The datacenter of this process. Only its servers are asked.
    pub datacenter: String,
    /// How long a request is tried again while there is no leader or no server (`performance.rpc_hold_timeout`).
    pub hold: Duration,
    /// How long an answer may take, on top of the wait that was asked for (`limits.rpc_client_timeout`).
    pub timeout: Duration,
    /// The wait of a read that waits and does not say how long, at its longest.
    pub longest_wait: Duration,
    /// How long it may take to connect.
    pub connect: Duration,
    /// After about how long another server is chosen, so that servers that came later get their share.
    pub rebalance: Duration,
    /// Requests a second (`limits.rpc_rate`); negative is no limit.
    pub rate: f64,
    /// Requests at once (`limits.rpc_max_burst`).
    pub burst: u32,
    /// Where connections come from; the system chooses where there is none.
    pub bind: Option<IpAddr>,
}

impl Default for ClientSettings {
    fn default() -> Self {
        Self {
            node: String::new(),
            datacenter: String::new(),
            hold: Duration::from_secs(7),
            timeout: Duration::from_secs(60),
            longest_wait: Duration::from_secs(600),
            connect: Duration::from_secs(5),
            rebalance: Duration::from_secs(120),
            rate: -1.0,
            burst: 1_000,
            bind: None,
        }
    }
}

/// Asks whichever server is there. Clones are the same client.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

struct Shared {
    settings: ClientSettings,
    pool: Arc<Pool>,
    bucket: Mutex<Bucket>,
    tasks: Tasks,
    source: OnceLock<Arc<Remote>>,
}

// === impl Client ===

impl Client {
    /// A client that knows no server yet.
    #[must_use]
    pub fn new(settings: ClientSettings, tls: Tls, tasks: &Tasks) -> Self {
        let pool = Arc::new(Pool::new(&settings, tls, tasks.clone()));
        let (shutdown, rebalanced) = (tasks.shutdown().clone(), pool.clone());
        tasks.spawn("rpc rebalance", async move {
            shutdown.unless(rebalanced.keep_balanced()).await;
        });
        let now = std::time::Instant::now();
        let bucket = Bucket::new(settings.rate, settings.burst.into(), now);
        Self {
            shared: Arc::new(Shared {
                settings,
                pool,
                bucket: Mutex::new(bucket),
                tasks: tasks.clone(),
                source: OnceLock::new(),
            }),
        }
    }

    /// Tells which servers there are. The one that is asked now stays the one if it is among them.
    pub fn set_servers(&self, servers: Vec<Server>) {
        self.shared.pool.set_servers(servers);
    }

    /// The server that is asked now.
    #[must_use]
    pub fn server(&self) -> Option<Server> {
        self.shared.pool.pick()
    }

    /// Limits requests in another way from now on (`limits.rpc_rate` and `limits.rpc_max_burst`).
    pub fn set_rate(&self, rate: f64, burst: u32) {
        let bucket = Bucket::new(rate, burst.into(), std::time::Instant::now());
        *self.bucket() = bucket;
    }

    /// Has a server answer a request of the API.
    ///
    /// Tried again, on other servers, as long as nothing can have come of it: reads always, writes where they
    /// did not arrive or where the server says that it did nothing.
    ///
    /// # Errors
    /// What the server says, or [`CallError::Unavailable`] where none can be asked.
    pub async fn call(&self, request: &Request, options: &Options) -> Result<Reply, CallError> {
        self.admit()?;
        let Some(message) = convert::call::request_message(request, options, false) else {
            return Err(not_for_servers());
        };
        let within = self.timeout(options);
        let again = matches!(request, Request::Query(_));
        let response = self.try_servers(again, within, |mut stub| {
            let message = message.clone();
            async move { stub.call(message).await }
        });
        response
            .await
            .and_then(decode)
            .map_err(|failure| failure.error)
    }

    /// Passes a request on to one server, as another server does to the leader. It is not tried again: a failure
    /// that says that nothing was done is the caller's to try again, where leadership may have moved to.
    ///
    /// # Errors
    /// What that server says, or that it can't be asked.
    pub async fn forward(
        &self,
        server: &Server,
        request: &Request,
        options: &Options,
    ) -> Result<Reply, Failure> {
        let Some(message) = convert::call::request_message(request, options, true) else {
            return Err(not_for_servers().into());
        };
        let within = self.timeout(options);
        let asked = self.ask(server, within, |mut stub: Stub| async move {
            stub.call(message).await
        });
        let lost = |lost: Lost| {
            let retry = lost.is_harmless();
            let error = lost.into_call_error();
            Failure { error, retry }
        };
        asked.await.map_err(lost).and_then(decode)
    }

    /// Hands a message of the replicated log to another server of this datacenter. It is not tried again.
    ///
    /// # Errors
    /// Where there is no answer.
    pub async fn raft(
        &self,
        address: &str,
        message: Bytes,
        within: Duration,
    ) -> Result<Bytes, RaftError> {
        let pool = &self.shared.pool;
        let asked = async {
            let connection = pool
                .connection(address, &self.shared.settings.datacenter, Purpose::Log)
                .await
                .map_err(|error| RaftError::Unreachable {
                    reason: error.to_string(),
                })?;
            let mut stub = connection.stub();
            let response = stub.raft(proto::RaftRequest { message }).await;
            let response = response.map_err(|status| RaftError::of(&status))?;
            Ok(response.into_inner().message)
        };
        timeout(within, asked)
            .await
            .unwrap_or(Err(RaftError::Timeout))
    }

    /// Has the certificate of a service signed.
    ///
    /// # Errors
    /// What the server says, or [`CallError::Unavailable`] where none can be asked.
    pub async fn sign(&self, request: &SignRequest) -> Result<Certificate, CallError> {
        let message = convert::certificates::sign_message(request);
        let response = self.try_servers(true, self.shared.settings.timeout, |mut stub| {
            let message = message.clone();
            async move { stub.sign(message).await }
        });
        let decoded = response.await.and_then(|response| match response.result {
            Some(sign_response::Result::Certificate(signed)) => {
                Ok(convert::certificates::certificate(signed))
            }
            Some(sign_response::Result::Error(error)) => Err(convert::call::failure(error)),
            None => Err(convert::Malformed::missing("sign.result").into()),
        });
        decoded.map_err(|failure| failure.error)
    }

    /// Asks for this agent's first certificate. The answer goes into [`Tls::set_agent_identity`].
    ///
    /// # Errors
    /// What the server says, or [`CallError::Unavailable`] where none can be asked.
    pub async fn auto_encrypt(
        &self,
        request: &AutoEncryptRequest,
    ) -> Result<AgentIdentity, CallError> {
        use proto::auto_encrypt_response::Result as Outcome;
        let message = convert::certificates::auto_encrypt_message(request);
        let response = self.try_servers(true, self.shared.settings.timeout, |mut stub| {
            let message = message.clone();
            async move { stub.auto_encrypt(message).await }
        });
        let decoded = response.await.and_then(|response| match response.result {
            Some(Outcome::Identity(identity)) => Ok(convert::certificates::identity(identity)?),
            Some(Outcome::Error(error)) => Err(convert::call::failure(error)),
            None => Err(convert::Malformed::missing("auto_encrypt.result").into()),
        });
        decoded.map_err(|failure| failure.error)
    }

    /// Tells what this agent's proxies have, instead of all that was told before.
    ///
    /// # Errors
    /// What the server says, or [`CallError::Unavailable`] where none can be asked.
    pub async fn report(&self, token: &Token, report: ProxyReport) -> Result<(), CallError> {
        let message = proto::ReportRequest {
            report: Some(convert::reports::report_message(report)),
            token: token.secret().to_owned(),
        };
        let response = self.try_servers(true, self.shared.settings.timeout, |mut stub| {
            let message = message.clone();
            async move { stub.report(message).await }
        });
        match response.await.map_err(|failure| failure.error)?.error {
            Some(error) => Err(convert::call::failure(error).error),
            None => Ok(()),
        }
    }

    /// What the proxies of all agents have.
    ///
    /// # Errors
    /// What the server says, or [`CallError::Unavailable`] where none can be asked.
    pub async fn proxy_reports(&self, token: &Token) -> Result<Vec<ProxyReport>, CallError> {
        let token = token.secret();
        let response = self.try_servers(true, self.shared.settings.timeout, |mut stub| {
            let token = token.to_owned();
            async move {
                stub.proxy_reports(proto::ProxyReportsRequest { token })
                    .await
            }
        });
        let response = response.await.map_err(|failure| failure.error)?;
        if let Some(error) = response.error {
            return Err(convert::call::failure(error).error);
        }
        let reports = response.reports.into_iter();
        let reports = reports.map(|report| convert::reports::report(Some(report)));
        reports
            .collect::<Result<_, _>>()
            .map_err(|error| Failure::from(error).error)
    }

    /// The state of the cluster.
    ///
    /// # Errors
    /// What the server says, or [`CallError::Unavailable`] where none can be asked. Whether it is complete is
    /// known where its chunks end.
    pub async fn snapshot_save(&self, token: &Token, stale: bool) -> Result<Snapshot, CallError> {
        let token = token.secret();
        let responses = self.try_servers(true, self.shared.settings.timeout, |mut stub| {
            let token = token.to_owned();
            async move {
                stub.snapshot_save(proto::SnapshotSaveRequest { token, stale })
                    .await
            }
        });
        let responses = responses.await.map_err(|failure| failure.error)?;
        snapshot::saved(responses)
            .await
            .map_err(|failure| failure.error)
    }

    /// Puts the state of the cluster back. Not tried again: chunks come once.
    ///
    /// # Errors
    /// What the server says, or [`CallError::Unavailable`] where it can't be asked.
    pub async fn snapshot_restore(&self, token: &Token, chunks: Chunks) -> Result<(), CallError> {
        let server = self.shared.pool.pick().ok_or_else(nobody)?;
        let connection = self.shared.pool.connect(&server).await;
        let connection = connection.map_err(|error| unavailable(error.to_string()))?;
        let requests = snapshot::restore(token, chunks);
        let response = connection.stub().snapshot_restore(requests).await;
        let response = response.map_err(|status| of_status(&status).into_call_error())?;
        match response.into_inner().error {
            Some(error) => Err(convert::call::failure(error).error),
            None => Ok(()),
        }
    }

    /// Derived values, over one stream to one server at a time. What was known last stays known while there is
    /// no server.
    #[must_use]
    pub fn source(&self) -> Arc<dyn Source> {
        let shared = &self.shared;
        let remote = shared.source.get_or_init(|| {
            let remote = Arc::new(Remote::default());
            let run = remote::run(
                remote.clone(),
                shared.pool.clone(),
                shared.settings.node.clone(),
            );
            let shutdown = shared.tasks.shutdown().clone();
            shared.tasks.spawn("rpc watch", async move {
                shutdown.unless(run).await;
            });
            remote
        });
        Arc::new(remote::RemoteSource(remote.clone()))
    }

    fn bucket(&self) -> std::sync::MutexGuard<'_, Bucket> {
        // nothing that runs under the lock can panic half-way
        self.shared
            .bucket
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn admit(&self) -> Result<(), CallError> {
        if self.bucket().take(std::time::Instant::now()) {
            return Ok(());
        }
        let why = "too many requests: RPC rate limit exceeded (limits.rpc_rate and limits.rpc_max_burst); \
                   try again later";
        Err(CallError::TooMany(why.to_owned()))
    }

    /// How long an answer may take.
    fn timeout(&self, options: &Options) -> Duration {
        let settings = &self.shared.settings;
        if options.min_index == 0 {
            return settings.timeout;
        }
        let wait = options.wait.unwrap_or(settings.longest_wait);
        // servers wait up to a sixteenth longer, so that waits do not all end at once
        let wait = wait.min(settings.longest_wait);
        settings.timeout + wait + wait / 16
    }

    /// Asks one server after the other until one answers. `again` says whether a request may be made twice.
    async fn try_servers<T, F>(
        &self,
        again: bool,
        within: Duration,
        ask: impl Fn(Stub) -> F,
    ) -> Result<T, Failure>
    where
        T: Answered,
        F: Future<Output = Result<tonic::Response<T>, Status>>,
    {
        let mut patience = Patience::new(self.shared.settings.hold);
        let (mut passed_over, mut unheard) = (0, 0);
        loop {
            let failure = match self.try_one(passed_over, within, &ask).await {
                Ok(response) => match response.failed() {
                    Some(failure) if failure.retry => {
                        // it may be cut off from a leader that others know
                        passed_over += 1;
                        unheard = 0;
                        failure
                    }
                    _ => return Ok(response),
                },
                Err(lost) => {
                    let retry = lost.is_harmless() || (again && lost.may_help());
                    unheard += 1;
                    if retry && unheard < self.shared.pool.len() {
                        // the next one is asked at once
                        continue;
                    }
                    unheard = 0;
                    let error = lost.into_call_error();
                    Failure { error, retry }
                }
            };
            if !failure.retry || !patience.wait().await {
                return Err(failure);
            }
        }
    }

    async fn try_one<T, F>(
        &self,
        passed_over: usize,
        within: Duration,
        ask: &impl Fn(Stub) -> F,
    ) -> Result<T, Lost>
    where
        F: Future<Output = Result<tonic::Response<T>, Status>>,
    {
        let pool = &self.shared.pool;
        let server = pool
            .after(passed_over)
            .ok_or_else(|| Lost::NotSent(nobody().to_string()))?;
        let asked = self.ask(&server, within, ask).await;
        if asked.as_ref().is_err_and(Lost::blames_server) {
            pool.failed(&server);
        }
        asked
    }

    async fn ask<T, F>(
        &self,
        server: &Server,
        within: Duration,
        ask: impl FnOnce(Stub) -> F,
    ) -> Result<T, Lost>
    where
        F: Future<Output = Result<tonic::Response<T>, Status>>,
    {
        let connection = self.shared.pool.connect(server).await;
        let connection = connection.map_err(|error| Lost::NotSent(error.to_string()))?;
        match timeout(within, ask(connection.stub())).await {
            Ok(Ok(response)) => Ok(response.into_inner()),
            Ok(Err(status)) => Err(of_status(&status)),
            Err(_) => Err(Lost::Late {
                server: server.to_string(),
                within,
            }),
        }
    }
}

fn decode(response: proto::CallResponse) -> Result<Reply, Failure> {
    match response.result {
        Some(call_response::Result::Reply(reply)) => Ok(convert::call::reply(reply)?),
        Some(call_response::Result::Error(error)) => Err(convert::call::failure(error)),
        None => Err(convert::Malformed::missing("call.result").into()),
    }
}

fn not_for_servers() -> CallError {
    let why = "a request to an agent is answered by that agent, not by a server";
    CallError::BadRequest(why.to_owned())
}

fn nobody() -> CallError {
    unavailable("No known Consul servers: no server of this datacenter is known".to_owned())
}

const fn unavailable(why: String) -> CallError {
    CallError::Unavailable(why)
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("settings", &self.shared.settings)
            .field("server", &self.server())
            .finish_non_exhaustive()
    }
}

impl From<convert::Malformed> for Failure {
    fn from(error: convert::Malformed) -> Self {
        unavailable(error.to_string()).into()
    }
}
