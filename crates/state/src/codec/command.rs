//! Commands.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tribune_types::config_entry::{self, Entry};
use tribune_types::connect::{CaConfiguration, CaRoot};
use tribune_types::{HealthCheck, Index, Name, Node, NodeName, NodeService, autopilot};

use super::COMMANDS;
use super::error::DecodeError;
use super::form::{Formed, Values, append, declared, is_default};
use crate::command::{Command, Deregistration, Operation, Registration, Removed, RestorePart};

const WHAT: &str = "the command";

#[derive(Serialize, Deserialize)]
#[serde(remote = "Command")]
struct CommandForm {
    #[serde(
        default,
        skip_serializing_if = "is_default",
        with = "super::outcome::id"
    )]
    request_id: Option<u128>,
    #[serde(with = "super::form")]
    operation: Operation,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Operation", rename_all = "snake_case")]
enum OperationForm {
    #[serde(with = "super::form")]
    Register(Box<Registration>),
    #[serde(with = "super::form")]
    Deregister(Deregistration),
    PutConfigEntry {
        #[serde(with = "super::form")]
        entry: Arc<Entry>,
        #[serde(default, skip_serializing_if = "is_default")]
        cas: Option<Index>,
        #[serde(default, skip_serializing_if = "is_default")]
        checked_at: Option<Index>,
    },
    DeleteConfigEntry {
        #[serde(with = "super::form")]
        key: config_entry::Key,
        #[serde(default, skip_serializing_if = "is_default")]
        cas: Option<Index>,
        #[serde(default, skip_serializing_if = "is_default")]
        checked_at: Option<Index>,
    },
    SetCaConfiguration {
        #[serde(with = "super::form")]
        configuration: Box<CaConfiguration>,
        #[serde(default, skip_serializing_if = "is_default")]
        cas: Option<Index>,
    },
    SetCaRoots {
        roots: Vec<CaRoot>,
        #[serde(default, skip_serializing_if = "is_default", with = "super::form")]
        configuration: Option<Box<CaConfiguration>>,
        #[serde(default, skip_serializing_if = "is_default")]
        cas: Option<Index>,
    },
    #[serde(with = "super::form")]
    Batch(Vec<Operation>),
    SetAutopilotConfiguration {
        #[serde(with = "super::form")]
        configuration: Box<autopilot::Configuration>,
        #[serde(default, skip_serializing_if = "is_default")]
        cas: Option<Index>,
    },
    #[serde(with = "super::form")]
    Restore(RestorePart),
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "RestorePart")]
struct RestorePartForm {
    #[serde(with = "super::form::id")]
    id: u128,
    #[serde(default, skip_serializing_if = "is_default")]
    offset: u64,
    #[serde(with = "super::form::bytes")]
    bytes: Vec<u8>,
    #[serde(default, skip_serializing_if = "is_default")]
    last: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Registration")]
struct RegistrationForm {
    #[serde(with = "super::form")]
    node: Node,
    #[serde(default, skip_serializing_if = "is_default")]
    skip_node_update: bool,
    #[serde(default, skip_serializing_if = "is_default", with = "super::form")]
    service: Option<NodeService>,
    #[serde(default, skip_serializing_if = "is_default", with = "super::form")]
    checks: Vec<HealthCheck>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Deregistration")]
struct DeregistrationForm {
    #[serde(with = "super::form")]
    node: NodeName,
    #[serde(with = "super::form")]
    removed: Removed,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Removed", rename_all = "snake_case")]
enum RemovedForm {
    Node,
    Service(Name),
    Check(Name),
}

declared! {
    Command: CommandForm,
    Operation: OperationForm,
    Registration: RegistrationForm,
    Deregistration: DeregistrationForm,
    Removed: RemovedForm,
    RestorePart: RestorePartForm,
}

/// The oldest version that knows an operation.
fn version(operation: &Operation) -> u8 {
    match operation {
        Operation::Register(_)
        | Operation::Deregister(_)
        | Operation::PutConfigEntry { .. }
        | Operation::DeleteConfigEntry { .. }
        | Operation::SetCaConfiguration { .. }
        | Operation::SetCaRoots { .. } => 1,
        Operation::Batch(operations) => operations.iter().map(version).max().unwrap_or(1),
        Operation::SetAutopilotConfiguration { .. } | Operation::Restore(_) => 2,
    }
}

impl Command {
    /// The command in bytes, for a log.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(256);
        bytes.push(version(&self.operation));
        append(&mut bytes, &Formed(self));
        bytes
    }

    /// The command that bytes are.
    ///
    /// # Errors
    /// Where they are none, or not all of what they say is known to this version.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let malformed = |problem: &str| DecodeError::Malformed {
            what: WHAT,
            problem: problem.to_owned(),
        };
        let (&version, rest) = bytes
            .split_first()
            .ok_or_else(|| malformed("it is empty"))?;
        match version {
            1..=COMMANDS => {}
            0 => return Err(malformed("there is no version 0")),
            found => {
                return Err(DecodeError::Newer {
                    what: WHAT,
                    found: found.into(),
                    known: COMMANDS.into(),
                });
            }
        }
        let mut values = Values::new(WHAT, rest);
        let command = values.next::<Formed<Self>>()?.0;
        if values.is_empty() {
            Ok(command)
        } else {
            Err(malformed("something follows it"))
        }
    }
}
