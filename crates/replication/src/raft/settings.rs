//! How a cluster of servers behaves.

use std::time::Duration;

/// What a server of a cluster is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RaftSettings {
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
