//! Operations on the keys of this member.

use crate::error::KeyringError;
use crate::key::Key;
use crate::keyring::Keyring;
use crate::message::{KeyOperation, failed_reply, keys_reply};

use super::Core;

/// How many streams are remembered.
const REMEMBERED: usize = 4096;

// === impl Core ===

impl Core {
    /// Does something with the keys, and says which there are then.
    pub(crate) fn change_keys(
        &mut self,
        operation: KeyOperation,
    ) -> Result<Vec<Key>, KeyringError> {
        self.gate.change(|ring| apply(ring, &operation))?;
        Ok(self.gate.keyring().keys().to_vec())
    }

    /// Whether that could be done, were the file not in the way.
    pub(crate) fn check_keys(&self, operation: &KeyOperation) -> Result<(), KeyringError> {
        apply(&mut self.gate.keyring().clone(), operation)
    }

    pub(super) fn answer_keys(&mut self, stream: [u8; 16], operation: KeyOperation) -> Vec<u8> {
        // a recorded stream is not played again, least of all one with an old key
        if self.played.contains(&stream) {
            return failed_reply("this request was made before");
        }
        if self.played.len() == REMEMBERED {
            self.played.pop_front();
        }
        self.played.push_back(stream);
        match self.change_keys(operation) {
            Ok(keys) => keys_reply(&keys),
            Err(error) => {
                tracing::warn!(%error, "a request about gossip keys cannot be done");
                failed_reply(&error.to_string())
            }
        }
    }
}

fn apply(ring: &mut Keyring, operation: &KeyOperation) -> Result<(), KeyringError> {
    match operation {
        KeyOperation::List => match ring.primary() {
            Some(_) => Ok(()),
            None => Err(KeyringError::NotEnabled),
        },
        KeyOperation::Install(key) => ring.install(key.clone()),
        KeyOperation::Use(key) => ring.use_key(key),
        KeyOperation::Remove(key) => ring.remove(key),
    }
}
