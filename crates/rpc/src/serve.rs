//! Connections to a server.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::pki_types::UnixTime;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};
use tokio_rustls::TlsAcceptor;
use tonic::Status;
use tonic::body::Body;
use tower::Service as _;
use tribune_proto::rpc::v1::servers_server::ServersServer;
use tribune_runtime::{Accepted, Listener, Refused, Shutdown};

use crate::method::Method;
use crate::service::Service;
use crate::tls::{self, Tls};
use crate::version;
use crate::{Backend, Identity, Limits, Peer};

/// Most bytes of request headers.
const HEADERS: u32 = 16 << 10;
/// How much of an answer waits for a slow client before no more is made.
const SEND_BUFFER: usize = 256 << 10;
/// How much a client may send ahead.
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 4 << 20;
/// When a silent client is asked whether it is still there, and how long it has to say so.
const PING_AFTER: Duration = Duration::from_secs(20);
const PONG_WITHIN: Duration = Duration::from_secs(10);

/// Serves agents and servers until `shutdown`, then ends calls and streams and returns.
///
/// A connection is closed that does not make its first request within [`Limits::handshake`]. Nothing of a
/// request's body is read before its caller is known to be one whom the method takes.
pub async fn serve(
    listeners: Vec<Listener>,
    backend: Arc<dyn Backend>,
    tls: Tls,
    limits: Limits,
    shutdown: Shutdown,
) {
    let server = Arc::new(Server {
        service: Arc::new(Service::new(backend, limits.clone(), shutdown.clone())),
        tls,
        limits,
        shutdown,
    });
    let mut accepting = JoinSet::new();
    for listener in listeners {
        accepting.spawn(server.clone().accept(listener));
    }
    while accepting.join_next().await.is_some() {}
}

struct Server {
    service: Arc<Service>,
    tls: Tls,
    limits: Limits,
    shutdown: Shutdown,
}

// === impl Server ===

impl Server {
    async fn accept(self: Arc<Self>, listener: Listener) {
        let mut connections = JoinSet::new();
        let mut begun = pin!(self.shutdown.begun());
        loop {
            tokio::select! {
                () = &mut begun => break,
                Some(_) = connections.join_next() => {}
                accepted = listener.accept() => match accepted {
                    Ok(accepted) => {
                        connections.spawn(self.clone().connection(accepted));
                    }
                    Err(Refused { peer, refusal, .. }) => tracing::warn!(
                        client = %peer,
                        ?refusal,
                        "RPC connection refused: there are too many (limits.rpc_max_conns_per_client)"
                    ),
                },
            }
        }
        drop(listener);
        let ended = async { while connections.join_next().await.is_some() {} };
        if timeout(self.limits.stop_within, ended).await.is_err() {
            connections.shutdown().await;
        }
    }

    async fn connection(self: Arc<Self>, accepted: Accepted) {
        let Accepted {
            stream,
            peer: client,
            permit: _permit,
        } = accepted;
        let until = Instant::now() + self.limits.handshake;
        let served = match self.secure(stream, client, until).await {
            Ok(Secured::Plain(stream)) => {
                let identity = Identity::Plaintext;
                self.serve(stream, client, identity, until).await
            }
            Ok(Secured::Tls(stream, identity)) => {
                self.serve(*stream, client, identity, until).await
            }
            Err(error) => {
                let reason = tls::reason(&error);
                tracing::info!(%client, reason, "RPC connection refused");
                return;
            }
        };
        if let Err(error) = served {
            tracing::debug!(%client, %error, "RPC connection ended");
        }
    }

    /// Shakes hands, where there is TLS, and finds out who came.
    async fn secure(
        &self,
        stream: TcpStream,
        client: SocketAddr,
        until: Instant,
    ) -> io::Result<Secured> {
        stream.set_nodelay(true)?;
        if self.tls.is_plaintext() {
            return Ok(Secured::Plain(stream));
        }
        let config = self.tls.server_config().ok_or_else(|| {
            io::Error::other("TLS is configured and this process has no certificate to show")
        })?;
        let late = |_| {
            let why = format!("no handshake within {:?}", self.limits.handshake);
            io::Error::new(io::ErrorKind::TimedOut, why)
        };
        let stream = timeout_at(until, TlsAcceptor::from(config).accept(stream))
            .await
            .map_err(late)??;
        let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
        let identity = self
            .tls
            .identify(chain, UnixTime::now())
            .map_err(io::Error::other)?;
        tracing::debug!(%client, %identity, "RPC connection");
        Ok(Secured::Tls(Box::new(stream), identity))
    }

    async fn serve<S>(
        &self,
        stream: S,
        client: SocketAddr,
        identity: Identity,
        until: Instant,
    ) -> hyper::Result<()>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let used = AtomicBool::new(false);
        let peer = Peer {
            address: client,
            identity,
        };
        let answer = service_fn(|request| {
            used.store(true, Ordering::Relaxed);
            self.answer(request, peer.clone())
        });
        let served = self
            .protocol()
            .serve_connection(TokioIo::new(stream), answer);
        let mut served = pin!(served);
        let mut begun = pin!(self.shutdown.begun());
        let mut idle = pin!(sleep_until(until));
        let (mut looked, mut told) = (false, false);
        loop {
            tokio::select! {
                ended = &mut served => return ended,
                () = &mut begun, if !told => {
                    told = true;
                    served.as_mut().graceful_shutdown();
                }
                () = &mut idle, if !looked => {
                    looked = true;
                    if !used.load(Ordering::Relaxed) {
                        tracing::debug!(%client, "RPC connection without a request closed");
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Answers a request whose caller may make it.
    fn answer(
        &self,
        request: http::Request<Incoming>,
        peer: Peer,
    ) -> impl Future<Output = Result<http::Response<Body>, Infallible>> + use<> {
        let admitted = self.admit(&request, &peer);
        let service = self.service.clone();
        let limits = self.limits.clone();
        async move {
            let method = match admitted {
                Ok(method) => method,
                Err(status) => return Ok(status.into_http()),
            };
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(peer);
            ServersServer::from_arc(service)
                .max_decoding_message_size(method.message_limit(&limits))
                .max_encoding_message_size(usize::MAX)
                .call(request)
                .await
        }
    }

    fn admit(&self, request: &http::Request<Incoming>, peer: &Peer) -> Result<Method, Status> {
        version::OURS
            .check(request.headers())
            .map_err(|skew| Status::failed_precondition(skew.to_string()))?;
        let path = request.uri().path();
        let method = Method::of_path(path).ok_or_else(|| {
            let path: String = path.chars().take(128).collect();
            Status::unimplemented(format!("this server knows no method {path}"))
        })?;
        method
            .allow(&peer.identity, self.tls.verify_incoming())
            .map_err(|refused| {
                tracing::warn!(client = %peer.address, %refused, "RPC refused");
                Status::permission_denied(refused.to_string())
            })?;
        Ok(method)
    }

    fn protocol(&self) -> http2::Builder<TokioExecutor> {
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_concurrent_streams(self.limits.streams)
            .max_header_list_size(HEADERS)
            .max_send_buf_size(SEND_BUFFER)
            .keep_alive_interval(PING_AFTER)
            .keep_alive_timeout(PONG_WITHIN)
            .auto_date_header(false);
        builder
    }
}

/// A connection over which something can be said.
enum Secured {
    Plain(TcpStream),
    Tls(Box<tokio_rustls::server::TlsStream<TcpStream>>, Identity),
}
