//! Rows. Each declaration names every field of its type, so that one that is added does not compile
//! before it has a form.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tribune_types::catalog::Locality;
use tribune_types::check::CheckDefinition;
use tribune_types::connect::CaConfiguration;
use tribune_types::proxy::ProxyConfig;
use tribune_types::{
    GoDuration, HealthCheck, Index, Meta, Name, Node, NodeName, NodeService, Opaque,
    ServiceAddress, ServiceKind, ServiceName, Status, Weights, autopilot,
};

use super::form::{declared, is_default};

#[derive(Serialize, Deserialize)]
#[serde(remote = "Node")]
struct NodeForm {
    #[serde(default, skip_serializing_if = "is_default")]
    id: String,
    #[serde(with = "super::form")]
    node: NodeName,
    #[serde(default, skip_serializing_if = "is_default")]
    address: String,
    #[serde(default, skip_serializing_if = "is_default")]
    datacenter: String,
    #[serde(default, skip_serializing_if = "is_default")]
    tagged_addresses: Option<Meta>,
    #[serde(default, skip_serializing_if = "is_default")]
    meta: Option<Meta>,
    #[serde(default, skip_serializing_if = "is_default")]
    locality: Option<Locality>,
    #[serde(default, skip_serializing_if = "is_default")]
    create_index: Index,
    #[serde(default, skip_serializing_if = "is_default")]
    modify_index: Index,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "NodeService")]
struct NodeServiceForm {
    #[serde(default, skip_serializing_if = "is_default")]
    kind: ServiceKind,
    id: Name,
    #[serde(with = "super::form")]
    service: ServiceName,
    #[serde(default, skip_serializing_if = "is_default")]
    tags: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "is_default")]
    address: String,
    #[serde(default, skip_serializing_if = "is_default")]
    tagged_addresses: Option<BTreeMap<String, ServiceAddress>>,
    #[serde(default, skip_serializing_if = "is_default")]
    meta: Option<Meta>,
    #[serde(default, skip_serializing_if = "is_default")]
    port: i32,
    #[serde(default, skip_serializing_if = "is_default")]
    socket_path: String,
    #[serde(default, skip_serializing_if = "is_default")]
    weights: Weights,
    #[serde(default, skip_serializing_if = "is_default")]
    enable_tag_override: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    locality: Option<Locality>,
    #[serde(default, skip_serializing_if = "is_default")]
    proxy: ProxyConfig,
    #[serde(default, skip_serializing_if = "is_default")]
    native: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    create_index: Index,
    #[serde(default, skip_serializing_if = "is_default")]
    modify_index: Index,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "HealthCheck")]
struct HealthCheckForm {
    #[serde(with = "super::form")]
    node: NodeName,
    check_id: Name,
    #[serde(default, skip_serializing_if = "is_default")]
    name: String,
    status: Status,
    #[serde(default, skip_serializing_if = "is_default")]
    notes: String,
    #[serde(default, skip_serializing_if = "is_default")]
    output: String,
    #[serde(default, skip_serializing_if = "is_default")]
    service_id: Name,
    #[serde(default, skip_serializing_if = "is_default")]
    service_name: Name,
    #[serde(default, skip_serializing_if = "is_default")]
    service_tags: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "is_default")]
    check_type: String,
    #[serde(default, skip_serializing_if = "is_default")]
    interval: String,
    #[serde(default, skip_serializing_if = "is_default")]
    timeout: String,
    #[serde(default, skip_serializing_if = "is_default")]
    exposed_port: i32,
    #[serde(default, skip_serializing_if = "is_default")]
    definition: CheckDefinition,
    #[serde(default, skip_serializing_if = "is_default")]
    create_index: Index,
    #[serde(default, skip_serializing_if = "is_default")]
    modify_index: Index,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "CaConfiguration")]
struct CaConfigurationForm {
    #[serde(default, skip_serializing_if = "is_default")]
    cluster_id: String,
    #[serde(default, skip_serializing_if = "is_default")]
    provider: String,
    #[serde(default, skip_serializing_if = "is_default")]
    config: Opaque,
    #[serde(default, skip_serializing_if = "is_default")]
    force_without_cross_signing: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    signing_key: String,
    #[serde(default, skip_serializing_if = "is_default")]
    create_index: Index,
    #[serde(default, skip_serializing_if = "is_default")]
    modify_index: Index,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "autopilot::Configuration")]
struct AutopilotForm {
    cleanup_dead_servers: bool,
    last_contact_threshold: GoDuration,
    max_trailing_logs: u64,
    #[serde(default, skip_serializing_if = "is_default")]
    min_quorum: u64,
    server_stabilization_time: GoDuration,
    #[serde(default, skip_serializing_if = "is_default")]
    redundancy_zone_tag: String,
    #[serde(default, skip_serializing_if = "is_default")]
    disable_upgrade_migration: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    upgrade_version_tag: String,
    #[serde(default, skip_serializing_if = "is_default")]
    create_index: Index,
    #[serde(default, skip_serializing_if = "is_default")]
    modify_index: Index,
}

declared! {
    autopilot::Configuration: AutopilotForm,
    Node: NodeForm,
    NodeService: NodeServiceForm,
    HealthCheck: HealthCheckForm,
    CaConfiguration: CaConfigurationForm,
}
