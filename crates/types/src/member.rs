//! Members of a cluster's gossip, as `/v1/agent/members` lists them.

use serde::{Deserialize, Serialize, Serializer};

use crate::Meta;

/// An agent, server or not, as the others see it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Member {
    /// Its node; with its datacenter after a dot where those of all datacenters are listed.
    pub name: String,
    /// Its address.
    pub addr: String,
    /// Its port.
    pub port: u16,
    /// What it tells of itself.
    pub tags: Meta,
    /// Whether it is alive.
    pub status: MemberStatus,
    /// The least version of the gossip protocol that it speaks.
    pub protocol_min: u8,
    /// The greatest.
    pub protocol_max: u8,
    /// The one that it uses.
    pub protocol_cur: u8,
    /// The least version of what its tags and events mean that it understands.
    pub delegate_min: u8,
    /// The greatest.
    pub delegate_max: u8,
    /// The one that it uses.
    pub delegate_cur: u8,
}

/// How it is with a member. A number in JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(from = "u8")]
pub enum MemberStatus {
    /// Nothing is known.
    #[default]
    None,
    /// It answers.
    Alive,
    /// It has said that it leaves.
    Leaving,
    /// It has left.
    Left,
    /// It has not answered for so long that it counts as gone.
    Failed,
}

// === impl MemberStatus ===

impl MemberStatus {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Alive => "alive",
            Self::Leaving => "leaving",
            Self::Left => "left",
            Self::Failed => "failed",
        }
    }

    const fn number(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Alive => 1,
            Self::Leaving => 2,
            Self::Left => 3,
            Self::Failed => 4,
        }
    }
}

impl From<u8> for MemberStatus {
    fn from(number: u8) -> Self {
        match number {
            1 => Self::Alive,
            2 => Self::Leaving,
            3 => Self::Left,
            4 => Self::Failed,
            _ => Self::None,
        }
    }
}

impl Serialize for MemberStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(self.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_a_number_in_json_and_comes_back_as_it_was() {
        let statuses = [
            MemberStatus::None,
            MemberStatus::Alive,
            MemberStatus::Leaving,
            MemberStatus::Left,
            MemberStatus::Failed,
        ];
        let json = serde_json::to_string(&statuses).unwrap();
        assert_eq!(json, "[0,1,2,3,4]");
        let back: [MemberStatus; 5] = serde_json::from_str(&json).unwrap();
        assert_eq!(back, statuses);
    }
}
