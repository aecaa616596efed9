use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use tribune_types::catalog::{ServiceAddress, ServiceKind, Weights};
use tribune_types::check::CheckDefinition;
use tribune_types::connect::CaRoot;
use tribune_types::proxy::ProxyConfig;
use tribune_types::{Meta, Status};

mod intention;

pub use intention::Intention;

/// A node of the catalog.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Node {
    /// Its UUID; empty where it was registered without one.
    #[serde(rename = "ID")]
    pub id: String,
    /// Its name.
    pub node: String,
    /// Its address.
    pub address: String,
    /// The datacenter it is in.
    pub datacenter: String,
    /// Other addresses, by what they are for.
    #[serde(deserialize_with = "nullable")]
    pub tagged_addresses: Meta,
    /// Free-form pairs.
    #[serde(deserialize_with = "nullable")]
    pub meta: Meta,
    /// When it was written first.
    pub create_index: u64,
    /// When it changed last.
    pub modify_index: u64,
}

/// An instance of a service and its node, in one row.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct ServiceNode {
    /// UUID of the node.
    #[serde(rename = "ID")]
    pub id: String,
    /// Name of the node.
    pub node: String,
    /// Address of the node.
    pub address: String,
    /// The datacenter it is in.
    pub datacenter: String,
    /// Other addresses of the node.
    #[serde(deserialize_with = "nullable")]
    pub tagged_addresses: Meta,
    /// Free-form pairs of the node.
    #[serde(deserialize_with = "nullable")]
    pub node_meta: Meta,
    /// What kind of instance it is.
    pub service_kind: ServiceKind,
    /// ID of the instance.
    #[serde(rename = "ServiceID")]
    pub service_id: String,
    /// Name of the service.
    pub service_name: String,
    /// Tags of the instance.
    #[serde(deserialize_with = "nullable")]
    pub service_tags: Vec<String>,
    /// Address of the instance; the node's where empty.
    pub service_address: String,
    /// Other addresses of the instance.
    #[serde(deserialize_with = "nullable")]
    pub service_tagged_addresses: BTreeMap<String, ServiceAddress>,
    /// Free-form pairs of the instance.
    #[serde(deserialize_with = "nullable")]
    pub service_meta: Meta,
    /// Port of the instance.
    pub service_port: i32,
    /// Weights of the instance by health.
    pub service_weights: Weights,
    /// What the instance was told as a proxy.
    pub service_proxy: ProxyConfig,
    /// When the instance was written first.
    pub create_index: u64,
    /// When the instance changed last.
    pub modify_index: u64,
}

/// An instance of a service, as its agent or its node has it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct AgentService {
    /// What kind of instance it is.
    pub kind: ServiceKind,
    /// Its ID.
    #[serde(rename = "ID")]
    pub id: String,
    /// Name of the service.
    pub service: String,
    /// Its tags.
    #[serde(deserialize_with = "nullable")]
    pub tags: Vec<String>,
    /// Free-form pairs.
    #[serde(deserialize_with = "nullable")]
    pub meta: Meta,
    /// Its port.
    pub port: i32,
    /// Its address; its node's where empty.
    pub address: String,
    /// Other addresses, by what they are for.
    #[serde(deserialize_with = "nullable")]
    pub tagged_addresses: BTreeMap<String, ServiceAddress>,
    /// Its Unix socket, instead of address and port.
    pub socket_path: String,
    /// Its weights by health.
    pub weights: Weights,
    /// Whether anti-entropy keeps the tags that the catalog has.
    pub enable_tag_override: bool,
    /// What it was told as a proxy.
    #[serde(deserialize_with = "nullable")]
    pub proxy: ProxyConfig,
    /// The datacenter it is in.
    pub datacenter: String,
    /// Hash of all this, for blocking queries by hash.
    pub content_hash: String,
    /// When it was written first.
    pub create_index: u64,
    /// When it changed last.
    pub modify_index: u64,
}

/// A node and its services.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct NodeServices {
    /// The node; `None` where it is not known.
    pub node: Option<Node>,
    /// Its services.
    #[serde(deserialize_with = "nullable")]
    pub services: Vec<AgentService>,
}

/// An instance of a service with its node and their checks.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct CheckServiceNode {
    /// The node.
    pub node: Node,
    /// The instance.
    pub service: AgentService,
    /// The checks of both.
    #[serde(deserialize_with = "nullable")]
    pub checks: Vec<HealthCheck>,
}

/// A health check.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct HealthCheck {
    /// The node it is on.
    pub node: String,
    /// Its ID.
    #[serde(rename = "CheckID")]
    pub check_id: String,
    /// Its name.
    pub name: String,
    /// What it says.
    pub status: Status,
    /// Words for people.
    pub notes: String,
    /// What the last probe printed.
    pub output: String,
    /// The instance it is about; empty for a check of the node.
    #[serde(rename = "ServiceID")]
    pub service_id: String,
    /// That instance's service.
    pub service_name: String,
    /// That instance's tags.
    #[serde(deserialize_with = "nullable")]
    pub service_tags: Vec<String>,
    /// What kind of probe it is (`http`, `ttl` …).
    pub r#type: String,
    /// How it probes.
    pub definition: CheckDefinition,
    /// When it was written first.
    pub create_index: u64,
    /// When it changed last.
    pub modify_index: u64,
}

/// A member of the gossip pool.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Member {
    /// Name of its node.
    pub name: String,
    /// Its address.
    pub addr: String,
    /// Its gossip port.
    pub port: u16,
    /// What it says about itself.
    #[serde(deserialize_with = "nullable")]
    pub tags: Meta,
    /// 0 none, 1 alive, 2 leaving, 3 left, 4 failed.
    pub status: u8,
    /// Version of the gossip protocol that it speaks.
    pub protocol_cur: u8,
    /// Version of Consul's protocol that it speaks.
    pub delegate_cur: u8,
}

/// The mesh's root certificates.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct CaRoots {
    /// ID of the root that signs now.
    #[serde(rename = "ActiveRootID")]
    pub active_root_id: String,
    /// What every SPIFFE ID of the mesh starts with.
    pub trust_domain: String,
    /// Every root that is trusted.
    #[serde(deserialize_with = "nullable")]
    pub roots: Vec<CaRoot>,
}

/// A service's certificate.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct LeafCertificate {
    /// Its serial number, in hexadecimal pairs joined by colons.
    pub serial_number: String,
    /// The certificate and what is between it and the root, PEM.
    #[serde(rename = "CertPEM")]
    pub cert_pem: String,
    /// Its private key, PEM.
    #[serde(rename = "PrivateKeyPEM")]
    pub private_key_pem: String,
    /// The service it is for.
    pub service: String,
    /// The SPIFFE ID in it.
    #[serde(rename = "ServiceURI")]
    pub service_uri: String,
    /// Start of its validity, RFC 3339.
    pub valid_after: String,
    /// End of its validity, RFC 3339.
    pub valid_before: String,
    /// When it was issued.
    pub modify_index: u64,
}

impl std::fmt::Debug for LeafCertificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LeafCertificate")
            .field("service_uri", &self.service_uri)
            .field("serial_number", &self.serial_number)
            .field("valid_before", &self.valid_before)
            .finish_non_exhaustive()
    }
}

/// Whether a connection is allowed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Authorization {
    /// Whether it is.
    pub authorized: bool,
    /// Which intention says so.
    pub reason: String,
}

/// Where the API says `null`, this reads what the type starts as.
fn nullable<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
