//! A request of the API as a value, whatever it came in as: what is asked, how fresh the answer must
//! be, and what came out.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config_entry::{self, Ignored, Raw, RawPermission};
use crate::definition::{CheckType, ServiceDefinition};
use crate::proxy::MeshGateway;
use crate::request::{DeregisterRequest, RegisterRequest};
use crate::{
    GoDuration, Index, Meta, Name, NodeName, Opaque, PeerName, ServiceName, Status, Token,
};
use crate::{autopilot, keyring, raft};

/// What is asked. All but the last have a JSON form, in which they travel between agents and servers; bodies in
/// them are as clients wrote them.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// Something that the catalog says.
    Query(Query),
    /// A change of the catalog.
    Write(Write),
    /// Something about how the cluster is operated.
    Operator(OperatorRequest),
    /// Something that only the agent itself knows or does.
    Agent(AgentRequest),
}

/// How the cluster is operated: what its servers know and do, whichever agent is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum OperatorRequest {
    /// The servers of the log.
    RaftConfiguration,
    /// Takes a server out of the log.
    RemovePeer(raft::Selector),
    /// Has another server lead.
    TransferLeader {
        /// ID of the server that is to lead; any where `None`.
        id: Option<String>,
    },
    /// Settings of autopilot.
    AutopilotConfiguration,
    /// Changes them.
    SetAutopilotConfiguration {
        /// The settings, whole.
        configuration: Box<autopilot::Configuration>,
        /// Only if they were last modified at this index.
        cas: Option<Index>,
    },
    /// Whether the servers are healthy.
    AutopilotHealth,
    /// What autopilot knows of the servers.
    AutopilotState,
    /// Looks at or changes the keys of gossip.
    Keyring(keyring::Request),
}

/// What is sent or answered piece by piece, as it is too large to hold or has no end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamRequest {
    /// The agent's log from now on.
    Monitor {
        /// Least severe messages that are wanted.
        level: LogLevel,
        /// Whether each is wanted as a JSON object.
        json: bool,
    },
    /// Everything that the servers keep, as an archive.
    SaveSnapshot,
    /// Puts such an archive in the place of everything that the servers keep.
    RestoreSnapshot,
}

/// How severe a message of a log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogLevel {
    /// Every step.
    Trace,
    /// What helps to find a mistake.
    Debug,
    /// What one wants to read.
    Info,
    /// What may become a problem.
    Warn,
    /// What is one.
    Error,
}

/// A read of the catalog.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Query {
    /// The datacenters that are known.
    Datacenters,
    /// Every node.
    Nodes,
    /// Every service name and its tags.
    Services,
    /// The instances of a service.
    ServiceNodes(Instances),
    /// A node and its services, by ID.
    Node(NodeName),
    /// A node and its services, as a list.
    NodeServices {
        /// The node.
        node: NodeName,
        /// Whether central configuration is merged in.
        merge_central_config: bool,
    },
    /// The checks of a node.
    NodeChecks(NodeName),
    /// The checks of a service.
    ServiceChecks(ServiceName),
    /// The checks in a state; all of them where `None`.
    ChecksInState(Option<Status>),
    /// The instances of a service with their nodes and checks.
    CheckServiceNodes(Instances),
    /// The services behind a gateway.
    GatewayServices(ServiceName),
    /// The instances of the ingress gateways that lead to a service.
    IngressGatewaysOf {
        /// The service.
        service: ServiceName,
        /// Whether only those whose checks all pass.
        passing: bool,
    },
    /// The services that peers may reach.
    ExportedServices,
    /// One config entry.
    ConfigEntry(config_entry::Key),
    /// The config entries of a kind.
    ConfigEntries(config_entry::Kind),
    /// Every intention.
    Intentions,
    /// The intention between two services.
    IntentionExact(IntentionPair),
    /// The intention with an ID.
    IntentionById(String),
    /// The intentions that could matter to services.
    IntentionMatch {
        /// Whether the names are sources or destinations.
        by: MatchBy,
        /// The services, each with the words it was asked for in, which name its part of the answer.
        names: Vec<(String, ServiceName)>,
    },
    /// Whether a source may reach a destination.
    IntentionCheck(IntentionPair),
    /// The root certificates.
    CaRoots {
        /// Whether they are wanted as PEM text.
        pem: bool,
    },
    /// Configuration of the certificate authority.
    CaConfiguration,
    /// What a service name resolves to.
    DiscoveryChain(ChainQuery),
    /// Whether the holder of a certificate may connect.
    Authorize {
        /// The service connected to.
        target: ServiceName,
        /// The URI in the certificate.
        client_cert_uri: String,
    },
    /// The address of the leader.
    Leader,
    /// The addresses of the servers.
    Peers,
}

/// Which instances of a service are wanted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Instances {
    /// The service.
    pub service: ServiceName,
    /// Whether instances that take mesh traffic for it are meant, not its own.
    pub connect: bool,
    /// Whether only those whose checks all pass.
    pub passing: bool,
    /// Tags that they must all have.
    pub tags: Vec<String>,
    /// Whether central configuration is merged in.
    pub merge_central_config: bool,
}

/// A source and a destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntentionPair {
    /// The service that connects.
    pub source: ServiceName,
    /// The peer that it is in; empty for this cluster.
    pub source_peer: PeerName,
    /// The service connected to.
    pub destination: ServiceName,
}

/// On which side of an intention a name is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MatchBy {
    /// The service that connects.
    Source,
    /// The service connected to.
    Destination,
}

/// A chain and what the caller insists on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainQuery {
    /// The service.
    pub service: ServiceName,
    /// Datacenter to compile it in; the asked one's own where empty.
    pub datacenter: String,
    /// Protocol; not overridden where empty.
    pub protocol: String,
    /// Time to establish a connection; not overridden where zero.
    pub connect_timeout: GoDuration,
    /// How other datacenters are reached; not overridden where its mode is empty.
    pub mesh_gateway: MeshGateway,
}

/// A change of the catalog.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Write {
    /// Puts a node, a service or checks into the catalog.
    Register(Box<RegisterRequest>),
    /// Takes a node, a service or a check out of the catalog.
    Deregister(DeregisterRequest),
    /// Writes a config entry.
    PutConfigEntry {
        /// The entry as it was written.
        entry: Box<Raw>,
        /// Only if the stored one was last modified at this index; 0 if there must be none.
        cas: Option<Index>,
    },
    /// Deletes a config entry.
    DeleteConfigEntry {
        /// The entry.
        key: config_entry::Key,
        /// Only if it was last modified at this index.
        cas: Option<Index>,
    },
    /// Writes the intention between two services.
    PutIntention {
        /// The services.
        pair: IntentionPair,
        /// What it says.
        body: Box<IntentionBody>,
    },
    /// Deletes the intention between two services.
    DeleteIntention(IntentionPair),
    /// Writes an intention by its ID, the older way.
    PutIntentionById {
        /// The ID of one that exists; a new one where `None`.
        id: Option<String>,
        /// What it says.
        body: Box<IntentionByIdBody>,
    },
    /// Deletes an intention by its ID.
    DeleteIntentionById(String),
    /// Configures the certificate authority.
    SetCaConfiguration(CaConfigurationBody),
}

/// Body of `PUT /v1/connect/intentions/exact`. Fields without words here are what clients read and send
/// back; they are ignored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
#[expect(missing_docs, reason = "ignored fields have nothing to say")]
pub struct IntentionBody {
    /// Must be empty: only the older form of the API has IDs.
    #[serde(rename = "ID")]
    pub id: String,
    /// Words for people.
    pub description: String,
    /// `allow` or `deny`, unless there are permissions.
    pub action: String,
    /// What happens to requests, the first permission that matches decides.
    pub permissions: Vec<RawPermission>,
    /// `consul`, also where empty.
    pub source_type: String,
    /// Must be empty: peers are named in config entries.
    pub source_peer: PeerName,
    /// Must be empty: free-form pairs are the destination's.
    pub meta: Meta,
    #[serde(rename = "SourceNS")]
    pub source_ns: Ignored,
    pub source_name: Ignored,
    pub source_partition: Ignored,
    pub source_sameness_group: Ignored,
    #[serde(rename = "DestinationNS")]
    pub destination_ns: Ignored,
    pub destination_name: Ignored,
    pub destination_partition: Ignored,
    pub default_addr: Ignored,
    pub default_port: Ignored,
    pub precedence: Ignored,
    pub created_at: Ignored,
    pub updated_at: Ignored,
    pub hash: Ignored,
    pub create_index: Ignored,
    pub modify_index: Ignored,
}

/// Body of `POST /v1/connect/intentions` and `PUT /v1/connect/intentions/ID`. Fields without words here are
/// what clients read and send back; they are ignored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
#[expect(missing_docs, reason = "ignored fields have nothing to say")]
pub struct IntentionByIdBody {
    /// Must be empty for a new one.
    #[serde(rename = "ID")]
    pub id: String,
    /// Words for people.
    pub description: String,
    /// Must be `default` or empty, as must the namespaces and partitions below.
    #[serde(rename = "SourceNS")]
    pub source_ns: String,
    pub source_partition: String,
    /// The service that connects.
    pub source_name: Name,
    /// Must be empty: peers are named in config entries.
    pub source_peer: PeerName,
    /// Must be empty: a Consul Enterprise feature.
    pub source_sameness_group: String,
    #[serde(rename = "DestinationNS")]
    pub destination_ns: String,
    pub destination_partition: String,
    /// The service connected to.
    pub destination_name: Name,
    /// `consul`, also where empty.
    pub source_type: String,
    /// `allow` or `deny`.
    pub action: String,
    /// Must be empty: permissions are written in config entries.
    pub permissions: Vec<RawPermission>,
    /// Free-form pairs.
    pub meta: Meta,
    #[serde(rename = "JWT")]
    pub jwt: Ignored,
    pub default_addr: Ignored,
    pub default_port: Ignored,
    pub precedence: Ignored,
    pub created_at: Ignored,
    pub updated_at: Ignored,
    pub hash: Ignored,
    pub create_index: Ignored,
    pub modify_index: Ignored,
}

/// Body of `PUT /v1/connect/ca/configuration`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct CaConfigurationBody {
    /// `consul` is the built-in one.
    pub provider: String,
    /// The provider's settings.
    pub config: Opaque,
    /// The provider's state; only ever read.
    pub state: Option<Meta>,
    /// Whether a root may change without the old one vouching for the new one.
    pub force_without_cross_signing: bool,
    /// Read back by clients, ignored.
    pub create_index: Index,
    /// Read back by clients, ignored.
    pub modify_index: Index,
}

/// What only an agent knows or does.
#[derive(Clone, Debug, PartialEq)]
pub enum AgentRequest {
    /// Its configuration, its own member record, its versions.
    Myself,
    /// Its version.
    Version,
    /// The members that it knows.
    Members {
        /// Whether those of other datacenters are meant.
        wan: bool,
        /// Network segment; every one where `_all`.
        segment: String,
    },
    /// Makes it know the members of a cluster, through one of them.
    Join {
        /// Address of that one.
        address: String,
        /// Whether the servers of all datacenters are meant.
        wan: bool,
    },
    /// Makes it leave the cluster and end.
    Leave,
    /// Makes the cluster forget a member that is gone.
    ForceLeave {
        /// The member.
        node: String,
        /// Whether it disappears from the list of members too.
        prune: bool,
        /// Whether the servers of all datacenters are meant.
        wan: bool,
    },
    /// Makes it read its configuration again.
    Reload,
    /// The machine that it runs on.
    Host,
    /// The services registered with it.
    Services,
    /// One of them; waits while its content has this hash.
    Service {
        /// Its ID.
        id: Name,
        /// Hash of the content that the caller has.
        hash: String,
    },
    /// The checks registered with it.
    Checks,
    /// The health of an instance registered with it.
    HealthById {
        /// The instance.
        id: Name,
        /// Whether only the word is wanted, as text.
        text: bool,
    },
    /// The health of the instances of a service registered with it.
    HealthByName {
        /// The service.
        name: Name,
        /// Whether only the word is wanted, as text.
        text: bool,
    },
    /// Registers a service.
    RegisterService {
        /// The service.
        definition: Box<ServiceDefinition>,
        /// Whether checks that the definition does not have are removed.
        replace_existing_checks: bool,
    },
    /// Removes a service.
    DeregisterService(Name),
    /// Registers a check.
    RegisterCheck(Box<CheckType>),
    /// Removes a check.
    DeregisterCheck(Name),
    /// Sets the result of a check that the application reports.
    UpdateCheck {
        /// The check.
        id: Name,
        /// What it says now.
        status: Status,
        /// Words for people.
        output: String,
    },
    /// Takes the agent's node, or a service of it, out of service or back.
    Maintenance {
        /// The service; the node where `None`.
        service: Option<Name>,
        /// Whether it is out of service.
        enable: bool,
        /// Words for people.
        reason: String,
    },
    /// A service's certificate.
    Leaf(ServiceName),
    /// The proxies connected to it and what they have.
    Proxies {
        /// Whether those connected to any agent are meant.
        cluster: bool,
    },
}

/// How an answer is wanted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    /// The secret that the request was made with.
    pub token: Token,
    /// The datacenter asked; the agent's own where empty.
    pub datacenter: String,
    /// How fresh the answer must be.
    pub consistency: Consistency,
    /// Wait until the answer's index is above this; at once where 0.
    pub min_index: Index,
    /// How long to wait; the default where `None`.
    pub wait: Option<Duration>,
    /// Filter expression over the rows; none where empty.
    pub filter: String,
    /// Pairs that the metadata of a node must have.
    pub node_meta: Vec<(String, String)>,
    /// Peer whose imported rows are meant.
    pub peer: PeerName,
    /// Whether an answer of the agent's cache will do.
    pub cached: bool,
}

/// How fresh an answer must be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Consistency {
    /// As fresh as the leader's lease lets it be.
    #[default]
    Default,
    /// Whatever the asked server has.
    Stale,
    /// The leader has made sure that it is one.
    Consistent,
}

/// What came out of a request that was granted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// The answer itself.
    pub body: Body,
    /// Index of the answer, for reads that can be waited on.
    pub index: Option<Index>,
    /// Whether rows were left out that the token may not see.
    pub filtered_by_acls: bool,
    /// Hash of the answer, for reads that are waited on by it.
    pub content_hash: Option<String>,
    /// The health that the answer is about, for reads whose status tells it.
    pub health: Option<Status>,
    /// Whether the agent's cache had the answer, for reads that go through it.
    pub cache_hit: Option<bool>,
    /// Whether what was asked for does not exist; the body may still say something about it.
    pub missing: bool,
    /// Whether the answer says that something is not well, in a way that its status must tell.
    pub unwell: bool,
    /// How old the answer may be, for reads that may be stale and that no leader answered.
    pub staleness: Option<Staleness>,
}

/// What a server that does not lead knew of the leader when it answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Staleness {
    /// Whether there was one.
    pub known_leader: bool,
    /// How long ago it was heard of, in milliseconds.
    pub last_contact_millis: u64,
}

/// The body of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Body {
    /// Nothing.
    #[default]
    Empty,
    /// JSON, compact.
    Json(Vec<u8>),
    /// Plain text.
    Text(String),
    /// Certificates.
    Pem(String),
}

impl Answer {
    /// An answer of JSON.
    ///
    /// # Panics
    /// Never: rows are maps with string keys, which always have a JSON form.
    #[must_use]
    pub fn json<T: serde::Serialize + ?Sized>(value: &T) -> Self {
        let body = serde_json::to_vec(value).expect("a row's keys are strings");
        Self {
            body: Body::Json(body),
            ..Self::default()
        }
    }
}

/// Why a request was not granted. The text is for people and says what, where, why and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The request cannot be understood.
    #[error("{0}")]
    BadRequest(String),
    /// The token may not do that.
    #[error("Permission denied: {0}")]
    Denied(String),
    /// The token is not known.
    #[error("ACL not found")]
    UnknownToken,
    /// There is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// The request was understood and refused, as a server refuses what its agent passes on.
    #[error("{0}")]
    Refused(String),
    /// Too much at once.
    #[error("{0}")]
    TooMany(String),
    /// Nobody can answer now; trying again may help.
    #[error("{0}")]
    Unavailable(String),
}

// === impl LogLevel ===

impl LogLevel {
    /// The word for it, in capitals.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "TRACE",
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
        }
    }
}

impl std::str::FromStr for LogLevel {
    type Err = UnknownLogLevel;

    /// Reads Consul's words, in whatever case.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let levels = [
            Self::Trace,
            Self::Debug,
            Self::Info,
            Self::Warn,
            Self::Error,
        ];
        let plain = text.trim();
        if plain.eq_ignore_ascii_case("err") {
            return Ok(Self::Error);
        }
        let level = levels
            .into_iter()
            .find(|level| level.as_str().eq_ignore_ascii_case(plain));
        level.ok_or_else(|| UnknownLogLevel(text.to_owned()))
    }
}

/// A word that is no level of a log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Unknown log level: {0:?}: write trace, debug, info, warn or error")]
pub struct UnknownLogLevel(pub String);

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// As it comes out of JSON that it went into.
    fn sent(write: &Write) -> Write {
        serde_json::from_value(serde_json::to_value(write).unwrap()).unwrap()
    }

    fn put(kind: config_entry::Kind, entry: Value) -> Write {
        Write::PutConfigEntry {
            entry: Box::new(Raw::deserialize(kind, entry).unwrap()),
            cas: Some(7),
        }
    }

    #[test]
    fn what_a_server_would_refuse_is_still_there_when_it_gets_it() {
        let source = json!({
            "Name": "web", "Action": "allow", "SamenessGroup": "g", "LegacyMeta": {"a": "b"},
        });
        let entry = json!({"Kind": "service-intentions", "Name": "api", "Sources": [source]});
        let write = put(config_entry::Kind::ServiceIntentions, entry);
        assert_eq!(sent(&write), write);
        let body = json!({"Action": "allow", "ID": "x", "SourcePeer": "p", "CreatedAt": "now"});
        let write = Write::PutIntention {
            pair: IntentionPair {
                source: ServiceName::new("web"),
                source_peer: "east".into(),
                destination: ServiceName::new("api"),
            },
            body: Box::new(serde_json::from_value(body).unwrap()),
        };
        assert_eq!(sent(&write), write);
    }

    #[test]
    fn an_entry_is_sent_with_its_kind() {
        for kind in config_entry::Kind::ALL {
            let write = put(kind, json!({"Name": "n"}));
            let json = serde_json::to_value(&write).unwrap();
            let entry = &json["PutConfigEntry"]["entry"];
            assert_eq!(entry["Kind"], kind.as_str());
            assert_eq!(sent(&write), write);
        }
    }

    #[test]
    fn levels_are_read_in_consuls_words() {
        for (text, level) in [
            ("INFO", LogLevel::Info),
            ("warn", LogLevel::Warn),
            ("Err", LogLevel::Error),
            ("error", LogLevel::Error),
            (" trace ", LogLevel::Trace),
        ] {
            assert_eq!(text.parse(), Ok(level), "{text}");
        }
        assert!("loud".parse::<LogLevel>().is_err());
        assert!(LogLevel::Debug < LogLevel::Error);
    }
}
