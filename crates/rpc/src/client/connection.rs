//! One HTTP/2 connection to a server.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{HeaderValue, Uri};
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tonic::body::Body;
use tribune_proto::rpc::v1::servers_client::ServersClient;
use tribune_runtime::Tasks;

use crate::tls::Tls;
use crate::version;

/// How much a server may send ahead.
const STREAM_WINDOW: u32 = 2 << 20;
const CONNECTION_WINDOW: u32 = 16 << 20;
/// When a silent server is asked whether it is still there, and how long it has to say so.
const PING_AFTER: Duration = Duration::from_secs(10);
const PONG_WITHIN: Duration = Duration::from_secs(5);
/// Most bytes of one message of an answer. Servers are known, and lists are long.
const MESSAGE: usize = 512 << 20;

/// The methods of the service.
pub(crate) type Client = ServersClient<Connection>;

/// A connection. Clones share it; it ends when all of them are gone and nothing is asked any more.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    sender: http2::SendRequest<Body>,
    origin: Uri,
    /// Whether the server was shown a certificate.
    named: bool,
}

/// The request did not leave this process.
#[derive(Debug, thiserror::Error)]
#[error("the request was not sent: {0}")]
pub(super) struct NotSent(hyper::Error);

// === impl Connection ===

impl Connection {
    /// Connects to a server of a datacenter, from an address where one is given, and makes sure that it is one where there is TLS.
    pub(super) async fn open(
        (bind, address): (Option<IpAddr>, &str),
        datacenter: &str,
        tls: &Tls,
        tasks: &Tasks,
    ) -> io::Result<Self> {
        let named = tls.shows_certificate();
        let stream = match bind {
            Some(bind) => connect_from(bind, address).await?,
            None => TcpStream::connect(address).await?,
        };
        stream.set_nodelay(true)?;
        let Some(config) = tls.client_config() else {
            let origin = origin("http", address)?;
            return Self::over(stream, origin, named, tasks).await;
        };
        let name = tls.server_name(datacenter).ok_or_else(|| {
            let why = format!("datacenter {datacenter:?} cannot be part of a server's name");
            io::Error::new(io::ErrorKind::InvalidInput, why)
        })?;
        let stream = TlsConnector::from(config).connect(name, stream).await?;
        Self::over(stream, origin("https", address)?, named, tasks).await
    }

    async fn over<S>(stream: S, origin: Uri, named: bool, tasks: &Tasks) -> io::Result<Self>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (sender, connection) = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .keep_alive_interval(PING_AFTER)
            .keep_alive_timeout(PONG_WITHIN)
            .keep_alive_while_idle(true)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(io::Error::other)?;
        let (server, shutdown) = (origin.clone(), tasks.shutdown().clone());
        // a connection ends with the last clone of its sender, when nothing is asked any more
        tasks.spawn("rpc connection", async move {
            if let Some(Err(error)) = shutdown.unless(connection).await {
                tracing::debug!(%server, %error, "RPC connection ended");
            }
        });
        Ok(Self {
            sender,
            origin,
            named,
        })
    }

    /// Whether the server was shown a certificate.
    pub(super) const fn is_named(&self) -> bool {
        self.named
    }

    /// Whether nothing can be asked any more.
    pub(super) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// The methods of the service over this connection.
    pub(super) fn stub(&self) -> Client {
        ServersClient::with_origin(self.clone(), self.origin.clone())
            .max_decoding_message_size(MESSAGE)
            .max_encoding_message_size(usize::MAX)
    }
}

/// Connects from an address of this host, as far as it leads to the other one.
async fn connect_from(bind: IpAddr, address: &str) -> io::Result<TcpStream> {
    let mut failed = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for to in tokio::net::lookup_host(address).await? {
        let socket = if to.is_ipv4() {
            TcpSocket::new_v4()?
        } else {
            TcpSocket::new_v6()?
        };
        // from the loopback interface nobody else is reached, and from elsewhere it is not
        if bind.is_ipv4() == to.is_ipv4() && bind.is_loopback() == to.ip().is_loopback() {
            socket.bind(SocketAddr::new(bind, 0))?;
        }
        match socket.connect(to).await {
            Ok(stream) => return Ok(stream),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

/// What requests to a server are addressed to.
fn origin(scheme: &str, address: &str) -> io::Result<Uri> {
    Uri::builder()
        .scheme(scheme)
        .authority(address)
        .path_and_query("/")
        .build()
        .map_err(io::Error::other)
}

impl tower::Service<http::Request<Body>> for Connection {
    type Response = http::Response<Incoming>;
    type Error = Box<dyn std::error::Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.sender
            .poll_ready(cx)
            .map_err(|error| Box::new(NotSent(error)).into())
    }

    fn call(&mut self, mut request: http::Request<Body>) -> Self::Future {
        let version = HeaderValue::from_str(&version::OURS.to_string())
            .expect("digits and a dot are a header's value");
        request.headers_mut().insert(version::HEADER, version);
        let sent = self.sender.try_send_request(request);
        Box::pin(async move {
            sent.await.map_err(|mut error| {
                let kept = error.take_message().is_some();
                let error = error.into_error();
                if kept {
                    NotSent(error).into()
                } else {
                    error.into()
                }
            })
        })
    }
}
