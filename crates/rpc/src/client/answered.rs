//! What responses say of failures.

use tribune_proto::rpc::v1::{self as proto, call_response, sign_response};

use crate::{Failure, convert};

/// A response that may say that nothing was done.
pub(super) trait Answered {
    /// The failure that it holds.
    fn failed(&self) -> Option<Failure>;
}

impl Answered for proto::CallResponse {
    fn failed(&self) -> Option<Failure> {
        match &self.result {
            Some(call_response::Result::Error(error)) => {
                Some(convert::call::failure(error.clone()))
            }
            Some(call_response::Result::Reply(_)) | None => None,
        }
    }
}

impl Answered for proto::SignResponse {
    fn failed(&self) -> Option<Failure> {
        match &self.result {
            Some(sign_response::Result::Error(error)) => {
                Some(convert::call::failure(error.clone()))
            }
            Some(sign_response::Result::Certificate(_)) | None => None,
        }
    }
}

impl Answered for proto::AutoEncryptResponse {
    fn failed(&self) -> Option<Failure> {
        use proto::auto_encrypt_response::Result as Outcome;
        match &self.result {
            Some(Outcome::Error(error)) => Some(convert::call::failure(error.clone())),
            Some(Outcome::Identity(_)) | None => None,
        }
    }
}

impl Answered for proto::ReportResponse {
    fn failed(&self) -> Option<Failure> {
        self.error.clone().map(convert::call::failure)
    }
}

impl Answered for proto::ProxyReportsResponse {
    fn failed(&self) -> Option<Failure> {
        self.error.clone().map(convert::call::failure)
    }
}

impl Answered for tonic::Streaming<proto::SnapshotSaveResponse> {
    /// Not known before the first message.
    fn failed(&self) -> Option<Failure> {
        None
    }
}
