//! A server of its own for the service, with limits on connections.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tonic::body::Body;
use tonic::transport::server::TcpConnectInfo;
use tower::Service as _;

use crate::limits::Limits;
use crate::service::Service;

/// Largest block that a client may send at once, in bytes; HTTP/2's own default.
const FRAME: u32 = 16 << 10;
/// Most bytes of request headers.
const HEADERS: u32 = 16 << 10;
/// How much of a response waits for a slow client before the stream is asked for no more.
const SEND_BUFFER: usize = 64 << 10;
/// Pause after a connection could not be accepted, usually for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves connections of `listener` until `shutdown` is ready, then ends every stream and returns.
pub async fn serve(listener: TcpListener, service: Service, shutdown: impl Future<Output = ()>) {
    let limits = *service.limits();
    let slots = Arc::new(Semaphore::new(limits.connections));
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            Some(_) = connections.join_next() => {}
            accepted = accept(&listener, &slots) => match accepted {
                Ok((slot, stream, client)) => {
                    connections.spawn(connection(stream, client, service.clone(), slot));
                }
                Err(error) => {
                    tracing::warn!(%error, "xDS connection not accepted");
                    sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    service.stop();
    let ended = async { while connections.join_next().await.is_some() {} };
    if timeout(limits.stop_within, ended).await.is_err() {
        connections.shutdown().await;
    }
}

async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> std::io::Result<(OwnedSemaphorePermit, TcpStream, SocketAddr)> {
    let slot = Arc::clone(slots)
        .acquire_owned()
        .await
        .map_err(std::io::Error::other)?;
    let (stream, client) = listener.accept().await?;
    Ok((slot, stream, client))
}

async fn connection(
    stream: TcpStream,
    client: SocketAddr,
    service: Service,
    _slot: OwnedSemaphorePermit,
) {
    // Fails where the client is gone already.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let limits = *service.limits();
    let mut stopping = service.stopping();
    let (used, info) = (
        AtomicBool::new(false),
        TcpConnectInfo {
            local_addr: stream.local_addr().ok(),
            remote_addr: Some(client),
        },
    );
    let answer = service_fn(|request: http::Request<Incoming>| {
        used.store(true, Ordering::Relaxed);
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(info.clone());
        let mut service = service.clone();
        async move { service.call(request).await }
    });
    let served = protocol(&limits).serve_connection(TokioIo::new(stream), answer);
    let mut served = pin!(served);
    let mut idle = pin!(sleep_until(Instant::now() + limits.introduce_within));
    let (mut looked, mut told) = (false, false);
    loop {
        tokio::select! {
            ended = &mut served => {
                if let Err(error) = ended {
                    tracing::debug!(%client, %error, "xDS connection ended");
                }
                return;
            }
            _ = stopping.wait_for(|stopping| *stopping), if !told => {
                told = true;
                served.as_mut().graceful_shutdown();
            }
            () = &mut idle, if !looked => {
                looked = true;
                if !used.load(Ordering::Relaxed) {
                    tracing::debug!(%client, "xDS connection without a stream closed");
                    return;
                }
            }
        }
    }
}

fn protocol(limits: &Limits) -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .initial_stream_window_size(limits.stream_window)
        .initial_connection_window_size(limits.connection_window)
        .max_concurrent_streams(limits.streams_per_connection)
        .max_frame_size(FRAME)
        .max_header_list_size(HEADERS)
        .max_send_buf_size(SEND_BUFFER)
        .keep_alive_interval(limits.ping_after)
        .keep_alive_timeout(limits.pong_within)
        .auto_date_header(false);
    builder
}
