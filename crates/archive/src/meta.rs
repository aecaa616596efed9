use serde::{Deserialize, Serialize};

/// Version of the archive's form.
pub(crate) const VERSION: u32 = 1;

/// Tells our archives from those of others, which look alike from outside.
pub(crate) const FORMAT: &str = "tribune";

/// What a snapshot is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Meta {
    /// Version of the archive's form.
    pub version: u32,
    /// Who wrote it.
    pub(crate) format: String,
    /// A name for it, which no other has.
    #[serde(rename = "ID")]
    pub id: String,
    /// Index of the last entry of the log that is in it.
    pub index: u64,
    /// Term of that entry.
    pub term: u64,
    /// Bytes of the state.
    pub size: u64,
}

// === impl Meta ===

impl Meta {
    /// The meta data of a state that is to be written.
    #[must_use]
    pub fn new(id: String, index: u64, term: u64, size: u64) -> Self {
        Self {
            version: VERSION,
            format: FORMAT.to_owned(),
            id,
            index,
            term,
            size,
        }
    }
}
