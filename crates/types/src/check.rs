//! Health checks: the rows of the catalog and what they say.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

use crate::duration::GoDuration;
use crate::{Index, Name, NodeName, is_default};

/// What a check says.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// All is well.
    Passing,
    /// Something may be wrong; traffic still flows.
    Warning,
    /// Something is wrong; no traffic. What a check says before its first result.
    #[default]
    Critical,
    /// Taken out of service by hand. Only ever the sum of checks, never the status of one.
    Maintenance,
    /// What the catalog was told that is none of these; treated as neither passing, warning nor critical.
    Other(Name),
}

impl Status {
    /// The word that Consul uses.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Passing => "passing",
            Self::Warning => "warning",
            Self::Critical => "critical",
            Self::Maintenance => "maintenance",
            Self::Other(text) => text.as_str(),
        }
    }
}

impl From<&str> for Status {
    fn from(text: &str) -> Self {
        match text {
            "passing" => Self::Passing,
            "warning" => Self::Warning,
            "critical" | "" => Self::Critical,
            "maintenance" => Self::Maintenance,
            other => Self::Other(other.into()),
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for Status {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Status {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Name::deserialize(deserializer)?.as_str().into())
    }
}

/// A health check of the catalog.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HealthCheck {
    /// The node it is on.
    pub node: NodeName,
    /// Its ID, unique on that node.
    pub check_id: Name,
    /// Its name.
    pub name: String,
    /// What it says.
    pub status: Status,
    /// Words for people.
    pub notes: String,
    /// What the last probe printed.
    pub output: String,
    /// The instance it is about; empty for a check of the node.
    pub service_id: Name,
    /// That instance's service.
    pub service_name: Name,
    /// That instance's tags. Absent and empty print differently.
    pub service_tags: Option<Vec<String>>,
    /// What kind of probe it is (`http`, `ttl` …).
    pub check_type: String,
    /// How often it runs, for people.
    pub interval: String,
    /// How long a probe may take, for people.
    pub timeout: String,
    /// Port under which the proxy exposes the probed path.
    pub exposed_port: i32,
    /// How it probes.
    pub definition: CheckDefinition,
    /// When it was written first.
    pub create_index: Index,
    /// When it changed last.
    pub modify_index: Index,
}

/// How a check of the catalog probes (`HealthCheckDefinition`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
#[expect(
    missing_docs,
    reason = "the fields are those of a check type, documented there"
)]
pub struct CheckDefinition {
    #[serde(rename = "HTTP", skip_serializing_if = "is_default")]
    pub http: String,
    #[serde(rename = "TLSServerName", skip_serializing_if = "is_default")]
    pub tls_server_name: String,
    #[serde(rename = "TLSSkipVerify", skip_serializing_if = "is_default")]
    pub tls_skip_verify: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub header: BTreeMap<String, Vec<String>>,
    #[serde(skip_serializing_if = "is_default")]
    pub method: String,
    #[serde(skip_serializing_if = "is_default")]
    pub body: String,
    #[serde(skip_serializing_if = "is_default")]
    pub disable_redirects: bool,
    #[serde(rename = "TCP", skip_serializing_if = "is_default")]
    pub tcp: String,
    #[serde(rename = "TCPUseTLS", skip_serializing_if = "is_default")]
    pub tcp_use_tls: bool,
    #[serde(rename = "UDP", skip_serializing_if = "is_default")]
    pub udp: String,
    #[serde(rename = "H2PING", skip_serializing_if = "is_default")]
    pub h2ping: String,
    #[serde(rename = "OSService", skip_serializing_if = "is_default")]
    pub os_service: String,
    #[serde(rename = "H2PingUseTLS", skip_serializing_if = "is_default")]
    pub h2ping_use_tls: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub interval: GoDuration,
    #[serde(skip_serializing_if = "is_default")]
    pub output_max_size: u32,
    #[serde(skip_serializing_if = "is_default")]
    pub timeout: GoDuration,
    #[serde(skip_serializing_if = "is_default")]
    pub deregister_critical_service_after: GoDuration,
    #[serde(skip_serializing_if = "is_default")]
    pub script_args: Vec<String>,
    #[serde(rename = "DockerContainerID", skip_serializing_if = "is_default")]
    pub docker_container_id: String,
    #[serde(skip_serializing_if = "is_default")]
    pub shell: String,
    #[serde(rename = "GRPC", skip_serializing_if = "is_default")]
    pub grpc: String,
    #[serde(rename = "GRPCUseTLS", skip_serializing_if = "is_default")]
    pub grpc_use_tls: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub alias_node: String,
    #[serde(skip_serializing_if = "is_default")]
    pub alias_service: String,
    /// Printed in nanoseconds, unlike the other durations.
    #[serde(
        rename = "TTL",
        skip_serializing_if = "is_default",
        serialize_with = "nanoseconds"
    )]
    pub ttl: GoDuration,
}

fn nanoseconds<S: serde::Serializer>(
    duration: &GoDuration,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_i64(duration.as_nanos())
}
