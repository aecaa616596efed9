//! What is said over the network, to and from our own types.
//!
//! Everything that comes in is checked on its way, so what is inside is as valid as if it had been made here.
//! Whoever adds a field or a variant is told by the compiler that it is missing here.

pub(crate) mod call;
pub(crate) mod certificates;
mod chain;
mod endpoints;
mod intentions;
mod key;
mod names;
mod proxy;
pub(crate) mod reports;
mod value;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) use endpoints::{decode_endpoint, encode_endpoint};
pub(crate) use key::{key, key_message};
pub(crate) use names::{instance, instance_message};
pub(crate) use value::{decode_value, encode_endpoints, encode_value};

/// Why a message is not understood. The text is for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the message of the other side is not understood: {field}: {reason}")]
pub(crate) struct Malformed {
    field: &'static str,
    reason: String,
}

// === impl Malformed ===

impl Malformed {
    pub(crate) fn new(field: &'static str, reason: impl ToString) -> Self {
        Self {
            field,
            reason: reason.to_string(),
        }
    }

    /// A part that must be there, or one of a kind that a newer version may have.
    pub(crate) fn missing(field: &'static str) -> Self {
        Self::new(
            field,
            "it is missing, or of a kind that this version does not know",
        )
    }
}

/// A part that must be there.
pub(crate) fn present<T>(field: &'static str, part: Option<T>) -> Result<T, Malformed> {
    part.ok_or_else(|| Malformed::missing(field))
}

/// JSON of a value whose types say how.
pub(crate) fn to_json<T: Serialize + ?Sized>(value: &T) -> Bytes {
    serde_json::to_vec(value)
        .expect("the maps in our types have strings for keys, so they have a JSON form")
        .into()
}

pub(crate) fn from_json<T: DeserializeOwned>(
    field: &'static str,
    json: &[u8],
) -> Result<T, Malformed> {
    serde_json::from_slice(json).map_err(|error| Malformed::new(field, error))
}

#[cfg(test)]
mod tests;
