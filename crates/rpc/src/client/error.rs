//! Why a server gave no answer.

use std::error::Error;
use std::time::Duration;

use tonic::{Code, Status};
use tribune_types::call::CallError;

use super::connection::NotSent;

/// Why there is no answer to a message of the replicated log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RaftError {
    /// The server cannot be reached: the message did not arrive.
    #[error("cannot be reached: {reason}")]
    Unreachable {
        /// Why not.
        reason: String,
    },
    /// There was no answer in time: the message may have arrived.
    #[error("did not answer in time")]
    Timeout,
    /// The connection broke, or the server refused or failed to answer: the message may have arrived.
    #[error("gave no answer: {reason}")]
    Failed {
        /// What is known of it.
        reason: String,
    },
}

/// Why a server gave no answer.
#[derive(Clone, Debug)]
pub(super) enum Lost {
    /// It never got the request.
    NotSent(String),
    /// It refused the request as such: another server would too.
    Refused(CallError),
    /// The connection broke.
    Broken(String),
    /// It took too long.
    Late { server: String, within: Duration },
}

// === impl RaftError ===

impl RaftError {
    pub(super) fn of(status: &Status) -> Self {
        match of_status(status) {
            Lost::NotSent(reason) => Self::Unreachable { reason },
            Lost::Refused(error) => Self::Failed {
                reason: error.to_string(),
            },
            Lost::Broken(reason) => Self::Failed { reason },
            Lost::Late { .. } => Self::Timeout,
        }
    }
}

// === impl Lost ===

impl Lost {
    /// Whether nothing can have come of the request.
    pub(super) const fn is_harmless(&self) -> bool {
        matches!(self, Self::NotSent(_))
    }

    /// Whether another server may answer. A request that took too long here would take as long there.
    pub(super) const fn may_help(&self) -> bool {
        matches!(self, Self::NotSent(_) | Self::Broken(_))
    }

    /// Whether it says something of the server, so that others are asked before it.
    pub(super) const fn blames_server(&self) -> bool {
        matches!(self, Self::NotSent(_) | Self::Broken(_) | Self::Late { .. })
    }

    pub(super) fn into_call_error(self) -> CallError {
        match self {
            Self::NotSent(reason) => CallError::Unavailable(reason),
            Self::Refused(error) => error,
            Self::Broken(reason) => CallError::Unavailable(format!(
                "the connection to the server broke, and a change that was asked for may have been made: {reason}"
            )),
            Self::Late { server, within } => CallError::Unavailable(format!(
                "server {server} did not answer within {within:?}, and a change that was asked for may have been made \
                 (limits.rpc_client_timeout)"
            )),
        }
    }
}

/// What a status means. Those of our own servers are final; those of a broken connection are not.
pub(super) fn of_status(status: &Status) -> Lost {
    let message = status.message().to_owned();
    if was_not_sent(status) {
        return Lost::NotSent(message);
    }
    match status.code() {
        Code::PermissionDenied | Code::Unauthenticated => Lost::Refused(CallError::Denied(message)),
        Code::InvalidArgument | Code::OutOfRange => Lost::Refused(CallError::BadRequest(message)),
        Code::ResourceExhausted => Lost::Refused(CallError::TooMany(message)),
        Code::FailedPrecondition | Code::Unimplemented => {
            Lost::Refused(CallError::Refused(message))
        }
        Code::Ok
        | Code::Cancelled
        | Code::Unknown
        | Code::DeadlineExceeded
        | Code::NotFound
        | Code::AlreadyExists
        | Code::Aborted
        | Code::Internal
        | Code::Unavailable
        | Code::DataLoss => Lost::Broken(message),
    }
}

fn was_not_sent(status: &Status) -> bool {
    let mut source = status.source();
    while let Some(error) = source {
        if error.is::<NotSent>() {
            return true;
        }
        source = error.source();
    }
    false
}
