//! Reads the `envoy_…` keys of a proxy's settings, which are typed weakly as in Consul.

use serde_json::{Map, Value};
use tribune_types::Opaque;

use crate::{Bind, Error};

/// The text of a setting; numbers and bools stand for theirs. `None` where it is absent or blank.
pub(crate) fn text(config: &Opaque, key: &'static str) -> Result<Option<String>, Error> {
    match config.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match scalar(value) {
            Some(text) => Ok((!text.trim().is_empty()).then_some(text)),
            None => Err(Error::Type {
                key,
                expected: "a string",
            }),
        },
    }
}

/// A list of texts, for which a single one may stand.
pub(crate) fn texts(config: &Opaque, key: &'static str) -> Result<Vec<String>, Error> {
    let items = match config.get(key) {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(items)) => items.as_slice(),
        Some(single) => std::slice::from_ref(single),
    };
    let texts: Option<Vec<String>> = items.iter().map(scalar).collect();
    texts.ok_or(Error::Type {
        key,
        expected: "a list of strings",
    })
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(u8::from(*value).to_string()),
        _ => None,
    }
}

/// An address to listen on.
pub(crate) fn bind(config: &Opaque, key: &'static str) -> Result<Option<Bind>, Error> {
    let Some(found) = text(config, key)? else {
        return Ok(None);
    };
    Bind::parse(&found)
        .map(Some)
        .ok_or(Error::BindAddress { key, found })
}

/// The JSON objects of a setting that holds one or several, separated by commas.
pub(crate) fn objects(config: &Opaque, key: &'static str) -> Result<Vec<Value>, Error> {
    let Some(text) = text(config, key)? else {
        return Ok(Vec::new());
    };
    let objects: Vec<Map<String, Value>> =
        serde_json::from_str(&format!("[{text}]")).map_err(|source| Error::Json { key, source })?;
    Ok(objects.into_iter().map(Value::Object).collect())
}

/// The JSON object of a setting that holds one.
pub(crate) fn object(config: &Opaque, key: &'static str) -> Result<Option<Value>, Error> {
    let Some(text) = text(config, key)? else {
        return Ok(None);
    };
    let object: Map<String, Value> =
        serde_json::from_str(&text).map_err(|source| Error::Json { key, source })?;
    Ok(Some(Value::Object(object)))
}
