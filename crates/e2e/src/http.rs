//! HTTP exchanges with control over the connection that carries them, which is what several of the
//! things to observe are about.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{HeaderMap, Method, Request};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::runtime::{block_on, runtime};
use crate::tls::Identity;

/// One open connection.
#[derive(Debug)]
pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
    host: String,
}

/// What came back.
#[derive(Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, as text.
    pub body: String,
}

// === impl Connection ===

impl Connection {
    /// Opens a plain connection.
    pub fn open(address: SocketAddr) -> Result<Self> {
        block_on(async { Self::start(connect(address).await?, address).await })
    }

    /// Opens a connection under mutual TLS, as the sidecar of `identity`'s service would.
    pub fn open_as(identity: &Identity, address: SocketAddr) -> Result<Self> {
        block_on(async {
            Self::start(identity.handshake(connect(address).await?).await?, address).await
        })
    }

    async fn start(
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        address: SocketAddr,
    ) -> Result<Self> {
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        runtime().spawn(connection);
        Ok(Self {
            sender,
            host: address.to_string(),
        })
    }

    /// One exchange.
    pub fn send(&mut self, method: Method, path: &str, body: &str) -> Result<Response> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", &self.host)
            .body(Full::new(Bytes::copy_from_slice(body.as_bytes())))?;
        block_on(async {
            self.sender.ready().await?;
            let (parts, body) = self.sender.send_request(request).await?.into_parts();
            let body = String::from_utf8_lossy(&body.collect().await?.to_bytes()).into_owned();
            Ok(Response {
                status: parts.status.as_u16(),
                headers: parts.headers,
                body,
            })
        })
    }

    /// One GET.
    pub fn get(&mut self, path: &str) -> Result<Response> {
        self.send(Method::GET, path, "")
    }
}

// === impl Response ===

impl Response {
    /// The body as JSON; an error that shows the answer when it is something else or not a success.
    pub fn json(&self) -> Result<Value> {
        anyhow::ensure!(self.status == 200, "status {}: {}", self.status, self.body);
        serde_json::from_str(&self.body).with_context(|| format!("not JSON: {}", self.body))
    }
}

/// Small writes go out at once: what is measured is the mesh and not the sockets' patience.
async fn connect(address: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect(address)
        .await
        .with_context(|| format!("connecting to {address}"))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// One exchange on a connection of its own.
pub fn send(address: SocketAddr, method: Method, path: &str, body: &str) -> Result<Response> {
    Connection::open(address)?.send(method, path, body)
}

/// One GET on a connection of its own.
pub fn get(address: SocketAddr, path: &str) -> Result<Response> {
    send(address, Method::GET, path, "")
}
