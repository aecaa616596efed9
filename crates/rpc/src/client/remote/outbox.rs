//! What an agent says on its stream.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::Stream;
use tribune_proto::rpc::v1::{WatchRequest, watch_request as asked};

use super::Remote;

/// The requests of one stream. It ends when another one takes its place.
pub(super) struct Outbox {
    remote: Arc<Remote>,
    /// Which stream it is, once it has said hello.
    stream: Option<u64>,
    node: String,
}

// === impl Outbox ===

impl Outbox {
    pub(super) const fn new(remote: Arc<Remote>, node: String) -> Self {
        Self {
            remote,
            stream: None,
            node,
        }
    }
}

impl Stream for Outbox {
    type Item = WatchRequest;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<WatchRequest>> {
        let Some(stream) = self.stream else {
            let stream = self.remote.state().begin();
            self.stream = Some(stream);
            let node = std::mem::take(&mut self.node);
            return Poll::Ready(Some(WatchRequest {
                message: Some(asked::Message::Hello(asked::Hello { node })),
            }));
        };
        match self.remote.state().next(stream, cx) {
            Ok(Some(request)) => Poll::Ready(Some(request)),
            Ok(None) => Poll::Pending,
            Err(()) => Poll::Ready(None),
        }
    }
}
