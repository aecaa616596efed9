//! Bodies of requests: read up to a limit, then turned into types with errors that say where.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use serde::de::DeserializeOwned;
use tribune_hcl::{Format, Options};

use tribune_types::config_entry::{Kind, Raw};

use crate::error::Error;

/// Reads a body of at most `limit` bytes. One that says it is longer is refused before any of it is read.
pub(crate) async fn read(mut body: Incoming, limit: usize) -> Result<Bytes, Error> {
    let too_large = || Error::BodyTooLarge { limit };
    if usize::try_from(body.size_hint().lower()).map_or(true, |announced| announced > limit) {
        return Err(too_large());
    }
    let mut read = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Error::BodyCut)?.into_data() else {
            continue;
        };
        if read.len() + data.len() > limit {
            return Err(too_large());
        }
        read.extend_from_slice(&data);
    }
    Ok(read.freeze())
}

/// A JSON body as a type. Unknown fields are refused.
pub(crate) fn strict<T: DeserializeOwned>(body: &[u8], prefix: &str) -> Result<T, Error> {
    decode(body, prefix, Options::STRICT)
}

/// A registration: unknown fields are refused but in the parts that the reference decodes leniently.
pub(crate) fn lenient_connect<T: DeserializeOwned>(body: &[u8], prefix: &str) -> Result<T, Error> {
    let lenient = &["ServiceConnect", "CatalogConnect", "CheckDefinition"];
    decode(
        body,
        prefix,
        Options {
            lenient,
            ..Options::STRICT
        },
    )
}

pub(crate) fn decode<T: DeserializeOwned>(
    body: &[u8],
    prefix: &str,
    options: Options,
) -> Result<T, Error> {
    let text = text(body, prefix)?;
    tribune_hcl::from_str(text, Format::Json, options)
        .map_err(|error| Error::bad_request(format!("{prefix}: {error}")))
}

/// A body as text, which JSON has to be.
pub(crate) fn text<'a>(body: &'a [u8], prefix: &str) -> Result<&'a str, Error> {
    std::str::from_utf8(body).map_err(|error| {
        Error::bad_request(format!(
            "{prefix}: byte {} is not UTF-8",
            error.valid_up_to() + 1
        ))
    })
}

/// A config entry: its kind says which fields it has, and those are read weakly typed.
pub(crate) fn config_entry(body: &[u8]) -> Result<Raw, Error> {
    let failed = |error: &dyn std::fmt::Display| {
        Error::bad_request(format!("Request decoding failed: {error}"))
    };
    let text = text(body, "Request decoding failed")?;
    let value = tribune_hcl::parse(text, Format::Json).map_err(|error| failed(&error))?;
    let kind = kind(&value).ok_or_else(|| {
        failed(&"Payload does not contain a kind/Kind key with a string at the top level")
    })?;
    let kind = Kind::parse(kind).map_err(|error| failed(&error))?;
    let options = Options::WEAK;
    tribune_hcl::from_value_seed(Fields(kind), &value, options).map_err(|error| failed(&error))
}

fn kind(entry: &tribune_hcl::Value) -> Option<&str> {
    let tribune_hcl::Kind::Object(fields) = &entry.kind else {
        return None;
    };
    let field = fields
        .iter()
        .find(|field| matches!(field.key.as_str(), "Kind" | "kind"))?;
    match &field.value.kind {
        tribune_hcl::Kind::String(kind) => Some(kind),
        _ => None,
    }
}

/// The fields of a kind.
struct Fields(Kind);

impl<'de> serde::de::DeserializeSeed<'de> for Fields {
    type Value = Raw;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        Raw::deserialize(self.0, deserializer)
    }
}
