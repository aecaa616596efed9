//! The only code that changes tables.

use tribune_types::{Index, PeerName};

use crate::command::{ApplyError, Operation, Outcome, Removed};
use crate::tables::{PeerIndexes, Tables};
use crate::watch::{Changes, Key};

mod autopilot;
mod ca;
mod check;
mod config;
mod node;
mod restore;
mod service;
mod virtual_ip;

pub(crate) use config::sources;
pub(crate) use node::node_id;

/// Tables being changed by one command, and what it has touched.
pub(crate) struct Writer<'a> {
    tables: &'a mut Tables,
    index: Index,
    touched: Vec<Key>,
    /// Whether there are other tables now.
    restored: bool,
}

impl<'a> Writer<'a> {
    pub(crate) const fn new(tables: &'a mut Tables, index: Index) -> Self {
        Self {
            tables,
            index,
            touched: Vec::new(),
            restored: false,
        }
    }

    /// What was touched.
    pub(crate) fn into_changes(self) -> Changes {
        if self.restored {
            return Changes::everything(self.index);
        }
        Changes::new(self.index, self.touched)
    }

    /// Does one operation. Where it fails the tables are left half-changed, for the caller to put back.
    pub(crate) fn operation(&mut self, operation: Operation) -> Result<Outcome, ApplyError> {
        match operation {
            Operation::Register(registration) => {
                self.register(*registration).map(|()| Outcome::Done)
            }
            Operation::Deregister(deregistration) => {
                let node = &deregistration.node;
                match deregistration.removed {
                    Removed::Node => self.delete_node(node),
                    Removed::Service(id) => self.delete_service(node, &id),
                    Removed::Check(id) => self.delete_check(node, &id),
                }
                Ok(Outcome::Done)
            }
            Operation::PutConfigEntry {
                entry,
                cas,
                checked_at,
            } => self.put_config_entry(entry, cas, checked_at),
            Operation::DeleteConfigEntry {
                key,
                cas,
                checked_at,
            } => self.delete_config_entry(&key, cas, checked_at),
            Operation::SetCaConfiguration { configuration, cas } => {
                Ok(self.set_ca_configuration(*configuration, cas))
            }
            Operation::SetCaRoots {
                roots,
                configuration,
                cas,
            } => self.set_ca_roots(roots, configuration, cas),
            Operation::Batch(operations) => self.batch(operations),
            Operation::SetAutopilotConfiguration { configuration, cas } => {
                Ok(self.set_autopilot_configuration(*configuration, cas))
            }
            Operation::Restore(part) => self.restore(part),
        }
    }

    fn batch(&mut self, operations: Vec<Operation>) -> Result<Outcome, ApplyError> {
        for (at, operation) in operations.into_iter().enumerate() {
            let outcome = match operation {
                Operation::Batch(_) => Err(ApplyError::NestedBatch),
                operation => self.operation(operation),
            };
            let failed = match outcome {
                Ok(Outcome::Done | Outcome::Cas(true)) => continue,
                Ok(Outcome::Cas(false)) => ApplyError::CasFailed,
                Ok(Outcome::Refused(error)) | Err(error) => error,
            };
            return Err(ApplyError::InBatch {
                at,
                error: Box::new(failed),
            });
        }
        Ok(Outcome::Done)
    }

    fn touch(&mut self, key: Key) {
        self.touched.push(key);
    }

    /// Moves indexes of a peer to the one of this command.
    fn bump(&mut self, peer: &PeerName, change: impl FnOnce(&mut PeerIndexes, Index)) {
        let mut indexes = self.tables.peer(peer);
        change(&mut indexes, self.index);
        self.tables.peers.insert(peer.clone(), indexes);
    }
}

/// Whether a conditional write may happen: 0 wants nothing there, anything else what was modified then.
const fn cas_holds(cas: Option<Index>, stored: Option<Index>) -> bool {
    match (cas, stored) {
        (None, _) | (Some(0), None) => true,
        (Some(wanted), Some(stored)) => wanted == stored && wanted != 0,
        (Some(_), None) => false,
    }
}
