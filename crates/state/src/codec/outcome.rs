//! Outcomes of commands, which are remembered by the IDs of their requests.

use serde::{Deserialize, Serialize};
use tribune_types::{Index, Name, NodeName};

use super::form::declared;
use crate::command::{ApplyError, Outcome};

#[derive(Serialize, Deserialize)]
#[serde(remote = "Outcome", rename_all = "snake_case")]
enum OutcomeForm {
    Done,
    Cas(bool),
    #[serde(with = "super::form")]
    Refused(ApplyError),
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "ApplyError", rename_all = "snake_case")]
enum ApplyErrorForm {
    OutOfOrder {
        index: Index,
        applied: Index,
    },
    NodeNameTaken {
        #[serde(with = "super::form")]
        name: NodeName,
        id: String,
        holder: String,
    },
    CheckOfOtherNode {
        check: Name,
        #[serde(with = "super::form")]
        of: NodeName,
        #[serde(with = "super::form")]
        node: NodeName,
    },
    UnknownService {
        check: Name,
        service: Name,
        #[serde(with = "super::form")]
        node: NodeName,
    },
    VirtualIpsExhausted,
    Stale {
        checked_at: Index,
        index: Index,
    },
    ActiveRoots {
        active: usize,
    },
    RootWithoutId,
    CasFailed,
    NestedBatch,
    InBatch {
        at: usize,
        #[serde(with = "super::form")]
        error: Box<ApplyError>,
    },
    RestoreOutOfOrder {
        offset: u64,
        staged: u64,
    },
    NotRestorable {
        reason: String,
    },
}

declared! {
    Outcome: OutcomeForm,
    ApplyError: ApplyErrorForm,
}

/// The ID of a request: 16 bytes, the most significant first.
pub(super) mod id {
    use std::fmt;

    use serde::de::{Error, Visitor};
    use serde::{Deserializer, Serializer};

    pub(in crate::codec) fn serialize<S: Serializer>(
        id: &Option<u128>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match id {
            Some(id) => serializer.serialize_bytes(&id.to_be_bytes()),
            None => serializer.serialize_none(),
        }
    }

    pub(in crate::codec) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<u128>, D::Error> {
        deserializer.deserialize_bytes(Id).map(Some)
    }

    struct Id;

    impl Visitor<'_> for Id {
        type Value = u128;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("the 16 bytes of a request's ID")
        }

        fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<u128, E> {
            let id = bytes
                .try_into()
                .map_err(|_| E::invalid_length(bytes.len(), &self))?;
            Ok(u128::from_be_bytes(id))
        }
    }
}
