//! What a member is told at its start.

use std::net::SocketAddr;
use std::time::Duration;

use uuid::Uuid;

use crate::keyring_file::KeyringFile;
use crate::member::Tags;

/// What one member is, and how it behaves.
#[derive(Debug)]
pub struct Settings {
    /// Its name, up to 128 bytes.
    pub name: String,
    /// Its ID.
    pub id: Uuid,
    /// The datacenter it is in. Members of another one are refused.
    pub datacenter: String,
    /// Where it listens, on UDP and on TCP. Port 0 takes one that is free on both.
    pub bind: SocketAddr,
    /// The address that others are told, where it is not the one listened on.
    pub advertise: Option<SocketAddr>,
    /// What it says about itself.
    pub tags: Tags,
    /// The keys that frames are encrypted with.
    pub encryption: Encryption,
    /// How fast everything is.
    pub timing: Timing,
    /// How much of everything there may be.
    pub limits: Limits,
    /// Networks that members may be in, as address and length of the prefix (`serf_lan_allowed_cidrs`); any
    /// where there is none.
    pub allowed_networks: Vec<(std::net::IpAddr, u8)>,
    /// Where the choice of whom to talk to starts. The same seeds and the same messages give the same choices.
    pub seed: u64,
}

/// Whether and how frames are encrypted.
#[derive(Debug)]
pub struct Encryption {
    /// The keys. Without one nothing is encrypted, and no key can be installed later.
    pub keyring: KeyringFile,
    /// Frames that are not encrypted are refused (`encrypt_verify_incoming`).
    pub verify_incoming: bool,
    /// Frames are encrypted (`encrypt_verify_outgoing`).
    pub verify_outgoing: bool,
}

/// How fast things are. The fields without a name of Consul's follow from those that have one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// How often a member is asked whether it is there (`probe_interval`).
    pub probe_interval: Duration,
    /// How long it may take to answer before others are asked to try (`probe_timeout`).
    pub probe_timeout: Duration,
    /// How often news are passed on (`gossip_interval`).
    pub gossip_interval: Duration,
    /// To how many (`gossip_nodes`).
    pub gossip_nodes: usize,
    /// How long a suspect has to answer, in rounds of probes times the order of the cluster (`suspicion_mult`).
    pub suspicion_mult: u32,
    /// How often one piece of news is passed on, times the order of the cluster (`retransmit_mult`).
    pub retransmit_mult: u32,
    /// How often everything that is known is exchanged with one member.
    pub sync_interval: Duration,
    /// How long that and a join may take.
    pub sync_timeout: Duration,
    /// How often one that failed is tried again.
    pub reconnect_interval: Duration,
    /// When one that failed is forgotten (`reconnect_timeout`).
    pub reconnect_timeout: Duration,
    /// When one that left is forgotten.
    pub tombstone_timeout: Duration,
    /// How long one that leaves waits for the others to hear of it.
    pub leave_timeout: Duration,
}

impl Timing {
    /// For members in one network: the defaults of `gossip_lan`.
    #[must_use]
    pub const fn lan() -> Self {
        Self {
            probe_interval: Duration::from_secs(1),
            probe_timeout: Duration::from_millis(500),
            gossip_interval: Duration::from_millis(200),
            gossip_nodes: 3,
            suspicion_mult: 4,
            retransmit_mult: 4,
            sync_interval: Duration::from_secs(30),
            sync_timeout: Duration::from_secs(10),
            reconnect_interval: Duration::from_secs(30),
            reconnect_timeout: Duration::from_hours(72),
            tombstone_timeout: Duration::from_hours(24),
            leave_timeout: Duration::from_secs(5),
        }
    }

    /// For one machine, where everything answers at once: the defaults of `gossip_lan` with `-dev`.
    #[must_use]
    pub const fn local() -> Self {
        Self {
            probe_interval: Duration::from_millis(100),
            probe_timeout: Duration::from_millis(50),
            gossip_interval: Duration::from_millis(20),
            suspicion_mult: 3,
            sync_interval: Duration::from_secs(5),
            reconnect_interval: Duration::from_secs(1),
            leave_timeout: Duration::from_secs(1),
            ..Self::lan()
        }
    }
}

/// How much there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Members that are remembered, dead or alive.
    pub members: usize,
    /// Bytes of tags, encoded. They have to fit into one datagram with what goes along with them.
    pub tags: usize,
    /// Bytes of name and payload of a user event.
    pub user_event: usize,
    /// User events a second that are passed on; as many more may come at once.
    pub user_events_per_second: u32,
    /// Streams served at the same time, and of one address.
    pub streams: tribune_runtime::Limits,
    /// Bytes of one message on a stream, once its sender has proved to hold a key.
    pub message: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            members: 10_000,
            tags: 900,
            user_event: 512,
            user_events_per_second: 256,
            streams: tribune_runtime::Limits {
                connections: 128,
                connections_per_client: 32,
            },
            message: 8 << 20,
        }
    }
}

/// How long joining is tried for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryJoin {
    /// Whom to try, as `host:port` or `host`.
    pub addresses: Vec<String>,
    /// How long to wait between attempts (`retry_interval`).
    pub interval: Duration,
    /// How many attempts there are; 0 for no end (`retry_max`).
    pub max: usize,
}
