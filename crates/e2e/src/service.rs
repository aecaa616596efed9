//! The small HTTP services that the sidecars stand in front of.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::runtime::{block_on, runtime};

/// A service that answers who it is and on whose behalf it was asked; ends when dropped.
///
/// It answers every request with its name, the request line and, without the PEM text, the
/// `X-Forwarded-Client-Cert` header that its sidecar put in, a line each; `/wait/N` after N milliseconds. With an upstream it passes the
/// request on and answers what came back, below its own line.
#[derive(Debug)]
pub struct Service {
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

/// What a service is made of.
#[derive(Debug, Clone)]
struct Handler {
    name: String,
    upstream: Option<SocketAddr>,
}

// === impl Service ===

impl Service {
    /// Starts a service that answers by itself.
    pub fn start(name: &str, port: u16) -> Result<Self> {
        Self::serve(
            port,
            Handler {
                name: name.to_owned(),
                upstream: None,
            },
        )
    }

    /// Starts a service that asks what listens on `upstream` first.
    pub fn start_in_front_of(upstream: SocketAddr, name: &str, port: u16) -> Result<Self> {
        Self::serve(
            port,
            Handler {
                name: name.to_owned(),
                upstream: Some(upstream),
            },
        )
    }

    fn serve(port: u16, handler: Handler) -> Result<Self> {
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let listener = block_on(async { Ok(TcpListener::bind(address).await?) })
            .with_context(|| format!("the service {} on {address}", handler.name))?;
        let accepting = runtime().spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A failure would only make it slower.
                let _ = stream.set_nodelay(true);
                let handler = handler.clone();
                tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(
                    TokioIo::new(stream),
                    service_fn(move |request| {
                        let handler = handler.clone();
                        async move { Ok::<_, Infallible>(handler.answer(request).await) }
                    }),
                ));
            }
        });
        Ok(Self { address, accepting })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

// === impl Handler ===

impl Handler {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let line = format!("{} {}", request.method(), request.uri());
        let certificate = request
            .headers()
            .get("x-forwarded-client-cert")
            .and_then(|value| value.to_str().ok());
        let mut said = format!("{}: {line}\n", self.name);
        if let Some(certificate) = certificate {
            said.push_str(&format!(
                "client certificate: {}\n",
                without_pem(certificate)
            ));
        }
        if let Some(pause) = request
            .uri()
            .path()
            .strip_prefix("/wait/")
            .and_then(|millis| millis.parse().ok())
        {
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
        let mut status = StatusCode::OK;
        if let Some(upstream) = self.upstream {
            match pass_on(upstream, request.method().clone(), request.uri().clone()).await {
                Ok((upstream_status, body)) => {
                    status = upstream_status;
                    said.push_str(&body);
                }
                Err(error) => {
                    status = StatusCode::BAD_GATEWAY;
                    said.push_str(&format!("{error:#}\n"));
                }
            }
        }
        let mut response = Response::new(Full::new(Bytes::from(said)));
        *response.status_mut() = status;
        response
    }
}

/// The header without the certificates themselves, which are pages long.
fn without_pem(header: &str) -> String {
    let parts = header
        .split(';')
        .filter(|part| !part.starts_with("Cert=") && !part.starts_with("Chain="));
    parts.collect::<Vec<_>>().join(";")
}

async fn pass_on(upstream: SocketAddr, method: Method, uri: Uri) -> Result<(StatusCode, String)> {
    let stream = TcpStream::connect(upstream)
        .await
        .with_context(|| format!("connecting to {upstream}"))?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request = Request::builder()
        .method(method)
        .uri(uri)
        .header("host", upstream.to_string())
        .body(Full::<Bytes>::default())?;
    let (parts, body) = sender.send_request(request).await?.into_parts();
    Ok((
        parts.status,
        String::from_utf8_lossy(&body.collect().await?.to_bytes()).into_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Connection, get};
    use crate::ports;

    #[test]
    fn a_service_answers_in_its_own_name_on_a_kept_connection() {
        let api = Service::start("api-1", ports::free().unwrap()).unwrap();
        let mut connection = Connection::open(api.address()).unwrap();
        for path in ["/", "/again"] {
            let response = connection.get(path).unwrap();
            assert_eq!(
                (response.status, response.body),
                (200, format!("api-1: GET {path}\n"))
            );
        }
    }

    #[test]
    fn a_service_with_an_upstream_shows_both_answers() {
        let api = Service::start("api-1", ports::free().unwrap()).unwrap();
        let web = Service::start_in_front_of(api.address(), "web", ports::free().unwrap()).unwrap();
        assert_eq!(
            get(web.address(), "/x").unwrap().body,
            "web: GET /x\napi-1: GET /x\n"
        );
    }

    #[test]
    fn identities_are_shown_and_certificates_are_not() {
        let header =
            "By=spiffe://t/api;Hash=00;Cert=\"x\";Chain=\"y\";Subject=\"\";URI=spiffe://t/web";
        assert_eq!(
            without_pem(header),
            "By=spiffe://t/api;Hash=00;Subject=\"\";URI=spiffe://t/web"
        );
    }

    #[test]
    fn a_service_without_its_upstream_says_so() {
        let nobody = SocketAddr::from(([127, 0, 0, 1], ports::free().unwrap()));
        let web = Service::start_in_front_of(nobody, "web", ports::free().unwrap()).unwrap();
        let response = get(web.address(), "/").unwrap();
        assert_eq!(response.status, 502);
        assert!(
            response.body.contains("connecting to 127.0.0.1"),
            "{}",
            response.body
        );
    }
}
