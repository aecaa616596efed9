//! `sameness-group`: a kind that can be read and listed, and never written: it is a Consul Enterprise feature.

use serde::{Deserialize, Serialize};

use super::Ignored;
use super::invalid::{Invalid, Problem, Reason};

/// A `sameness-group` entry as a client wrote it; its fields are known so that a misspelt one is told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
#[expect(missing_docs, reason = "nothing is ever done with the fields")]
pub struct RawSamenessGroup {
    pub kind: Ignored,
    pub create_index: Ignored,
    pub modify_index: Ignored,
    pub hash: Ignored,
    pub name: Ignored,
    pub default_for_failover: Ignored,
    pub include_local: Ignored,
    pub members: Ignored,
    pub meta: Ignored,
}

impl RawSamenessGroup {
    /// Why there is none.
    #[must_use]
    pub fn refusal() -> Invalid {
        Invalid {
            problems: vec![Problem {
                field: "Kind".to_owned(),
                reason: Reason::Enterprise,
            }],
        }
    }
}
