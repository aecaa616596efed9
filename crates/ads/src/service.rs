//! The service: what all streams share, and how one begins.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::SystemTime;

use futures_util::stream;
use tokio::sync::watch;
use tonic::body::Body;
use tonic::server::{Grpc, NamedService, StreamingService};
use tonic::{Request, Response, Status, Streaming};
use tribune_acl::{Authorizer, Resolver, Resource};
use tribune_derived::Source;
use tribune_types::{Name, Token};
use tribune_xds::Memo;

use crate::convert::Payload;
use crate::limits::Limits;
use crate::pipeline::Pipeline;
use crate::registry::Registry;
use crate::stream::Stream;
use crate::wire::{DeltaCodec, DeltaRequest};

/// The request header that carries a client's token.
const TOKEN: &str = "x-consul-token";

/// What the service works with.
#[derive(Clone)]
pub struct Config {
    /// Where what proxies are made from comes from.
    pub source: Arc<dyn Source>,
    /// What tokens may do.
    pub resolver: Arc<dyn Resolver>,
    /// Gets the certificates of proxies.
    pub leaves: tribune_leaf::Manager,
    /// The node of proxies that name none.
    pub node_name: Name,
    /// What clients may cost.
    pub limits: Limits,
    /// Tells the time of day.
    pub now: tribune_leaf::Now,
}

impl Config {
    /// Works with these, the default limits and the system's clock. Proxies have to name their node.
    pub fn new(
        source: Arc<dyn Source>,
        resolver: Arc<dyn Resolver>,
        leaves: tribune_leaf::Manager,
    ) -> Self {
        Self {
            source,
            resolver,
            leaves,
            node_name: Name::default(),
            limits: Limits::default(),
            now: Arc::new(SystemTime::now),
        }
    }
}

/// Envoy's aggregated discovery service, for a server of one's own or for [`crate::serve`]. Cheap to clone.
#[derive(Clone)]
pub struct Service(Arc<Shared>);

/// What all streams share.
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) stopping: watch::Sender<bool>,
    memo: Mutex<Memo>,
    registry: Registry,
}

type Responses = Pin<
    Box<
        dyn stream::Stream<Item = Result<tribune_delta::Response<Payload>, Status>>
            + Send
            + 'static,
    >,
>;
type Answer<T> = Pin<Box<dyn Future<Output = T> + Send + 'static>>;

// === impl Service ===

impl Service {
    /// A service without streams.
    pub fn new(config: Config) -> Self {
        Self(Arc::new(Shared {
            config,
            stopping: watch::Sender::new(false),
            memo: Mutex::default(),
            registry: Registry::default(),
        }))
    }

    /// The connected proxies.
    pub fn registry(&self) -> &Registry {
        &self.0.registry
    }

    /// Ends every stream, and those that begin from now on. Their clients are told to go elsewhere.
    pub fn stop(&self) {
        self.0.stopping.send_replace(true);
    }

    pub(crate) fn stopping(&self) -> watch::Receiver<bool> {
        self.0.stopping.subscribe()
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.0.config.limits
    }

    fn open(&self, request: Request<Streaming<DeltaRequest>>) -> Result<Responses, Status> {
        let token = token(&request)?;
        self.0.authorize_any(&token)?;
        let limits = self.limits();
        let (since, client) = ((self.0.config.now)(), request.remote_addr());
        let pipeline = Pipeline::new(limits.session);
        let Some(connected) = self
            .0
            .registry
            .open(limits.streams, since, client, pipeline)
        else {
            let said = "this server has too many xDS streams open, please try another";
            return Err(Status::resource_exhausted(said));
        };
        let stream = Box::new(Stream::new(
            self.0.clone(),
            token,
            connected,
            request.into_inner(),
        ));
        Ok(Box::pin(stream::unfold(stream, |mut stream| async move {
            let item = stream.next().await?;
            Some((item, stream))
        })))
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service")
            .field("streams", &self.0.registry.streams())
            .finish_non_exhaustive()
    }
}

impl NamedService for Service {
    const NAME: &'static str = "envoy.service.discovery.v3.AggregatedDiscoveryService";
}

impl StreamingService<DeltaRequest> for Service {
    type Response = tribune_delta::Response<Payload>;
    type ResponseStream = Responses;
    type Future = std::future::Ready<Result<Response<Responses>, Status>>;

    fn call(&mut self, request: Request<Streaming<DeltaRequest>>) -> Self::Future {
        let opened = self.open(request).inspect_err(|status| {
            tracing::info!(code = ?status.code(), reason = status.message(), "xDS stream refused");
        });
        std::future::ready(opened.map(Response::new))
    }
}

impl tower::Service<http::Request<Body>> for Service {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Answer<Result<http::Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let service = self.clone();
        let refused = match request.uri().path() {
            "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources" => {
                let limit = self.limits().request_bytes;
                let mut grpc = Grpc::new(DeltaCodec).max_decoding_message_size(limit);
                return Box::pin(async move { Ok(grpc.streaming(service, request).await) });
            }
            "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources" => {
                "not implemented: configure the proxy for delta xDS (api_type DELTA_GRPC)"
            }
            _ => "no such method",
        };
        Box::pin(std::future::ready(Ok(
            Status::unimplemented(refused).into_http()
        )))
    }
}

// === impl Shared ===

impl Shared {
    /// What streams have built for each other.
    pub(crate) fn memo(&self) -> MutexGuard<'_, Memo> {
        self.memo.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a token may do now.
    pub(crate) fn authorizer(&self, token: &Token) -> Result<Authorizer, Status> {
        let resolved = self.config.resolver.resolve(token);
        resolved.map_err(|error| Status::unauthenticated(format!("unauthenticated: {error}")))
    }

    /// Asks whether a token could be any proxy's, before it is known which.
    pub(crate) fn authorize_any(&self, token: &Token) -> Result<(), Status> {
        if self.authorizer(token)?.could_allow(Resource::Service) {
            return Ok(());
        }
        Err(Status::permission_denied(
            "Permission denied: the token lacks service:write",
        ))
    }
}

fn token<T>(request: &Request<T>) -> Result<Token, Status> {
    let Some(value) = request.metadata().get(TOKEN) else {
        return Ok(Token::default());
    };
    let text = value.to_str();
    let text = text.map_err(|_| Status::invalid_argument(format!("{TOKEN} is not plain text")))?;
    Ok(text.into())
}
