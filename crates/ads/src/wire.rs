//! The messages of `envoy.service.discovery.v3` that a delta stream carries, as far as they are used.
//!
//! Requests are read into the fields that matter; Envoy's node, with its hundreds of extensions, is
//! skipped over. Responses are written from shared bytes straight into the connection's buffer.

use std::collections::HashMap;

use bytes::BufMut;
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint, key_len};
use prost::{DecodeError, Message};
use tonic::Status;
use tonic::codec::{BufferSettings, Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tribune_delta::{Resource, Response};

use crate::convert::Payload;

/// What a stream holds for reading and writing while nothing is on its way.
const BUFFER: usize = 512;
/// How much is put together before it is handed to the connection.
const BATCH: usize = 32 << 10;

/// `DeltaDiscoveryRequest`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct DeltaRequest {
    #[prost(message, optional, tag = "1")]
    pub(crate) node: Option<Node>,
    #[prost(string, tag = "2")]
    pub(crate) type_url: String,
    #[prost(string, repeated, tag = "3")]
    pub(crate) resource_names_subscribe: Vec<String>,
    #[prost(string, repeated, tag = "4")]
    pub(crate) resource_names_unsubscribe: Vec<String>,
    #[prost(map = "string, string", tag = "5")]
    pub(crate) initial_resource_versions: HashMap<String, String>,
    #[prost(string, tag = "6")]
    pub(crate) response_nonce: String,
    #[prost(message, optional, tag = "7")]
    pub(crate) error_detail: Option<ErrorDetail>,
}

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ErrorDetail {
    #[prost(string, tag = "2")]
    pub(crate) message: String,
}

/// `envoy.config.core.v3.Node`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Node {
    #[prost(string, tag = "1")]
    pub(crate) id: String,
    #[prost(message, optional, tag = "3")]
    pub(crate) metadata: Option<Metadata>,
    #[prost(string, tag = "6")]
    pub(crate) user_agent_name: String,
    #[prost(string, tag = "7")]
    pub(crate) user_agent_version: String,
    #[prost(message, optional, tag = "8")]
    pub(crate) user_agent_build_version: Option<BuildVersion>,
}

/// `google.protobuf.Struct`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Metadata {
    #[prost(map = "string, message", tag = "1")]
    pub(crate) fields: HashMap<String, MetadataValue>,
}

/// `google.protobuf.Value`, where it is text.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct MetadataValue {
    #[prost(string, tag = "3")]
    pub(crate) text: String,
}

/// `envoy.config.core.v3.BuildVersion`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct BuildVersion {
    #[prost(message, optional, tag = "1")]
    pub(crate) version: Option<SemanticVersion>,
}

/// `envoy.type.v3.SemanticVersion`.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(crate) struct SemanticVersion {
    #[prost(uint32, tag = "1")]
    pub(crate) major: u32,
    #[prost(uint32, tag = "2")]
    pub(crate) minor: u32,
    #[prost(uint32, tag = "3")]
    pub(crate) patch: u32,
}

/// Reads requests and writes responses of one stream.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct DeltaCodec;

/// Reads [`DeltaRequest`]s.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestDecoder;

/// Writes [`Response`]s.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ResponseEncoder;

impl Codec for DeltaCodec {
    type Encode = Response<Payload>;
    type Decode = DeltaRequest;
    type Encoder = ResponseEncoder;
    type Decoder = RequestDecoder;

    fn encoder(&mut self) -> ResponseEncoder {
        ResponseEncoder
    }

    fn decoder(&mut self) -> RequestDecoder {
        RequestDecoder
    }
}

impl Decoder for RequestDecoder {
    type Item = DeltaRequest;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<DeltaRequest>, Status> {
        let unreadable = |error: DecodeError| {
            Status::invalid_argument(format!("not a DeltaDiscoveryRequest: {error}"))
        };
        DeltaRequest::decode(buffer).map(Some).map_err(unreadable)
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::new(BUFFER, BATCH)
    }
}

impl Encoder for ResponseEncoder {
    type Item = Response<Payload>;
    type Error = Status;

    fn encode(
        &mut self,
        response: Response<Payload>,
        out: &mut EncodeBuf<'_>,
    ) -> Result<(), Status> {
        out.reserve(response_len(&response));
        put_response(&response, out);
        Ok(())
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::new(BUFFER, BATCH)
    }
}

/// Length of a `DeltaDiscoveryResponse`.
fn response_len(response: &Response<Payload>) -> usize {
    let type_url = response.type_url.as_str();
    let resources = response.resources.iter();
    resources
        .map(|resource| field_len(2, resource_len(type_url, resource)))
        .sum::<usize>()
        + field_len(4, type_url.len())
        + field_len(5, response.nonce.to_string().len())
        + response
            .removed
            .iter()
            .map(|name| field_len(6, name.len()))
            .sum::<usize>()
}

/// Writes a `DeltaDiscoveryResponse`.
fn put_response(response: &Response<Payload>, out: &mut impl BufMut) {
    let type_url = response.type_url.as_str();
    for resource in &response.resources {
        put_header(2, resource_len(type_url, resource), out);
        put_bytes(1, resource.version.to_string().as_bytes(), out);
        put_header(2, any_len(type_url, resource), out);
        put_bytes(1, type_url.as_bytes(), out);
        put_bytes(2, &resource.body.body, out);
        put_bytes(3, resource.name.as_bytes(), out);
    }
    put_bytes(4, type_url.as_bytes(), out);
    put_bytes(5, response.nonce.to_string().as_bytes(), out);
    for name in &response.removed {
        put_bytes(6, name.as_bytes(), out);
    }
}

/// Length of an `envoy.service.discovery.v3.Resource`; a version has 16 digits.
fn resource_len(type_url: &str, resource: &Resource<Payload>) -> usize {
    field_len(1, 16) + field_len(2, any_len(type_url, resource)) + field_len(3, resource.name.len())
}

/// Length of the `google.protobuf.Any` around a resource.
fn any_len(type_url: &str, resource: &Resource<Payload>) -> usize {
    field_len(1, type_url.len()) + field_len(2, resource.body.body.len())
}

/// Length of a length-delimited field.
fn field_len(tag: u32, len: usize) -> usize {
    key_len(tag) + encoded_len_varint(len as u64) + len
}

/// Writes what comes before the content of a length-delimited field.
fn put_header(tag: u32, len: usize, out: &mut impl BufMut) {
    encode_key(tag, WireType::LengthDelimited, out);
    encode_varint(len as u64, out);
}

/// Writes a length-delimited field.
fn put_bytes(tag: u32, bytes: &[u8], out: &mut impl BufMut) {
    put_header(tag, bytes.len(), out);
    out.put_slice(bytes);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use envoy_types::pb::envoy::service::discovery::v3 as discovery;
    use tribune_delta::{Children, Nonce, TypeUrl, Version};
    use tribune_xds::ResourceType;

    use super::*;

    #[test]
    fn a_response_is_what_envoy_reads() {
        let resource = |name: &str, body: Vec<u8>| Resource {
            name: name.into(),
            version: Version(0xbeef),
            body: Arc::new(tribune_xds::Resource {
                kind: ResourceType::Cluster,
                name: name.into(),
                version: 0xbeef,
                body: body.into(),
            }),
            children: Children::None,
        };
        for size in [0, 1, 127, 128, 70_000] {
            let response = Response {
                type_url: TypeUrl::Cluster,
                nonce: Nonce(17),
                resources: vec![resource("web", vec![7; size]), resource("", Vec::new())],
                removed: vec!["old".into(), "older".into()],
            };
            let mut bytes = Vec::new();
            put_response(&response, &mut bytes);
            assert_eq!(bytes.len(), response_len(&response));
            let read = discovery::DeltaDiscoveryResponse::decode(bytes.as_slice()).unwrap();
            assert_eq!(
                (read.type_url.as_str(), &*read.nonce),
                (TypeUrl::Cluster.as_str(), "00000011")
            );
            assert_eq!(read.removed_resources, ["old", "older"]);
            let [web, unnamed] = &*read.resources else {
                panic!("two resources")
            };
            assert_eq!((&*web.name, &*web.version), ("web", "000000000000beef"));
            assert_eq!(web.resource.as_ref().unwrap().value, vec![7; size]);
            assert_eq!(
                web.resource.as_ref().unwrap().type_url,
                TypeUrl::Cluster.as_str()
            );
            assert_eq!(unnamed.name, "");
        }
    }
}
