//! What one stream may ask of the server, and the errors that end it.

use std::time::Duration;

use crate::message::{Nonce, TypeUrl};

/// Bounds of one [`crate::Session`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most names of one type that a client may subscribe to, or claim to hold, on one stream.
    pub subscriptions: usize,
    /// Most bytes that those names may have together.
    pub name_bytes: usize,
    /// Most removals of one type that wait for the client to answer what comes before them. Beyond it
    /// they are sent out of order rather than remembered: only a client that acknowledges some types
    /// and never others gets there.
    pub withheld_removals: usize,
    /// How many bytes of a rejection's reason are kept.
    pub reason_bytes: usize,
    /// How long a client may leave a response unanswered before the stream is given up.
    pub answer_within: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            subscriptions: 10_000,
            name_bytes: 2 << 20,
            withheld_removals: 10_000,
            reason_bytes: 4096,
            answer_within: Duration::from_secs(300),
        }
    }
}

/// Why a request ends its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// More names than [`Limits::subscriptions`].
    #[error("more than {limit} resources of type {} subscribed", type_url.as_str())]
    TooManySubscriptions {
        /// The type with too many.
        type_url: TypeUrl,
        /// The limit that was passed.
        limit: usize,
    },
    /// Longer names than [`Limits::name_bytes`].
    #[error("the names of subscribed resources of type {} exceed {limit} bytes", type_url.as_str())]
    NamesTooLong {
        /// The type with too long names.
        type_url: TypeUrl,
        /// The limit that was passed, in bytes.
        limit: usize,
    },
}

/// A response that stayed unanswered for [`Limits::answer_within`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("response {nonce} of type {} was not answered in time", type_url.as_str())]
pub struct Unanswered {
    /// Type of the response.
    pub type_url: TypeUrl,
    /// Its nonce.
    pub nonce: Nonce,
}
