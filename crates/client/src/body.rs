//! Bodies of requests.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http_body_util::Full;
use hyper::body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead, ReadBuf};

/// Bytes of a piece.
const PIECE: usize = 64 << 10;

/// The body of a request: at hand, or read while it is sent.
pub(crate) enum RequestBody {
    Whole(Full<Bytes>),
    Read(Pin<Box<dyn AsyncRead + Send>>),
}

impl Body for RequestBody {
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
            Self::Read(source) => {
                let mut piece = BytesMut::zeroed(PIECE);
                let mut buffer = ReadBuf::new(&mut piece);
                if let Err(error) = ready!(source.as_mut().poll_read(context, &mut buffer)) {
                    return Poll::Ready(Some(Err(error)));
                }
                let length = buffer.filled().len();
                if length == 0 {
                    return Poll::Ready(None);
                }
                piece.truncate(length);
                Poll::Ready(Some(Ok(Frame::data(piece.freeze()))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(body) => body.is_end_stream(),
            Self::Read(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => body.size_hint(),
            Self::Read(_) => SizeHint::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn a_source_is_sent_to_its_end() {
        let source = vec![7; PIECE + 1];
        let body = RequestBody::Read(Box::pin(std::io::Cursor::new(source.clone())));
        assert_eq!(body.collect().await.unwrap().to_bytes(), source);
    }
}
