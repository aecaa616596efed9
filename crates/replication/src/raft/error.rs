//! Why something about a cluster of servers cannot be done.

/// Why the log cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A setting makes no sense.
    #[error("the settings of the log are wrong: {reason}")]
    Settings {
        /// Which, and why.
        reason: String,
    },
    /// What is on the disk cannot be read.
    #[error("the log cannot be read from the disk: {reason}")]
    Storage {
        /// What is wrong, and where.
        reason: String,
    },
}

/// Why a change of the cluster was not made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MembershipError {
    /// Another server leads, or none does.
    #[error("not the leader{}", hint.as_ref().map_or_else(String::new, |hint| format!(", {hint} is")))]
    NotLeader {
        /// Where the leader may be reached.
        hint: Option<String>,
    },
    /// There is a cluster already, or this server has been part of one.
    #[error("this server is part of a cluster already")]
    Initialized,
    /// The servers of a new cluster lack this one.
    #[error("this server is not among those of the new cluster")]
    NotAmongMembers,
    /// No server of the configuration has that ID.
    #[error("no server has the ID {id}")]
    Unknown {
        /// The ID.
        id: String,
    },
    /// Another server stands for the same number.
    #[error(
        "server {id} cannot join: its ID collides with that of {other}; give it another node ID"
    )]
    Collision {
        /// The server that was to join.
        id: String,
        /// The one that is there.
        other: String,
    },
    /// It is the only one that votes.
    #[error("{id} is the only server that votes, so it cannot be removed")]
    LastVoter {
        /// The server.
        id: String,
    },
    /// Only a server that votes can lead.
    #[error("{id} does not vote, so it cannot lead")]
    NotVoter {
        /// The server.
        id: String,
    },
    /// A change is under way already, or a new leader has not settled in.
    #[error("another change of the servers is under way; try again")]
    Busy,
    /// The server did not get there in time. Where it was to be added it stays without a vote.
    #[error("server {id} did not catch up in time")]
    Behind {
        /// The server.
        id: String,
    },
    /// Nobody else took over in time, and this server goes on leading or follows whoever leads.
    #[error("leadership did not move in time")]
    NotTransferred,
    /// The change was made, and nobody knows whether it will be kept.
    #[error("the answer is lost; the change may or may not be made")]
    Uncertain,
    /// This server has stopped taking part, since its disk or its log failed.
    #[error("this server has stopped: {reason}")]
    Stopped {
        /// Why.
        reason: String,
    },
}

/// Why a message from another server was not handled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandleError {
    /// It is not a message, or was altered on its way.
    #[error("not a message of a server: {reason}")]
    Malformed {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// It is of a version that this server does not speak.
    #[error("message of version {version}, this server speaks version {ours}")]
    Version {
        /// Its version.
        version: u8,
        /// Ours.
        ours: u8,
    },
    /// It is of another cluster.
    #[error("message of another cluster")]
    OtherCluster,
    /// It is for another server that was reached here before.
    #[error("message for another server")]
    OtherServer,
    /// It is from a server that this cluster does not know.
    #[error("message of {from}, which is no server of this cluster")]
    UnknownServer {
        /// Who sent it.
        from: String,
    },
    /// This server takes nothing at the moment.
    #[error("cannot be handled now: {reason}")]
    Unavailable {
        /// Why.
        reason: String,
    },
}
