//! Why bytes are no command and no tables.

/// Why bytes cannot be decoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// A later version of the program wrote them.
    #[error(
        "{what} has version {found}, and this program knows versions up to {known}: run the version that wrote it, or a later one"
    )]
    Newer {
        /// What they are.
        what: &'static str,
        /// Version of their form.
        found: u32,
        /// The latest version that is known.
        known: u32,
    },
    /// They have a field that is not known, so a part of what they say would be lost.
    #[error(
        "{what} has a field that this program does not know, {field}: run the version that wrote it, or a later one"
    )]
    UnknownField {
        /// What they are.
        what: &'static str,
        /// Where the field is.
        field: String,
    },
    /// They have a table that is not known.
    #[error(
        "the snapshot has a table that this program does not know, {table}: run the version that wrote it, or a later one"
    )]
    UnknownTable {
        /// Name of the table.
        table: String,
    },
    /// They say something that cannot be.
    #[error("{what} cannot be read: {problem}")]
    Malformed {
        /// What they are.
        what: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// They end too early.
    #[error("the snapshot is cut off after {bytes} bytes")]
    CutOff {
        /// How many there are.
        bytes: u64,
    },
    /// They are not what was encoded.
    #[error("the snapshot does not match its checksum: it was damaged or edited")]
    Checksum,
}
