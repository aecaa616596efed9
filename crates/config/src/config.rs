//! The checked configuration.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tribune_types::config_entry::Raw;
use tribune_types::definition::{CheckType, ServiceDefinition};
use tribune_types::{Meta, Opaque, Token};

use crate::cluster::{Autopilot, Bootstrap, Gossip, Join, Patience, Raft};
use crate::tls::Tls;

/// How an agent runs.
#[derive(Clone)]
pub struct Config {
    /// Development mode: a server on the loopback interface that needs no folder.
    pub dev: bool,
    /// Whether this agent is a server, too.
    pub server: bool,
    /// How a server comes to a cluster.
    pub bootstrap: Bootstrap,
    /// How it finds the other agents and leaves them.
    pub join: Join,
    /// How agents tell each other who is there.
    pub gossip: Gossip,
    /// The servers' log.
    pub raft: Raft,
    /// What the leader does about servers.
    pub autopilot: Autopilot,
    /// How patient it is.
    pub patience: Patience,
    /// TLS of each interface.
    pub tls: Tls,
    /// Name of its datacenter, in lower case.
    pub datacenter: String,
    /// Name of its node.
    pub node_name: String,
    /// ID of its node, a UUID; one is made up where there is none.
    pub node_id: Option<String>,
    /// Free-form pairs of its node.
    pub node_meta: Meta,
    /// Other addresses of its node, by what they are for.
    pub tagged_addresses: BTreeMap<String, String>,
    /// Folder for its state; only development mode goes without.
    pub data_dir: Option<String>,
    /// Address that other agents connect to.
    pub bind: IpAddr,
    /// Address that other agents are told.
    pub advertise: IpAddr,
    /// Address that agents of other datacenters are told.
    pub advertise_wan: IpAddr,
    /// Ports.
    pub ports: Ports,
    /// Where the HTTP API is served.
    pub http_listeners: Vec<Listener>,
    /// Where gRPC (ADS among it) is served in plain text.
    pub grpc_listeners: Vec<Listener>,
    /// The mesh and its certificate authority.
    pub connect: Connect,
    /// What becomes of connections that no intention is about.
    pub default_intention_policy: Option<DefaultPolicy>,
    /// Tokens of the agent itself.
    pub tokens: AclTokens,
    /// Whether tokens that are set over the API are kept on disk.
    pub token_persistence: bool,
    /// Whether other clusters may be peered with.
    pub peering_enabled: bool,
    /// Settings of the HTTP API.
    pub http: Http,
    /// Limits on what clients may ask for.
    pub limits: Limits,
    /// How long blocking queries wait.
    pub queries: Queries,
    /// Whether script checks may be registered over HTTP.
    pub script_checks: bool,
    /// Whether script checks may be defined in files.
    pub local_script_checks: bool,
    /// Bytes of a check's output that are kept.
    pub check_output_max_size: usize,
    /// How long a check's changed output may wait until the catalog has it; its state never waits.
    pub check_update_interval: Duration,
    /// Whether the output of checks is dropped.
    pub discard_check_output: bool,
    /// Least severe messages that are logged.
    pub log_level: LogLevel,
    /// Whether the log is JSON.
    pub log_json: bool,
    /// The file that the log goes to as well.
    pub log_file: Option<LogFile>,
    /// The file that says which process this is.
    pub pid_file: Option<String>,
    /// Services to register.
    pub services: Vec<ServiceDefinition>,
    /// Checks to register that stand on their own.
    pub checks: Vec<CheckType>,
    /// Config entries that are written where there are none of their kind and name. They are as they must be.
    pub config_entries: Vec<Raw>,
}

/// An address to listen on.
pub type Listener = SocketAddr;

/// Ports, `None` where switched off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ports {
    /// DNS; 8600 where nothing is said.
    pub dns: Option<u16>,
    /// HTTP API; 8500 where nothing is said.
    pub http: Option<u16>,
    /// HTTP API over TLS; off where nothing is said.
    pub https: Option<u16>,
    /// Plain-text gRPC; 8502 in development mode, else off where nothing is said.
    pub grpc: Option<u16>,
    /// gRPC over TLS. Off where nothing is said: Consul's 8503 waits for TLS to be supported.
    pub grpc_tls: Option<u16>,
    /// Server RPC; 8300 where nothing is said.
    pub server: u16,
    /// Gossip within the datacenter; 8301 where nothing is said.
    pub serf_lan: u16,
    /// Gossip between datacenters; 8302 where nothing is said.
    pub serf_wan: Option<u16>,
    /// Ports that sidecars without one are given, first and last; 21000 to 21255 where nothing is said.
    pub sidecar: Option<(u16, u16)>,
    /// Ports for exposing checks through sidecars, first and last; 21500 to 21755 where nothing is said.
    pub expose: Option<(u16, u16)>,
}

/// The mesh and its certificate authority.
#[derive(Clone)]
pub struct Connect {
    /// Whether there is a mesh.
    pub enabled: bool,
    /// The provider of certificates; `consul` is the built-in one.
    pub ca_provider: String,
    /// The provider's settings, in the spelling of the API, defaults included. May hold a private key.
    pub ca_config: Opaque,
    /// UUID that the trust domain begins with; one is made up where there is none.
    pub cluster_id: Option<String>,
    /// Shortest validity of leaf certificates that is accepted.
    pub min_leaf_cert_ttl: Duration,
}

/// What becomes of what no rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DefaultPolicy {
    /// It is allowed.
    Allow,
    /// It is denied.
    Deny,
}

/// Tokens of the agent itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AclTokens {
    /// For what the agent does on its own account.
    pub agent: Token,
    /// Good for this agent alone when servers are unreachable.
    pub agent_recovery: Token,
    /// For services and checks of files that have none.
    pub config_file_service_registration: Token,
    /// For requests that come without one.
    pub default: Token,
    /// For DNS.
    pub dns: Token,
    /// Secret of the first management token.
    pub initial_management: Token,
    /// For replication from the primary datacenter.
    pub replication: Token,
}

/// Settings of the HTTP API.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Http {
    /// Path prefixes that are refused.
    pub block_endpoints: Vec<String>,
    /// Networks that may write, in CIDR notation; all where empty.
    pub allow_write_from: Vec<String>,
    /// Headers that every answer gets.
    pub response_headers: BTreeMap<String, String>,
    /// Most bytes of a request's head; the server's own limit where `None`.
    pub max_header_bytes: Option<usize>,
}

/// Limits on what clients may ask for.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// Connections of one client address to the HTTP API; 0 is unlimited.
    pub http_max_conns_per_client: usize,
    /// Connections of one address to a server's RPC port; 0 is unlimited.
    pub rpc_max_conns_per_client: usize,
    /// How long an answer of a server may take beyond the wait that was asked for.
    pub rpc_client_timeout: Duration,
    /// How long whoever connects may take to say who he is.
    pub rpc_handshake_timeout: Duration,
    /// Requests a second that an agent makes to servers; no limit where `None`.
    pub rpc_rate: Option<f64>,
    /// Requests that may come at once where there is one.
    pub rpc_max_burst: u32,
}

/// A file that the log goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFile {
    /// The file; where it ends with a slash or is a folder, the file in it is named by the program.
    pub path: String,
    /// Time after which it is closed and another one begun.
    pub rotate_every: Duration,
    /// Bytes after which that is done.
    pub rotate_bytes: Option<u64>,
    /// How many closed ones are kept; all where `None`.
    pub keep: Option<usize>,
}

/// How long blocking queries wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queries {
    /// Where a query does not say.
    pub default_wait: Duration,
    /// At most.
    pub max_wait: Duration,
}

/// How severe a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the levels are named as everywhere")]
pub enum LogLevel {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}

impl Config {
    /// Whether connections that no intention is about are allowed.
    pub fn allows_by_default(&self) -> bool {
        self.default_intention_policy != Some(DefaultPolicy::Deny)
    }
}

impl LogLevel {
    /// Its name in lower case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// Definitions and settings of the certificate authority may hold secrets, so only how many there are is printed.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("dev", &self.dev)
            .field("server", &self.server)
            .field("datacenter", &self.datacenter)
            .field("node_name", &self.node_name)
            .field("node_id", &self.node_id)
            .field("data_dir", &self.data_dir)
            .field("advertise", &self.advertise)
            .field("ports", &self.ports)
            .field("http_listeners", &self.http_listeners)
            .field("grpc_listeners", &self.grpc_listeners)
            .field("connect", &self.connect)
            .field("default_intention_policy", &self.default_intention_policy)
            .field("log_level", &self.log_level)
            .field("services", &self.services.len())
            .field("checks", &self.checks.len())
            .field("config_entries", &self.config_entries.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Connect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connect")
            .field("enabled", &self.enabled)
            .field("ca_provider", &self.ca_provider)
            .field("cluster_id", &self.cluster_id)
            .finish_non_exhaustive()
    }
}
