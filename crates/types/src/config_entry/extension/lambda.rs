//! `builtin/aws/lambda`.

use super::reader::Reader;
use crate::config_entry::invalid::Reason;

/// A function that is called in place of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsLambda {
    /// Its name; whether it is one is known when a proxy is built.
    pub arn: String,
    /// Whether requests are passed on as they are, not wrapped in JSON.
    pub payload_passthrough: bool,
    /// Whether nobody waits for its answer.
    pub asynchronous: bool,
}

impl AwsLambda {
    pub(super) fn read(reader: &mut Reader<'_, '_>) -> Self {
        let arn = reader.text("ARN");
        reader.add_if(arn.is_empty(), "ARN", Reason::Required);
        Self {
            arn,
            payload_passthrough: reader.flag("PayloadPassthrough").unwrap_or_default(),
            asynchronous: reader.text("InvocationMode") == "asynchronous",
        }
    }
}
