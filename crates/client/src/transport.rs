//! Connections to the agent, and requests over them.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::body::RequestBody;
use crate::{Address, Config, ConfigError, Error, tls};

/// How long the agent may take to accept a connection, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// Connections that are kept open while nobody uses them.
const MAX_IDLE: usize = 16;

/// Where to connect to, and the connections that wait for their next request.
pub(crate) struct Transport {
    address: Address,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    idle: Mutex<Vec<Connection>>,
}

/// One connection. Its driver is polled only while a request is under way, so that no task is needed for it.
struct Connection {
    sender: SendRequest<RequestBody>,
    driver: Pin<Box<dyn Future<Output = ()> + Send>>,
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

// === impl Transport ===

impl Transport {
    pub(crate) fn new(config: &Config) -> Result<Self, ConfigError> {
        let tls = match &config.address {
            Address::Tcp {
                host, tls: true, ..
            } => {
                let name = config.tls.server_name.as_ref().unwrap_or(host);
                let name =
                    ServerName::try_from(name.clone()).map_err(|_| ConfigError::Address {
                        address: name.clone(),
                    })?;
                Some((tls::connector(&config.tls)?, name))
            }
            Address::Tcp { .. } | Address::Unix(_) => {
                // Files that cannot be read are an error even where they are not needed, as with Consul.
                tls::connector(&config.tls)?;
                None
            }
        };
        Ok(Self {
            address: config.address.clone(),
            tls,
            idle: Mutex::default(),
        })
    }

    /// Sends a request and gives the body of its answer piece by piece. The connection is its alone: nothing
    /// was sent on it before, so nothing of the request's body is sent twice.
    pub(crate) async fn stream(
        &self,
        request: Request<RequestBody>,
    ) -> Result<Response<Download>, Error> {
        let path = request.uri().path().to_owned();
        let mut connection = self.connect().await?;
        match connection.begin(request).await {
            Ok(response) => Ok(response.map(|body| Download {
                path,
                body,
                connection,
            })),
            Err(Failure { source, .. }) => Err(Error::Transport { path, source }),
        }
    }

    /// Sends the request and reads the whole answer.
    pub(crate) async fn send(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Bytes>, Error> {
        let request = request.map(RequestBody::Whole);
        let path = request.uri().path().to_owned();
        let mut request = request;
        loop {
            let (mut connection, kept) = match self.take_idle() {
                Some(connection) => (connection, true),
                None => (self.connect().await?, false),
            };
            match connection.exchange(request).await {
                Ok(response) => {
                    self.keep(connection);
                    return Ok(response);
                }
                // The agent had closed a kept connection before it saw anything of the request.
                Err(Failure {
                    unsent: Some(unsent),
                    ..
                }) if kept => request = unsent,
                Err(Failure { source, .. }) => return Err(Error::Transport { path, source }),
            }
        }
    }

    fn take_idle(&self) -> Option<Connection> {
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop()
    }

    fn keep(&self, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MAX_IDLE && !connection.sender.is_closed() {
            idle.push(connection);
        }
    }

    async fn connect(&self) -> Result<Connection, Error> {
        let failed = |source| Error::Connect {
            address: self.address.to_string(),
            source,
        };
        let stream = timeout(CONNECT_TIMEOUT, self.open())
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
            .map_err(failed)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| failed(io::Error::other(error)))?;
        // Whatever ends a connection also ends the request on it, with the same error.
        let driver = Box::pin(async move { drop(connection.await) });
        Ok(Connection { sender, driver })
    }

    async fn open(&self) -> io::Result<Box<dyn Stream>> {
        match &self.address {
            Address::Unix(path) => Ok(Box::new(UnixStream::connect(path).await?)),
            Address::Tcp { host, port, .. } => {
                let stream = TcpStream::connect((host.as_str(), *port)).await?;
                stream.set_nodelay(true)?;
                match &self.tls {
                    None => Ok(Box::new(stream)),
                    Some((connector, name)) => {
                        Ok(Box::new(connector.connect(name.clone(), stream).await?))
                    }
                }
            }
        }
    }
}

/// A request without an answer.
struct Failure {
    source: hyper::Error,
    /// The request itself, where the agent surely saw nothing of it.
    unsent: Option<Request<RequestBody>>,
}

// === impl Connection ===

impl Connection {
    async fn exchange(
        &mut self,
        request: Request<RequestBody>,
    ) -> Result<Response<Bytes>, Failure> {
        let (head, mut body) = self.begin(request).await?.into_parts();
        let read = self.drive(async { (&mut body).collect().await });
        let bytes = read.await.map_err(|source| Failure {
            source,
            unsent: None,
        })?;
        Ok(Response::from_parts(head, bytes.to_bytes()))
    }

    /// Sends a request, and gives its answer as soon as there is a head of it.
    async fn begin(
        &mut self,
        request: Request<RequestBody>,
    ) -> Result<Response<Incoming>, Failure> {
        let Self { sender, driver } = self;
        let sent = async move {
            if let Err(source) = sender.ready().await {
                return Err(Failure {
                    source,
                    unsent: Some(request),
                });
            }
            sender.try_send_request(request).await.map_err(|mut error| {
                let unsent = error.take_message();
                Failure {
                    source: error.into_error(),
                    unsent,
                }
            })
        };
        driven(driver, sent).await
    }

    /// Does something on the connection while it is driven.
    async fn drive<T>(&mut self, work: impl Future<Output = T>) -> T {
        driven(&mut self.driver, work).await
    }
}

async fn driven<T>(
    driver: &mut Pin<Box<dyn Future<Output = ()> + Send>>,
    work: impl Future<Output = T>,
) -> T {
    tokio::pin!(work);
    tokio::select! {
        biased;
        done = &mut work => done,
        () = &mut *driver => {
            // It may end because the answer is complete; what is left of that is already buffered.
            *driver = Box::pin(std::future::pending());
            work.await
        }
    }
}

/// The body of an answer, piece by piece. Dropping it ends the request on the wire, too.
pub struct Download {
    path: String,
    body: Incoming,
    connection: Connection,
}

// === impl Download ===

impl Download {
    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// Where the connection ends before the body does: what came is not the whole.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            let Some(frame) = self.connection.drive(self.body.frame()).await else {
                return Ok(None);
            };
            let frame = frame.map_err(|source| Error::Transport {
                path: self.path.clone(),
                source,
            })?;
            // anything but data says nothing that is looked at
            if let Ok(data) = frame.into_data() {
                return Ok(Some(data));
            }
        }
    }

    /// What is left of it, whole.
    pub(crate) async fn rest(mut self) -> Result<Bytes, Error> {
        let mut rest = bytes::BytesMut::new();
        while let Some(piece) = self.chunk().await? {
            rest.extend_from_slice(&piece);
        }
        Ok(rest.freeze())
    }
}

impl std::fmt::Debug for Download {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Download")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}
