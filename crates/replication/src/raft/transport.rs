//! How servers reach each other.

use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;

use super::Server;

/// The largest message, in bytes, in either direction. A transport has to take messages of this size.
pub const LARGEST_MESSAGE: usize = 4 << 20;

/// What [`Transport::call`] returns.
pub type TransportFuture<'a> =
    Pin<Box<dyn Future<Output = Result<Bytes, TransportError>> + Send + 'a>>;

/// Brings messages to other servers and their answers back. What is in them is the log's own affair.
///
/// Messages may be lost, late, doubled and out of order; they must not be altered, and who sends them must
/// have been proven to be a server of this datacenter.
pub trait Transport: Send + Sync + 'static {
    /// Has [`Raft::handle`](super::Raft::handle) of that server handle a message, and gives its answer. Calls
    /// to one server run beside each other. One that is dropped need not arrive.
    fn call<'a>(&'a self, to: &'a Server, message: Bytes, timeout: Duration)
    -> TransportFuture<'a>;
}

/// Why there is no answer to a message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// The server cannot be reached: the message did not arrive.
    #[error("cannot be reached: {reason}")]
    Unreachable {
        /// What the transport says.
        reason: String,
    },
    /// There was no answer in time: the message may have arrived.
    #[error("did not answer in time")]
    Timeout,
    /// The connection broke, or the server failed to answer: the message may have arrived.
    #[error("gave no answer: {reason}")]
    Failed {
        /// What the transport says.
        reason: String,
    },
}
