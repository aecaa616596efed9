//! Why a proposal or a read was not answered.

/// Why a proposal was not answered with an outcome.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProposeError {
    /// Another server leads, or none does. The proposal was not made.
    #[error("not the leader{}", hint.as_ref().map_or_else(String::new, |hint| format!(", {hint} is")))]
    NotLeader {
        /// Where the leader may be reached.
        hint: Option<String>,
    },
    /// Nobody can be asked now. The proposal was not made.
    #[error("no leader can be reached")]
    Unavailable,
    /// The command is too large for the log.
    #[error("the command has about {size} bytes, more than the log's limit of {limit}")]
    TooLarge {
        /// About how large it is, in bytes.
        size: usize,
        /// How large it may be.
        limit: usize,
    },
    /// The disk of whoever leads takes no writes. The proposal was not made.
    #[error("nothing can be written: {reason}")]
    Full {
        /// What the disk says.
        reason: String,
    },
    /// The proposal was made and its answer is lost: it may or may not be applied, now or later. It may
    /// be made again only with the same request ID.
    #[error("the answer to the proposal is lost; it may or may not be applied")]
    Unknown,
}

/// Why a read cannot be made as fresh as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// Another server leads, or none does.
    #[error("not the leader{}", hint.as_ref().map_or_else(String::new, |hint| format!(", {hint} is")))]
    NotLeader {
        /// Where the leader may be reached.
        hint: Option<String>,
    },
    /// Nobody can be asked now.
    #[error("no leader can be reached")]
    Unavailable,
}
