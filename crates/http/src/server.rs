//! Serves the API on a listener.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tribune_acl::Authorizer;
use tribune_runtime::{Accepted, Listener, Shutdown, Tasks};
use tribune_types::call::{AgentRequest, CallError, Consistency, OperatorRequest, Request};

use crate::api::{Api, Settings};
use crate::error::Error;
use crate::params::Params;
use crate::response::{self, Wire};
use crate::route::{self, Found, Needs, Parts, Route, StreamRoute};
use crate::{body, options, stream};

/// Longest time that a client may take over the head of a request.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest time that a client may take over the body of a request.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// Most bytes of a request's head.
const HEAD_LIMIT: usize = 64 << 10;

/// The answer to `/`, which clients look at to find out whether there is a user interface.
const NO_UI: &str = "Consul Agent: UI disabled. To enable, set ui_config.enabled=true in the agent \
                     configuration and restart.";

/// Serves an [`Api`].
#[derive(Debug)]
pub struct Server<A> {
    api: Arc<A>,
    settings: Arc<Settings>,
}

impl<A> Clone for Server<A> {
    fn clone(&self) -> Self {
        Self {
            api: self.api.clone(),
            settings: self.settings.clone(),
        }
    }
}

impl<A: Api> Server<A> {
    /// A server of `api`.
    #[must_use]
    pub fn new(api: Arc<A>, settings: Settings) -> Self {
        Self {
            api,
            settings: Arc::new(settings),
        }
    }

    /// Takes connections until `tasks` are to end, then lets requests in flight finish.
    pub async fn serve(self, listener: Listener, tasks: Arc<Tasks>) {
        let shutdown = tasks.shutdown().clone();
        while let Some(accepted) = shutdown.unless(listener.accept()).await {
            match accepted {
                Ok(accepted) => tasks.spawn(
                    "HTTP connection",
                    self.clone().connection(accepted, shutdown.clone()),
                ),
                Err(refused) => {
                    let client = refused.peer;
                    tracing::warn!(%client, refusal = ?refused.refusal, "too many HTTP connections; closing this one");
                }
            }
        }
    }

    async fn connection(self, accepted: Accepted, shutdown: Shutdown) {
        let Accepted {
            stream,
            peer,
            permit: _counted,
        } = accepted;
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(client = %peer, %error, "an HTTP connection ended at once");
            return;
        }
        let service = service_fn(|request| {
            let server = &self;
            async move { Ok::<_, Infallible>(server.answer(request, peer.ip()).await) }
        });
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIMEOUT)
            .max_buf_size(HEAD_LIMIT);
        let mut connection =
            std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
        let served = tokio::select! {
            served = connection.as_mut() => served,
            () = shutdown.begun() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = served {
            tracing::debug!(client = %peer, %error, "an HTTP connection ended early");
        }
    }

    async fn answer(&self, request: hyper::Request<Incoming>, client: IpAddr) -> Wire {
        let method = request.method().as_str().to_owned();
        let path = request.uri().path().to_owned();
        let response = match self.route(request, client).await {
            Ok(response) => response,
            Err(error) => {
                tracing::debug!(
                    method,
                    path,
                    status = error.status().as_u16(),
                    error = error.text(),
                    "refused"
                );
                response::error(&error)
            }
        };
        response::finish(response, &self.settings)
    }

    async fn route(
        &self,
        request: hyper::Request<Incoming>,
        client: IpAddr,
    ) -> Result<Wire, Error> {
        let (head, incoming) = request.into_parts();
        let (method, path) = (head.method.as_str(), head.uri.path());
        if path == "/" {
            return Ok(response::text(NO_UI.to_owned()));
        }
        let (found, rest) = match route::find(method, path) {
            Err(Error::Method { allowed, .. }) if method == "OPTIONS" => {
                return Ok(response::methods(&allowed));
            }
            found => found?,
        };
        self.settings.restrictions.check(method, path, client)?;
        let rest = route::decode(rest)?;
        let params = Params::parse(head.uri.query().unwrap_or_default());
        let authorizer = self
            .api
            .authorizer(&options::token(&params, &head.headers))?;
        if let Needs::Permission(resource) = found.needs()
            && !authorizer.could_allow(resource)
        {
            let text = format!("no permission on any {resource:?}").to_lowercase();
            return Err(CallError::Denied(text).into());
        }
        let parts = Parts {
            rest,
            params,
            headers: &head.headers,
            body: Bytes::new(),
        };
        match found {
            Found::Call(route) => self.call(route, parts, incoming, authorizer).await,
            Found::Stream(route) => self.stream(route, &parts, incoming, authorizer).await,
        }
    }

    async fn call(
        &self,
        route: &Route,
        mut parts: Parts<'_>,
        incoming: Incoming,
        authorizer: Authorizer,
    ) -> Result<Wire, Error> {
        if route.takes_body() {
            let read = body::read(incoming, self.settings.body_limit);
            parts.body = tokio::time::timeout(BODY_TIMEOUT, read)
                .await
                .map_err(|_| Error::BodyCut)??;
        }
        let request = (route.parse)(&parts)?;
        let options = if can_wait(&request) {
            options::parse(&parts.params, parts.headers)?
        } else {
            options::plain(&parts.params, parts.headers)
        };
        let indented = self.settings.always_indented || parts.params.has("pretty");
        let consistency = name_of(options.consistency);
        let answer = self.api.call(request, options, authorizer).await?;
        Ok(response::answer(answer, consistency, indented))
    }

    async fn stream(
        &self,
        route: &StreamRoute,
        parts: &Parts<'_>,
        incoming: Incoming,
        authorizer: Authorizer,
    ) -> Result<Wire, Error> {
        let request = (route.parse)(parts)?;
        let options = options::parse(&parts.params, parts.headers)?;
        let consistency = name_of(options.consistency);
        let body = stream::upload(incoming);
        let streamed = self.api.stream(request, body, options, authorizer).await?;
        Ok(response::streamed(streamed, consistency))
    }
}

const fn name_of(consistency: Consistency) -> &'static str {
    match consistency {
        Consistency::Default => "leader",
        Consistency::Stale => "stale",
        Consistency::Consistent => "consistent",
    }
}

/// Whether an answer can be waited for, or may be an old one; what says how fresh it must be is not looked at anywhere else.
const fn can_wait(request: &Request) -> bool {
    matches!(
        request,
        Request::Query(_)
            | Request::Operator(
                OperatorRequest::RaftConfiguration | OperatorRequest::AutopilotConfiguration
            )
            | Request::Agent(AgentRequest::Service { .. } | AgentRequest::Leaf(_))
    )
}
