//! Why a change or a read did not come about.

/// Why nobody says that a command was applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProposeError {
    /// This server does not lead, so nothing happened.
    #[error("this server is not the leader{}", hint.as_ref().map(|hint| format!("; {hint} may be")).unwrap_or_default())]
    NotLeader {
        /// Who may be, where that is known.
        hint: Option<String>,
    },
    /// Nobody leads, so nothing happened.
    #[error("No cluster leader")]
    Unavailable,
    /// The command is larger than the log takes, so nothing happened.
    #[error("the change is too large: {size} bytes, at most {limit}; make it in parts")]
    TooLarge {
        /// About how large it is.
        size: usize,
        /// How large it may be.
        limit: usize,
    },
    /// The answer was lost: the command may have been applied, or may still be.
    #[error("nobody knows whether the change was made: the answer to it was lost")]
    Unknown,
}

/// Why a read cannot be as fresh as it was asked to be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// Nobody leads.
    #[error("No cluster leader")]
    Unavailable,
}
