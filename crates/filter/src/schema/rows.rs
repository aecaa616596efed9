//! The rows of Consul's HTTP API that accept a filter, with the fields that Consul lets a filter select.
//!
//! Not selectable there, hence absent here: indexes, locality, opaque `Config` maps, check definitions,
//! and an intention's permissions and timestamps.

use super::Kind::{Bool, Int, List, Map, Str, StrList, StrMap, Struct};
use super::Schema;

/// `/v1/catalog/nodes`.
pub static NODE: Schema = Schema::of(&[
    ("ID", Str),
    ("Node", Str),
    ("Address", Str),
    ("Datacenter", Str),
    ("PeerName", Str),
    ("Partition", Str),
    ("Meta", StrMap),
    ("TaggedAddresses", StrMap),
]);

/// `/v1/catalog/service`, `/v1/catalog/connect`, `/v1/catalog/services`.
pub static SERVICE_NODE: Schema = Schema::of(&[
    ("ID", Str),
    ("Node", Str),
    ("Address", Str),
    ("Datacenter", Str),
    ("PeerName", Str),
    ("NodeMeta", StrMap),
    ("TaggedAddresses", StrMap),
    ("ServiceKind", Str),
    ("ServiceID", Str),
    ("ServiceName", Str),
    ("ServiceAddress", Str),
    ("ServicePort", Int),
    ("ServiceSocketPath", Str),
    ("ServiceTags", StrList),
    ("ServiceMeta", StrMap),
    ("ServiceTaggedAddresses", Map(&ADDRESS)),
    ("ServiceWeights", Struct(&WEIGHTS)),
    ("ServiceEnableTagOverride", Bool),
    ("ServiceConnect", Struct(&CONNECT)),
    ("ServiceProxy", Struct(&PROXY)),
]);

/// `/v1/catalog/node`, `/v1/catalog/node-services`, `/v1/agent/services`.
pub static NODE_SERVICE: Schema = Schema::of(&[
    ("Kind", Str),
    ("ID", Str),
    ("Service", Str),
    ("Tags", StrList),
    ("Address", Str),
    ("Port", Int),
    ("SocketPath", Str),
    ("Meta", StrMap),
    ("TaggedAddresses", Map(&ADDRESS)),
    ("Weights", Struct(&WEIGHTS)),
    ("EnableTagOverride", Bool),
    ("Connect", Struct(&CONNECT)),
    ("PeerName", Str),
    ("Proxy", Struct(&PROXY)),
]);

/// `/v1/health/node`, `/v1/health/checks`, `/v1/health/state`, `/v1/agent/checks`.
pub static HEALTH_CHECK: Schema = Schema::of(&[
    ("Node", Str),
    ("CheckID", Str),
    ("Name", Str),
    ("Status", Str),
    ("Notes", Str),
    ("Output", Str),
    ("ServiceID", Str),
    ("ServiceName", Str),
    ("ServiceTags", StrList),
    ("Type", Str),
    ("Interval", Str),
    ("Timeout", Str),
    ("ExposedPort", Int),
    ("PeerName", Str),
]);

/// `/v1/health/service`, `/v1/health/connect`, `/v1/health/ingress`, and the filter of a resolver's subset.
pub static CHECK_SERVICE_NODE: Schema = Schema::of(&[
    ("Node", Struct(&NODE)),
    ("Service", Struct(&NODE_SERVICE)),
    ("Checks", List(&HEALTH_CHECK)),
]);

/// `/v1/connect/intentions`.
pub static INTENTION: Schema = Schema::of(&[
    ("ID", Str),
    ("Description", Str),
    ("SourceNS", Str),
    ("SourceName", Str),
    ("SourcePartition", Str),
    ("SourcePeer", Str),
    ("SourceSamenessGroup", Str),
    ("SourceType", Str),
    ("DestinationNS", Str),
    ("DestinationName", Str),
    ("DestinationPartition", Str),
    ("Action", Str),
    ("Meta", StrMap),
    ("Precedence", Int),
]);

/// `/v1/agent/members`.
pub static MEMBER: Schema = Schema::of(&[
    ("Name", Str),
    ("Port", Int),
    ("Status", Int),
    ("Tags", StrMap),
    ("ProtocolMin", Int),
    ("ProtocolMax", Int),
    ("ProtocolCur", Int),
    ("DelegateMin", Int),
    ("DelegateMax", Int),
    ("DelegateCur", Int),
]);

/// `/v1/config/service-defaults`, the only kind of config entry whose list accepts a filter.
pub static SERVICE_DEFAULTS: Schema = Schema::of(&[
    ("Kind", Str),
    ("Name", Str),
    ("Protocol", Str),
    ("Mode", Str),
    ("MutualTLSMode", Str),
    ("TransparentProxy", Struct(&TRANSPARENT_PROXY)),
    ("MeshGateway", Struct(&MODE)),
    ("Expose", Struct(&EXPOSE)),
    ("ExternalSNI", Str),
    ("MaxInboundConnections", Int),
    ("LocalConnectTimeoutMs", Int),
    ("LocalRequestTimeoutMs", Int),
    ("BalanceInboundConnections", Str),
    ("Meta", StrMap),
]);

static ADDRESS: Schema = Schema::of(&[("Address", Str), ("Port", Int)]);

static WEIGHTS: Schema = Schema::of(&[("Passing", Int), ("Warning", Int)]);

static CONNECT: Schema = Schema::of(&[("Native", Bool)]);

static MODE: Schema = Schema::of(&[("Mode", Str)]);

static TRANSPARENT_PROXY: Schema =
    Schema::of(&[("OutboundListenerPort", Int), ("DialedDirectly", Bool)]);

static EXPOSE: Schema = Schema::of(&[("Checks", Bool), ("Paths", List(&EXPOSE_PATH))]);

static EXPOSE_PATH: Schema = Schema::of(&[
    ("ListenerPort", Int),
    ("Path", Str),
    ("LocalPathPort", Int),
    ("Protocol", Str),
    ("ParsedFromCheck", Bool),
]);

static PROXY: Schema = Schema::of(&[
    ("DestinationServiceName", Str),
    ("DestinationServiceID", Str),
    ("LocalServiceAddress", Str),
    ("LocalServicePort", Int),
    ("LocalServiceSocketPath", Str),
    ("Mode", Str),
    ("MeshGateway", Struct(&MODE)),
    ("TransparentProxy", Struct(&TRANSPARENT_PROXY)),
    ("Expose", Struct(&EXPOSE)),
    ("AccessLogs", Struct(&ACCESS_LOGS)),
    ("Upstreams", List(&UPSTREAM)),
]);

static ACCESS_LOGS: Schema = Schema::of(&[
    ("Enabled", Bool),
    ("DisableListenerLogs", Bool),
    ("Type", Str),
    ("Path", Str),
    ("JSONFormat", Str),
    ("TextFormat", Str),
]);

static UPSTREAM: Schema = Schema::of(&[
    ("DestinationType", Str),
    ("DestinationNamespace", Str),
    ("DestinationPartition", Str),
    ("DestinationPeer", Str),
    ("DestinationName", Str),
    ("Datacenter", Str),
    ("LocalBindAddress", Str),
    ("LocalBindPort", Int),
    ("LocalBindSocketPath", Str),
    ("LocalBindSocketMode", Str),
    ("MeshGateway", Struct(&MODE)),
]);
