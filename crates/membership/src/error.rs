//! What can go wrong, one error per operation.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why a member does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be listened on.
    #[error("gossip cannot listen on {address}: {source}")]
    Bind {
        /// Which address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The name cannot be one.
    #[error("the node name {0:?} cannot be a member's: it must have 1 to 128 bytes")]
    Name(String),
    /// Others could not reach this address.
    #[error(
        "gossip would tell others to reach it at {0}, which is no address of one machine; set `advertise_addr`"
    )]
    Advertise(SocketAddr),
    /// The tags cannot be told.
    #[error(transparent)]
    Tags(#[from] TagsError),
}

/// Why tags are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there may be {most} tags of 255 bytes each and {limit} bytes in all; these take {size}")]
pub struct TagsError {
    /// How many there may be.
    pub most: usize,
    /// Bytes that they take.
    pub size: usize,
    /// Bytes that there may be.
    pub limit: usize,
}

/// Nobody could be joined.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct JoinError {
    /// What happened, address by address.
    pub failures: Vec<(String, JoinFailure)>,
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.failures.is_empty() {
            return f.write_str("there is no address to join");
        }
        let mut between = "";
        for (address, failure) in &self.failures {
            write!(f, "{between}{address}: {failure}")?;
            between = "; ";
        }
        Ok(())
    }
}

/// Why one address could not be joined.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JoinFailure {
    /// It is no address.
    #[error("it is no host and port: {0}")]
    Address(String),
    /// The name has no address.
    #[error("the name cannot be resolved: {0}")]
    Resolve(String),
    /// It cannot be connected to.
    #[error("cannot connect: {0}")]
    Connect(String),
    /// It said nothing in time.
    #[error("no answer in time; is it an agent's gossip port?")]
    NoAnswer,
    /// It answered what cannot be read.
    #[error("its answer cannot be read: {0}")]
    Unreadable(String),
    /// It said no.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// What it answered does not go with this member.
    #[error("joining would not do: {0}")]
    Conflict(String),
}

/// Why a member does not talk to another one. Those about keys are told in the clear, so they are a hint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No key there opens what is sent from here.
    #[error("it holds no gossip key that is used here; compare `encrypt` on both sides")]
    WrongKey,
    /// It encrypts, and here is no key.
    #[error("it requires gossip to be encrypted, and there is no key here; set `encrypt`")]
    KeyNeeded,
    /// It does not encrypt, and gets what is encrypted.
    #[error("it has no gossip key, and gossip is encrypted here; set `encrypt` there")]
    NoKey,
    /// It speaks another version of this protocol.
    #[error("it speaks another version of gossip")]
    Version,
    /// It is of another datacenter.
    #[error("it is in datacenter {theirs:?}, this is {ours:?}")]
    Datacenter {
        /// Its datacenter.
        theirs: String,
        /// That of the member that is refused.
        ours: String,
    },
    /// The name is taken.
    #[error(
        "the node name {name:?} is taken by a member that is alive (ID {id}, at {address}); choose another `node_name`"
    )]
    NameTaken {
        /// The name.
        name: String,
        /// Who has it.
        id: uuid::Uuid,
        /// Where that member is.
        address: SocketAddr,
    },
    /// The ID is taken.
    #[error(
        "the node ID {id} is taken by {name:?}, which is alive at {address}; was the data directory copied?"
    )]
    IdTaken {
        /// The ID.
        id: uuid::Uuid,
        /// Who has it.
        name: String,
        /// Where that member is.
        address: SocketAddr,
    },
    /// Its network is not allowed.
    #[error("it does not let members of {0} in (`serf_lan_allowed_cidrs`)")]
    Network(std::net::IpAddr),
    /// It remembers as many members as it may.
    #[error("it has {0} members, as many as it may have")]
    Full(usize),
}

/// Why a member is not made to leave.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ForceLeaveError {
    /// Nobody is called so.
    #[error("No node found with name '{0}'")]
    Unknown(String),
}

/// Why an event is not told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UserEventError {
    /// It has no name.
    #[error("a user event needs a name")]
    NoName,
    /// It is too large.
    #[error("the user event {name:?} takes {size} bytes with its name and may take {limit}")]
    TooLarge {
        /// Its name.
        name: String,
        /// Bytes of name and payload.
        size: usize,
        /// Bytes that there may be.
        limit: usize,
    },
}

/// Why a text is no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It is not base64.
    #[error("a gossip key is base64 text, as `keygen` prints it; this is not: {0}")]
    Encoding(String),
    /// AES-192, which no library here has.
    #[error(
        "a gossip key of 24 bytes (AES-192) is not supported; use one of 32 bytes, as `keygen` prints it"
    )]
    Aes192,
    /// It is of no length that a key has.
    #[error("a gossip key has 16 or 32 bytes, this one has {0}")]
    Length(usize),
}

/// Why a keyring stays as it is.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// There are no keys at all.
    #[error("Keyring is empty (encryption not enabled)")]
    NotEnabled,
    /// It is no key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// It is not there.
    #[error("requested key is not in the keyring")]
    Unknown,
    /// It is the one that is used.
    #[error("removing the primary key is not allowed")]
    Primary,
    /// There are as many as there may be.
    #[error(
        "the keyring has {0} keys, as many as it may have; remove one that is not used any more"
    )]
    Full(usize),
    /// It cannot be kept.
    #[error(transparent)]
    File(#[from] KeyringFileError),
}

/// Why the file of a keyring is of no use.
#[derive(Debug, thiserror::Error)]
pub enum KeyringFileError {
    /// It cannot be read.
    #[error("the keyring {path} cannot be read: {source}")]
    Read {
        /// Where it is.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It cannot be written.
    #[error("the keyring {path} cannot be written: {source}")]
    Write {
        /// Where it is.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is no keyring.
    #[error("the keyring {path} is no JSON list of keys: {reason}")]
    Format {
        /// Where it is.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// It has no key.
    #[error("the keyring {0} has no key; remove the file to start from `encrypt` again")]
    Empty(PathBuf),
    /// A key in it is none.
    #[error("key {number} of the keyring {path}: {source}")]
    Key {
        /// Where it is.
        path: PathBuf,
        /// Which key, from 1.
        number: usize,
        /// What is wrong with it.
        source: KeyError,
    },
}
