//! What comes from those who mean no good, or are of another version.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use tribune_rpc::tls::Tls;
use tribune_rpc::{Limits, Server};
use tribune_types::call::Query;

use crate::certificates::{Authority, Held};
use crate::world::{CONNECTIONS, Fake, Running, ask, hasty};

fn pair(held: &Held) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
    let chain = CertificateDer::pem_slice_iter(held.certificate.as_bytes());
    let key = PrivateKeyDer::from_pem_slice(held.key.as_bytes()).unwrap();
    (chain.collect::<Result<_, _>>().unwrap(), key)
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// Shows any certificate to a server; `Ok` where the server goes on after that.
pub(crate) async fn handshake(
    authority: &Authority,
    server: &Running,
    held: &Held,
) -> std::io::Result<()> {
    let mut roots = RootCertStore::empty();
    let root = CertificateDer::from_pem_slice(authority.pem.as_bytes()).unwrap();
    roots.add(root).unwrap();
    let (chain, key) = pair(held);
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let name = ServerName::try_from("server.dc1.consul").unwrap();
    let stream = TcpStream::connect(server.address).await?;
    let mut stream = TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await?;
    // with TLS 1.3 a client learns of its refusal when it reads; a server that goes on sends its settings
    stream.read_u8().await.map(|_| ())
}

/// A server that shows any certificate and says nothing.
pub(crate) async fn tls_server(held: &Held) -> SocketAddr {
    let (chain, key) = pair(held);
    let config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let acceptor = TlsAcceptor::from(Arc::new(config));
        while let Ok((stream, _)) = listener.accept().await {
            acceptor.accept(stream).await.ok();
        }
    });
    address
}

pub(crate) fn as_server(address: SocketAddr) -> Server {
    Server {
        datacenter: "dc1".into(),
        address: address.to_string(),
        ..Server::default()
    }
}

/// Makes one request by hand; gives the gRPC status and its message.
async fn request(server: &Running, method: &str, version: &str, body: Bytes) -> (String, String) {
    let stream = TcpStream::connect(server.address).await.unwrap();
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    let request = http::Request::post(format!("http://server/tribune.rpc.v1.Servers/{method}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("tribune-rpc-version", version)
        .body(Full::new(body))
        .unwrap();
    let response = sender.send_request(request).await.unwrap();
    let mut headers = response.headers().clone();
    if let Some(trailers) = response.into_body().collect().await.unwrap().trailers() {
        headers.extend(trailers.clone());
    }
    let text = |name: &str| {
        headers
            .get(name)
            .map_or_else(String::new, |value| value.to_str().unwrap().to_owned())
    };
    (text("grpc-status"), text("grpc-message"))
}

/// A message as gRPC frames it.
fn framed(message: &[u8]) -> Bytes {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[0][..], &length, message].concat().into()
}

#[tokio::test]
async fn a_newer_major_version_is_refused_with_both_named() {
    let (fake, _waits) = Fake::new("one");
    let server = Running::start(&fake, &Tls::plaintext()).await;
    let (status, message) = request(&server, "Watch", "2.5", Bytes::new()).await;
    assert_eq!(status, "9");
    assert!(
        message.contains("2.5") && message.contains("1.0"),
        "{message}"
    );
    let (status, _) = request(&server, "Raft", "1.9", framed(&[0x0a, 1, b'x'])).await;
    assert_eq!(status, "0");
}

#[tokio::test]
async fn garbage_is_an_error_and_nothing_more() {
    let (fake, _waits) = Fake::new("one");
    let server = Running::start(&fake, &Tls::plaintext()).await;
    let methods = ["Call", "Watch", "Raft", "Sign", "Report", "SnapshotRestore"];
    for method in methods {
        let (status, _) = request(&server, method, "1.0", framed(&[0xff; 64])).await;
        assert_ne!(status, "0", "{method}");
        // an empty message, where something must be in it
        let (status, _) = request(&server, method, "1.0", framed(b"")).await;
        let answers = ["Call", "Watch", "Raft"].contains(&method);
        assert_eq!(status == "0", answers, "{method}: {status}");
    }
    let (status, _) = request(&server, "Nothing", "1.0", Bytes::new()).await;
    assert_eq!(status, "12");
    assert!(
        ask(&hasty(&[&server], &Tls::plaintext()), Query::Leader)
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_message_above_its_limit_is_refused_by_its_length() {
    let (fake, _waits) = Fake::new("one");
    let server = Running::start(&fake, &Tls::plaintext()).await;
    // no more than the head of the message is ever sent
    for (method, length) in [("Call", 9 << 20), ("Watch", 1 << 20), ("Sign", 1 << 20)] {
        let head = [&[0][..], &u32::to_be_bytes(length)].concat();
        let (status, message) = request(&server, method, "1.0", head.into()).await;
        assert_eq!(status, "11", "{method}: {message}");
    }
}

#[tokio::test]
async fn connections_of_one_client_are_counted() {
    let (fake, _waits) = Fake::new("one");
    let server = Running::start(&fake, &Tls::plaintext()).await;
    let mut open = Vec::new();
    for _ in 0..CONNECTIONS {
        open.push(TcpStream::connect(server.address).await.unwrap());
    }
    let mut refused = TcpStream::connect(server.address).await.unwrap();
    assert_eq!(
        refused.read(&mut [0; 16]).await.unwrap_or(0),
        0,
        "it is closed at once"
    );
}

#[tokio::test]
async fn who_says_nothing_is_not_waited_for() {
    let authority = Authority::new("one");
    for tls in [Tls::plaintext(), authority.server_tls()] {
        let (fake, _waits) = Fake::new("one");
        let limits = Limits {
            handshake: Duration::from_millis(50),
            ..Limits::default()
        };
        let server = Running::with(&fake, &tls, limits).await;
        let mut silent = TcpStream::connect(server.address).await.unwrap();
        silent.write_all(b"\x16").await.unwrap();
        let mut rest = Vec::new();
        // what comes before the end is the server's side of HTTP/2
        silent.read_to_end(&mut rest).await.ok();
    }
}
