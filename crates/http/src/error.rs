//! What can go wrong with a request, and the only map from it to statuses.

use http::StatusCode;
use tribune_types::call::CallError;

/// Why a request has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Error {
    /// Whoever answers refused it.
    Call(CallError),
    /// No route has this path.
    NoRoute { path: String },
    /// The route does not take this method.
    Method { method: String, allowed: String },
    /// The body is larger than it may be.
    BodyTooLarge { limit: usize },
    /// The connection ended within the body.
    BodyCut,
}

impl From<CallError> for Error {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

impl Error {
    /// A request that cannot be understood.
    pub(crate) fn bad_request(text: impl Into<String>) -> Self {
        Self::Call(CallError::BadRequest(text.into()))
    }

    pub(crate) const fn status(&self) -> StatusCode {
        match self {
            Self::Call(error) => match error {
                CallError::BadRequest(_) => StatusCode::BAD_REQUEST,
                CallError::Denied(_) | CallError::UnknownToken => StatusCode::FORBIDDEN,
                CallError::NotFound(_) => StatusCode::NOT_FOUND,
                CallError::Refused(_) => StatusCode::INTERNAL_SERVER_ERROR,
                CallError::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
                CallError::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            },
            Self::NoRoute { .. } => StatusCode::NOT_FOUND,
            Self::Method { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyCut => StatusCode::BAD_REQUEST,
        }
    }

    pub(crate) fn text(&self) -> String {
        match self {
            Self::Call(error) => error.to_string(),
            Self::NoRoute { path } if path.contains("/v1/") => {
                "Invalid URL path: not a recognized HTTP API endpoint\n".to_owned()
            }
            Self::NoRoute { .. } => {
                "Invalid URL path: if attempting to use the HTTP API, ensure the path starts with '/v1/'\n".to_owned()
            }
            Self::Method { method, .. } => format!("method {method} not allowed"),
            Self::BodyTooLarge { limit } => {
                format!("Request body(s) too large, max size: {limit} bytes. Send less, or raise the agent's limit.")
            }
            Self::BodyCut => "The connection ended before the request's body did".to_owned(),
        }
    }
}
