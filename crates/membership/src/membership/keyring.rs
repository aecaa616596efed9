//! The keys of all members.

use std::net::SocketAddr;

use futures_util::StreamExt;

use crate::core::Core;
use crate::error::KeyError;
use crate::key::Key;
use crate::keyring::KeyringReport;
use crate::member::Status;
use crate::message::{KeyOperation, Reply};

use super::{Membership, Shared};

/// How many members are asked at the same time.
const AT_ONCE: usize = 32;

// === impl Membership ===

impl Membership {
    /// Which keys the members hold. With `local_only`, this one alone.
    pub async fn list_keys(&self, local_only: bool) -> KeyringReport {
        self.on_keys(KeyOperation::List, local_only).await
    }

    /// Has all members hold a key, without using it.
    ///
    /// # Errors
    /// Where the text is no key. What members could not do is in the report.
    pub async fn install_key(&self, key: &str) -> Result<KeyringReport, KeyError> {
        Ok(self
            .on_keys(KeyOperation::Install(Key::parse(key)?), false)
            .await)
    }

    /// Has all members encrypt with a key that they hold.
    ///
    /// # Errors
    /// Where the text is no key. What members could not do is in the report.
    pub async fn use_key(&self, key: &str) -> Result<KeyringReport, KeyError> {
        Ok(self
            .on_keys(KeyOperation::Use(Key::parse(key)?), false)
            .await)
    }

    /// Has all members forget a key that they do not use.
    ///
    /// # Errors
    /// Where the text is no key. What members could not do is in the report.
    pub async fn remove_key(&self, key: &str) -> Result<KeyringReport, KeyError> {
        Ok(self
            .on_keys(KeyOperation::Remove(Key::parse(key)?), false)
            .await)
    }

    async fn on_keys(&self, operation: KeyOperation, local_only: bool) -> KeyringReport {
        let others: Vec<(String, SocketAddr)> = if local_only {
            Vec::new()
        } else {
            let alive = |status| matches!(status, Status::Alive | Status::Leaving);
            let members = self.members().into_iter();
            let others =
                members.filter(|member| member.name != self.shared.name && alive(member.status));
            others.map(|member| (member.name, member.address)).collect()
        };
        let mut report = KeyringReport {
            members: others.len() + 1,
            ..KeyringReport::default()
        };
        let request = operation.request();
        // this member does it last, so that the others can read what it asks of them; and where it could not,
        // nobody does: it might not understand the others any more
        if let Err(error) = self.shared.lock().check_keys(&operation) {
            report.take(&self.shared.name, Err(error.to_string()));
            return report;
        }
        let request = &request;
        let mut replies = futures_util::stream::iter(others)
            .map(|(name, address)| async move {
                let keys = self.shared.keys_of(address, request).await;
                (name, keys)
            })
            .buffer_unordered(AT_ONCE);
        while let Some((name, keys)) = replies.next().await {
            report.take(&name, keys);
        }
        let mine = self
            .shared
            .act(|core: &mut Core, _| core.change_keys(operation));
        let mine = mine.map(|keys| keys.iter().map(|key| key.reveal().to_owned()).collect());
        report.take(&self.shared.name, mine.map_err(|error| error.to_string()));
        report
    }
}

// === impl KeyringReport ===

impl KeyringReport {
    fn take(&mut self, member: &str, keys: Result<Vec<String>, String>) {
        match keys {
            Ok(keys) => {
                if let Some(primary) = keys.first() {
                    *self.primary.entry(primary.clone()).or_default() += 1;
                }
                for key in keys {
                    *self.keys.entry(key).or_default() += 1;
                }
            }
            Err(reason) => {
                self.errors.insert(member.to_owned(), reason);
            }
        }
    }
}

// === impl Shared ===

impl Shared {
    async fn keys_of(&self, address: SocketAddr, request: &[u8]) -> Result<Vec<String>, String> {
        let reply = self
            .ask(address, request)
            .await
            .map_err(|failure| failure.to_string())?;
        match Reply::read(&reply) {
            Ok(Reply::Keys(keys)) => Ok(keys),
            Ok(Reply::Failed(reason)) => Err(reason),
            Ok(Reply::Refused(refusal)) => Err(refusal.to_string()),
            Ok(Reply::Sync(_)) => Err("it answers something else".to_owned()),
            Err(error) => Err(format!("its answer cannot be read: {error}")),
        }
    }
}
