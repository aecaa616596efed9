//! Envoy's messages as JSON, both ways.

use std::sync::LazyLock;

use envoy_types::pb::google::protobuf::Any;
use prost::{Message, Name};
use prost_reflect::{DescriptorPool, DynamicMessage, SerializeOptions};
use serde_json::Value;

use crate::wire::type_url;

/// Descriptors of Envoy's configuration, made of the `.proto` files of `envoy-types` by `tests/descriptors.rs`.
/// They are decoded when the first JSON comes along: most proxies have none.
static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    DescriptorPool::decode(include_bytes!("json/envoy.bin").as_slice())
        .expect("a test proves that the file holds what was compiled")
});

/// Why a JSON text is not the message that it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// It is no JSON, or has fields that its type has not.
    #[error("{0}")]
    Text(String),
    /// It is a message of another type.
    #[error("expected a message of type {expected:?}, found {found:?}")]
    Type {
        /// What it should be.
        expected: String,
        /// What it says that it is.
        found: String,
    },
    /// There is no such type.
    #[error("unknown type {0:?}")]
    UnknownType(String),
}

/// Reads a message that says its type in `@type`.
pub(crate) fn parse<M: Message + Name + Default>(text: &str) -> Result<M, JsonError> {
    let any = descriptor(&type_url::<Any>())?;
    let mut reader = serde_json::Deserializer::from_str(text);
    let message = DynamicMessage::deserialize(any, &mut reader)
        .map_err(|error| JsonError::Text(error.to_string()))?;
    reader
        .end()
        .map_err(|error| JsonError::Text(error.to_string()))?;
    let unreadable = |error: prost::DecodeError| JsonError::Text(error.to_string());
    let any: Any = message.transcode_to().map_err(unreadable)?;
    let expected = type_url::<M>();
    if any.type_url != expected {
        return Err(JsonError::Type {
            expected,
            found: any.type_url,
        });
    }
    M::decode(any.value.as_slice()).map_err(unreadable)
}

/// An encoded message as JSON, with the field names of its `.proto` file and without fields that have their
/// default value.
///
/// # Errors
/// Where the type is not known or the bytes are no such message.
pub fn dump(type_url: &str, body: &[u8]) -> Result<Value, JsonError> {
    let text = |error: &dyn std::fmt::Display| JsonError::Text(error.to_string());
    let message =
        DynamicMessage::decode(descriptor(type_url)?, body).map_err(|error| text(&error))?;
    let options = SerializeOptions::new()
        .skip_default_fields(true)
        .use_proto_field_name(true);
    message
        .serialize_with_options(serde_json::value::Serializer, &options)
        .map_err(|error| text(&error))
}

fn descriptor(type_url: &str) -> Result<prost_reflect::MessageDescriptor, JsonError> {
    let name = type_url.rsplit('/').next().unwrap_or(type_url);
    POOL.get_message_by_name(name)
        .ok_or_else(|| JsonError::UnknownType(type_url.to_owned()))
}

#[cfg(test)]
mod tests {
    use envoy_types::pb::envoy::config::cluster::v3::Cluster;

    use super::*;

    #[test]
    fn a_message_is_read_by_either_spelling_of_its_fields() {
        for field in ["altStatName", "alt_stat_name"] {
            let text = format!(
                r#"{{"@type": "{}", "name": "c", "{field}": "s"}}"#,
                type_url::<Cluster>()
            );
            let cluster: Cluster = parse(&text).unwrap();
            assert_eq!(
                (cluster.name.as_str(), cluster.alt_stat_name.as_str()),
                ("c", "s")
            );
        }
    }

    #[test]
    fn what_is_no_such_message_says_why() {
        let error = |text: &str| parse::<Cluster>(text).unwrap_err().to_string();
        assert!(error("{").contains("EOF"), "{}", error("{"));
        assert!(
            error(r#"{"nope": 1}"#).contains("@type"),
            "{}",
            error(r#"{"nope": 1}"#)
        );
        let unknown = format!(r#"{{"@type": "{}", "nope": 1}}"#, type_url::<Cluster>());
        assert!(error(&unknown).contains("nope"), "{}", error(&unknown));
        assert!(error(&format!("{unknown} x")).contains("nope"));
        let other =
            r#"{"@type": "type.googleapis.com/envoy.config.listener.v3.Listener", "name": "l"}"#;
        assert!(
            error(other).contains("expected a message of type"),
            "{}",
            error(other)
        );
        let deep = "[".repeat(100_000);
        assert!(!error(&deep).is_empty());
        let hidden = format!(
            r#"{{"@type": "{}", "metadata": {}"#,
            type_url::<Cluster>(),
            "{\"a\":".repeat(100_000)
        );
        assert!(!error(&hidden).is_empty());
    }

    #[test]
    fn a_message_is_printed_without_its_defaults() {
        let cluster = Cluster {
            name: "c".to_owned(),
            ..Default::default()
        };
        let json = dump(&type_url::<Cluster>(), &cluster.encode_to_vec()).unwrap();
        assert_eq!(json, serde_json::json!({"name": "c"}));
        assert!(dump("type.googleapis.com/no.Such", &[]).is_err());
    }
}
