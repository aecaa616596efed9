//! Bodies that go by piece by piece, so that none is ever held whole.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tribune_types::call::Answer;

/// Longest time that a client may let pass between two pieces.
const PIECE_TIMEOUT: Duration = Duration::from_secs(30);

/// Pieces of a body, in order. An error ends it: what came before is not the whole.
pub type Chunks = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

/// An answer that comes piece by piece.
pub struct Streamed {
    /// What its headers say; its body is not looked at where there are pieces.
    pub answer: Answer,
    /// Type of the pieces together.
    pub content_type: &'static str,
    /// The pieces, if there are any.
    pub chunks: Option<Chunks>,
}

impl fmt::Debug for Streamed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Streamed")
            .field("answer", &self.answer)
            .field("content_type", &self.content_type)
            .finish_non_exhaustive()
    }
}

impl From<Answer> for Streamed {
    fn from(answer: Answer) -> Self {
        Self {
            answer,
            content_type: "",
            chunks: None,
        }
    }
}

/// The body of a request, as it comes in.
pub(crate) fn upload(body: Incoming) -> Chunks {
    let next = |mut body: Incoming| async move {
        loop {
            let piece = match tokio::time::timeout(PIECE_TIMEOUT, body.frame()).await {
                Err(_) => Err(io::ErrorKind::TimedOut.into()),
                Ok(None) => return None,
                Ok(Some(Err(error))) => Err(io::Error::other(error)),
                Ok(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => Ok(data),
                    // trailers say nothing that anybody reads
                    Err(_) => continue,
                },
            };
            return Some((piece, body));
        }
    };
    Box::pin(stream::unfold(body, next))
}

/// The body of a response.
pub(crate) enum Payload {
    Whole(Full<Bytes>),
    Pieces(Chunks),
}

impl Default for Payload {
    fn default() -> Self {
        Self::Whole(Full::default())
    }
}

impl From<Bytes> for Payload {
    fn from(bytes: Bytes) -> Self {
        Self::Whole(Full::new(bytes))
    }
}

impl From<Chunks> for Payload {
    fn from(chunks: Chunks) -> Self {
        Self::Pieces(chunks)
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match self.get_mut() {
            Self::Whole(body) => Pin::new(body)
                .poll_frame(context)
                .map_err(|never| match never {}),
            Self::Pieces(chunks) => chunks.poll_next_unpin(context).map_ok(Frame::data),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(body) => body.is_end_stream(),
            Self::Pieces(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => body.size_hint(),
            Self::Pieces(_) => SizeHint::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(pieces: Vec<io::Result<Bytes>>) -> Payload {
        let chunks: Chunks = Box::pin(stream::iter(pieces));
        chunks.into()
    }

    #[tokio::test]
    async fn pieces_become_frames_in_their_order() {
        let body = pieces(vec![Ok("a".into()), Ok("b".into())]);
        assert!(!body.is_end_stream() && body.size_hint().exact().is_none());
        assert_eq!(body.collect().await.unwrap().to_bytes(), "ab");
    }

    #[tokio::test]
    async fn a_body_that_fails_does_not_look_whole() {
        let body = pieces(vec![Ok("a".into()), Err(io::ErrorKind::BrokenPipe.into())]);
        assert!(body.collect().await.is_err());
    }
}
