//! Reaching the other servers, and what is known of when they were heard of.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::message::{Envelope, Request, Response};
use super::{LARGEST_MESSAGE, RaftSettings, Server, Transport, TransportError};

/// This server, and its way to the others.
pub(crate) struct Link {
    pub(crate) me: Server,
    pub(crate) number: u64,
    pub(crate) settings: RaftSettings,
    transport: Arc<dyn Transport>,
    heard: Mutex<Heard>,
}

#[derive(Default)]
struct Heard {
    /// When each other server answered last.
    answered: BTreeMap<u64, Instant>,
    /// When a leader was heard of last.
    leader: Option<Instant>,
}

// === impl Link ===

impl Link {
    pub(crate) fn new(settings: RaftSettings, transport: Arc<dyn Transport>) -> Self {
        Self {
            number: settings.me.number(),
            me: settings.me.clone(),
            settings,
            transport,
            heard: Mutex::default(),
        }
    }

    /// Asks another server something.
    pub(crate) async fn call(
        &self,
        to: &Server,
        request: Request,
        timeout: Duration,
    ) -> Result<Response, TransportError> {
        let envelope = Envelope {
            from: self.me.id.clone(),
            to: to.id.clone(),
            request,
        };
        let message = envelope.encode(&self.settings.cluster);
        let answer = self.send(to, message, timeout).await?;
        let answer = Response::decode(answer).map_err(|error| TransportError::Failed {
            reason: error.to_string(),
        })?;
        self.heard().answered.insert(to.number(), Instant::now());
        Ok(answer)
    }

    async fn send(
        &self,
        to: &Server,
        message: Bytes,
        timeout: Duration,
    ) -> Result<Bytes, TransportError> {
        if message.len() > LARGEST_MESSAGE {
            return Err(TransportError::Unreachable {
                reason: format!("a message of {} bytes is too large", message.len()),
            });
        }
        let call = self.transport.call(to, message, timeout);
        // A transport that forgets the time must not hold up the log.
        tokio::time::timeout(timeout, call)
            .await
            .unwrap_or(Err(TransportError::Timeout))
    }

    /// How long ago another server answered last.
    pub(crate) fn last_answer(&self, number: u64) -> Option<Duration> {
        self.heard().answered.get(&number).map(Instant::elapsed)
    }

    /// Remembers that a leader was heard of.
    pub(crate) fn hear_leader(&self) {
        self.heard().leader = Some(Instant::now());
    }

    /// How long ago a leader was heard of.
    pub(crate) fn last_contact(&self) -> Option<Duration> {
        self.heard().leader.as_ref().map(Instant::elapsed)
    }

    /// Only a map is changed under the lock.
    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
