//! How a cluster of servers behaves.

use std::time::Duration;

use openraft::{Config, SnapshotPolicy};

use super::{OpenError, Server};

/// How often a leader tells that it is there, as a part of the time after which it is missed.
const HEARTBEATS: u32 = 8;

/// What a server of a cluster is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RaftSettings {
    /// The server itself.
    pub me: Server,
    /// Names the cluster. Messages of another one are refused.
    pub cluster: String,
    /// `performance.raft_multiplier`: stretches every time below.
    pub multiplier: u32,
    /// A follower that hears nothing of its leader for that long, and for a random part of it more, stands for
    /// election. No leader is elected while another one may still hold its lease, which is at most as long.
    pub election: Duration,
    /// For how long after a quorum has acknowledged it a leader answers reads without asking again. At most
    /// half of `election` is used, so that clocks may run apart by a factor of two.
    pub lease: Duration,
    /// How large a command may be, in bytes.
    pub largest_command: usize,
    /// How many proposals may be on their way at once; the next ones wait.
    pub in_flight: usize,
    /// After how many commands a snapshot is made.
    pub snapshot_after: u64,
    /// How many commands that are in a snapshot are kept, for followers that are only a little behind.
    pub keep_log: u64,
    /// How long a proposal or a read waits for a leader before it fails.
    pub patience: Duration,
}

impl Default for RaftSettings {
    fn default() -> Self {
        Self {
            me: Server::default(),
            cluster: String::new(),
            multiplier: 1,
            election: Duration::from_secs(1),
            lease: Duration::from_millis(500),
            largest_command: 1 << 20,
            in_flight: 4096,
            snapshot_after: 16_384,
            keep_log: 10_000,
            patience: Duration::from_secs(7),
        }
    }
}

// === impl RaftSettings ===

impl RaftSettings {
    /// The longest time that a leader is missed before someone stands for election, without chance.
    ///
    /// With a random part of up to as much again, and with a multiplier of 1, a killed leader is replaced within
    /// two seconds: at most 0.85 s of silence, at most 0.85 s of chance, and two rounds of votes.
    pub(crate) fn silence(&self) -> Duration {
        self.scaled(self.election).mul_f64(0.85)
    }

    /// For how long reads are answered from a lease.
    pub(crate) fn lease(&self) -> Duration {
        self.scaled(self.lease).min(self.silence() / 2)
    }

    /// How often a leader tells that it is there.
    pub(crate) fn heartbeat(&self) -> Duration {
        self.silence() / HEARTBEATS
    }

    /// How long one message may take.
    pub(crate) fn message(&self) -> Duration {
        self.silence() / 2
    }

    /// A time as it is with the multiplier.
    fn scaled(&self, time: Duration) -> Duration {
        time * self.multiplier
    }

    /// The same in openraft's words.
    pub(crate) fn config(&self) -> Result<Config, OpenError> {
        let silence = millis(self.silence());
        let config = Config {
            cluster_name: self.cluster.clone(),
            heartbeat_interval: millis(self.heartbeat()),
            election_timeout_min: silence / 4,
            election_timeout_max: silence,
            install_snapshot_timeout: millis(self.silence()) * 60,
            max_payload_entries: 1024,
            replication_lag_threshold: u64::MAX,
            snapshot_policy: SnapshotPolicy::LogsSinceLast(self.snapshot_after),
            max_in_snapshot_log_to_keep: self.keep_log,
            purge_batch_size: (self.keep_log / 4).clamp(1, 256),
            enable_pre_vote: Some(true),
            // Whoever was the leader before it stopped has to be elected like everybody else.
            enable_leader_restore: Some(false),
            backoff: "20ms 40ms ...500ms".to_owned(),
            ..Config::default()
        };
        config.validate().map_err(|error| OpenError::Settings {
            reason: error.to_string(),
        })
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
