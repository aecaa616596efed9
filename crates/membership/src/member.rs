//! A member, as others see it.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;

use uuid::Uuid;

/// What a member says about itself, as pairs.
pub type Tags = BTreeMap<String, String>;

/// One agent or server of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name, unique among those who are alive.
    pub name: String,
    /// Its ID, unique as well.
    pub id: Uuid,
    /// Where its gossip is reached.
    pub address: SocketAddr,
    /// What it says about itself.
    pub tags: Tags,
    /// Whether it is alive.
    pub status: Status,
    /// Which versions of the protocols it speaks.
    pub versions: Versions,
}

/// Whether a member is alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// It answers.
    Alive,
    /// It answers, and has said that it goes.
    Leaving,
    /// It has said that it goes, and is gone.
    Left,
    /// It does not answer.
    Failed,
}

impl Status {
    /// The number that Consul's API shows.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Alive => 1,
            Self::Leaving => 2,
            Self::Left => 3,
            Self::Failed => 4,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Alive => "alive",
            Self::Leaving => "leaving",
            Self::Left => "left",
            Self::Failed => "failed",
        })
    }
}

/// Versions of the protocols under gossip, as Consul's API shows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Versions {
    /// The oldest protocol between members that is understood.
    pub protocol_min: u8,
    /// The newest one.
    pub protocol_max: u8,
    /// The one that is spoken.
    pub protocol_cur: u8,
    /// The oldest protocol of events that is understood.
    pub delegate_min: u8,
    /// The newest one.
    pub delegate_max: u8,
    /// The one that is spoken.
    pub delegate_cur: u8,
}

impl Default for Versions {
    fn default() -> Self {
        Self {
            protocol_min: 1,
            protocol_max: 5,
            protocol_cur: 2,
            delegate_min: 2,
            delegate_max: 5,
            delegate_cur: 4,
        }
    }
}
