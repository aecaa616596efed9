//! `builtin/ext-authz`.

use super::reader::Reader;
use super::target::{GrpcService, Target};
use super::{Direction, PROXY_TYPES};
use crate::config_entry::invalid::Reason;

/// A service that is asked whether a request may pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtAuthz {
    /// On which side.
    pub listener: Direction,
    /// Where the filter goes.
    pub insert: InsertOptions,
    /// Whom it asks.
    pub service: AuthzService,
    /// Key of Envoy's metadata under which its labels are told.
    pub bootstrap_metadata_labels_key: String,
    /// Whether the route is chosen anew afterwards.
    pub clear_route_cache: Option<bool>,
    /// Whether the client's certificate is told.
    pub include_peer_certificate: Option<bool>,
    /// Namespaces of dynamic metadata that are told, beside `consul`.
    pub metadata_context_namespaces: Vec<String>,
    /// Status of the response where nobody answers.
    pub status_on_error: Option<u16>,
    /// Prefix of its metrics.
    pub stat_prefix: String,
    /// How much of the body is told.
    pub with_request_body: Option<BufferedBody>,
}

/// Where a filter goes among others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InsertOptions {
    /// Consul's word for it; not checked before a proxy is built.
    pub location: String,
    /// The filter that it is relative to.
    pub filter_name: String,
}

/// Who is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthzService {
    /// A gRPC service.
    Grpc(GrpcService),
    /// An HTTP service.
    Http {
        /// Whom.
        target: Target,
        /// What is put before the path.
        path_prefix: String,
        /// What of a request is told.
        request: AuthorizationRequest,
        /// What of the answer is passed on.
        response: AuthorizationResponse,
    },
}

/// What of a request is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuthorizationRequest {
    /// Headers of the request.
    pub allowed_headers: Vec<StringMatcher>,
    /// Headers beside them.
    pub headers_to_add: Vec<HeaderPair>,
}

/// What of an answer is passed on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuthorizationResponse {
    /// Headers that the application gets.
    pub upstream: Vec<StringMatcher>,
    /// Headers that the application gets beside what it has.
    pub upstream_to_append: Vec<StringMatcher>,
    /// Headers that the client gets where it is refused.
    pub client: Vec<StringMatcher>,
    /// Headers that the client gets where it is let through.
    pub client_on_success: Vec<StringMatcher>,
    /// Headers that become dynamic metadata.
    pub dynamic_metadata: Vec<StringMatcher>,
}

/// A header and its value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderPair {
    /// The header.
    pub key: String,
    /// Its value.
    pub value: String,
}

/// Which texts match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StringMatcher {
    /// How.
    pub matching: StringMatch,
    /// Whether case doesn't count; of no meaning to expressions.
    pub ignore_case: bool,
}

/// How texts match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StringMatch {
    /// Those with this inside.
    Contains(String),
    /// This one.
    Exact(String),
    /// Those that start with this.
    Prefix(String),
    /// Those that match this expression as a whole.
    SafeRegex(String),
    /// Those that end with this.
    Suffix(String),
}

/// How much of a body is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BufferedBody {
    /// Most bytes.
    pub max_request_bytes: Option<u32>,
    /// Whether a longer body is cut.
    pub allow_partial_message: Option<bool>,
    /// Whether it is told as bytes and not as text.
    pub pack_as_bytes: Option<bool>,
}

impl ExtAuthz {
    pub(super) fn read(reader: &mut Reader<'_, '_>) -> Self {
        let proxy_type = reader.text("ProxyType");
        reader.one_of("ProxyType", &proxy_type, PROXY_TYPES);
        let listener = Direction::read(reader, "ListenerType", Some(Direction::Inbound));
        let insert = reader.within("InsertOptions", |insert| InsertOptions {
            location: insert.text("Location"),
            filter_name: insert.text("FilterName"),
        });
        reader.within("Config", |config| {
            let stat_prefix = config.text("StatPrefix");
            Self {
                listener,
                insert,
                service: AuthzService::read(config),
                bootstrap_metadata_labels_key: config.text("BootstrapMetadataLabelsKey"),
                clear_route_cache: config.flag("ClearRouteCache"),
                include_peer_certificate: config.flag("IncludePeerCertificate"),
                metadata_context_namespaces: config.texts("MetadataContextNamespaces"),
                status_on_error: status_on_error(config),
                stat_prefix: if stat_prefix.is_empty() {
                    "response".to_owned()
                } else {
                    stat_prefix
                },
                with_request_body: config.object("WithRequestBody", BufferedBody::read),
            }
        })
    }
}

/// A status that Envoy has a name for.
fn status_on_error(config: &mut Reader<'_, '_>) -> Option<u16> {
    let number = config.integer("StatusOnError")?;
    let known = matches!(
        number,
        0 | 100
            | 200..=208
            | 226
            | 300..=305
            | 307
            | 308
            | 400..=417
            | 421..=424
            | 426
            | 428
            | 429
            | 431
            | 500..=508
            | 510
            | 511
    );
    if !known {
        config.add(
            "StatusOnError",
            Reason::Malformed {
                value: number.to_string(),
                expected: "a status that Envoy knows",
            },
        );
    }
    u16::try_from(number).ok()
}

impl AuthzService {
    fn read(config: &mut Reader<'_, '_>) -> Self {
        let grpc = config.object("GrpcService", GrpcService::read);
        let http = config.object("HttpService", |http| Self::Http {
            target: Target::read(http),
            path_prefix: http.text("PathPrefix"),
            request: http.within("AuthorizationRequest", AuthorizationRequest::read),
            response: http.within("AuthorizationResponse", AuthorizationResponse::read),
        });
        let exactly = Reason::ExactlyOne("GrpcService and HttpService");
        config.add_if(grpc.is_some() == http.is_some(), "", exactly);
        match (grpc, http) {
            (Some(grpc), _) => Self::Grpc(grpc),
            (None, Some(http)) => http,
            (None, None) => Self::Grpc(GrpcService {
                target: Target {
                    address: super::TargetAddress::Service(String::new()),
                    timeout: None,
                },
                authority: String::new(),
                initial_metadata: Vec::new(),
            }),
        }
    }
}

impl AuthorizationRequest {
    fn read(reader: &mut Reader<'_, '_>) -> Self {
        Self {
            allowed_headers: matchers(reader, "AllowedHeaders"),
            headers_to_add: reader.objects("HeadersToAdd", HeaderPair::read),
        }
    }
}

impl AuthorizationResponse {
    fn read(reader: &mut Reader<'_, '_>) -> Self {
        Self {
            upstream: matchers(reader, "AllowedUpstreamHeaders"),
            upstream_to_append: matchers(reader, "AllowedUpstreamHeadersToAppend"),
            client: matchers(reader, "AllowedClientHeaders"),
            client_on_success: matchers(reader, "AllowedClientHeadersOnSuccess"),
            dynamic_metadata: matchers(reader, "DynamicMetadataFromHeaders"),
        }
    }
}

impl HeaderPair {
    pub(super) fn read(reader: &mut Reader<'_, '_>) -> Self {
        Self {
            key: reader.text("Key"),
            value: reader.text("Value"),
        }
    }
}

fn matchers(reader: &mut Reader<'_, '_>, field: &str) -> Vec<StringMatcher> {
    let read = reader.objects(field, StringMatcher::read);
    read.into_iter().flatten().collect()
}

impl StringMatcher {
    fn read(reader: &mut Reader<'_, '_>) -> Option<Self> {
        type Form = fn(String) -> StringMatch;
        let forms: [(&str, Form); 5] = [
            ("Contains", StringMatch::Contains),
            ("Exact", StringMatch::Exact),
            ("Prefix", StringMatch::Prefix),
            ("SafeRegex", StringMatch::SafeRegex),
            ("Suffix", StringMatch::Suffix),
        ];
        let mut set = Vec::new();
        for (field, form) in forms {
            let text = reader.text(field);
            if !text.is_empty() {
                set.push(form(text));
            }
        }
        let ignore_case = reader.flag("IgnoreCase").unwrap_or_default();
        let exactly = Reason::ExactlyOne("Contains, Exact, Prefix, SafeRegex and Suffix");
        reader.add_if(set.len() != 1, "", exactly);
        set.pop().map(|matching| Self {
            matching,
            ignore_case,
        })
    }
}

impl BufferedBody {
    fn read(reader: &mut Reader<'_, '_>) -> Self {
        Self {
            max_request_bytes: reader
                .integer("MaxRequestBytes")
                .and_then(|bytes| u32::try_from(bytes).ok()),
            allow_partial_message: reader.flag("AllowPartialMessage"),
            pack_as_bytes: reader.flag("PackAsBytes"),
        }
    }
}
