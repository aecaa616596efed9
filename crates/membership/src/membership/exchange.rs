//! One request and one reply over a stream.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::error::{JoinFailure, Refusal};
use crate::stream::{
    Direction, Frames, StreamError, StreamId, new_id, read_message, write_message, write_refusal,
};
use crate::transport::Stream;

use super::Shared;

impl Frames for Shared {
    fn seal(&self, context: &[u8], plain: &[u8]) -> Vec<u8> {
        self.lock().gate.seal(context, plain)
    }

    fn open(&self, context: &[u8], frame: &[u8]) -> Result<Vec<u8>, Refusal> {
        self.lock().gate.open(context, frame)
    }
}

// === impl Shared ===

impl Shared {
    /// Exchanges everything that is known with the member at an address.
    pub(super) async fn synchronise(
        self: &Arc<Self>,
        to: SocketAddr,
        joining: bool,
    ) -> Result<(), JoinFailure> {
        let request = self.act(|core, now| core.sync_request(now));
        let reply = self.ask(to, &request).await?;
        self.act(|core, now| core.handle_sync_reply(now, joining, &reply))
    }

    /// Asks the member at an address something.
    pub(super) async fn ask(&self, to: SocketAddr, request: &[u8]) -> Result<Vec<u8>, JoinFailure> {
        let asked = tokio::time::timeout(self.timing.sync_timeout, self.ask_in_time(to, request));
        asked.await.unwrap_or(Err(JoinFailure::NoAnswer))
    }

    async fn ask_in_time(&self, to: SocketAddr, request: &[u8]) -> Result<Vec<u8>, JoinFailure> {
        let connected = self.transport.connect(to).await;
        let mut stream = connected.map_err(|error| JoinFailure::Connect(error.to_string()))?;
        let id = new_id();
        // one who refuses may close before everything is written, and its answer says why
        let written: Result<(), std::io::Error> = async {
            stream.write_all(&id).await?;
            write_message(&mut stream, self, (id, Direction::Request), request).await
        }
        .await;
        let read = read_message(
            &mut stream,
            self,
            (id, Direction::Reply),
            self.limits.message,
        )
        .await;
        match (read, written) {
            (Ok(reply), _) => Ok(reply),
            (
                Err(StreamError::Refused {
                    refusal,
                    there: true,
                }),
                _,
            ) => Err(JoinFailure::Refused(refusal)),
            (Err(_), Err(error)) => Err(JoinFailure::Connect(error.to_string())),
            (Err(StreamError::Io(error)), Ok(())) => Err(JoinFailure::Unreadable(format!(
                "it closed the connection ({error}); is it an agent's gossip port?"
            ))),
            (
                Err(StreamError::Refused {
                    refusal,
                    there: false,
                }),
                Ok(()),
            ) => Err(JoinFailure::Unreadable(unopened(&refusal))),
            (Err(error @ StreamError::Long), Ok(())) => {
                Err(JoinFailure::Unreadable(error.to_string()))
            }
        }
    }

    /// Answers the one request of a stream.
    pub(super) async fn serve(
        &self,
        mut stream: Box<dyn Stream>,
        from: SocketAddr,
    ) -> Result<(), StreamError> {
        let mut id = StreamId::default();
        stream.read_exact(&mut id).await?;
        let place = (id, Direction::Request);
        let request = match read_message(&mut stream, self, place, self.limits.message).await {
            Ok(request) => request,
            Err(StreamError::Refused { refusal, there }) => {
                self.act(|core, _| core.complain(from, &refusal));
                if !there {
                    write_refusal(&mut stream, &refusal).await?;
                }
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let reply = self.act(|core, now| core.handle_request(now, from, id, &request));
        if let Some(reply) = reply {
            write_message(&mut stream, self, (id, Direction::Reply), &reply).await?;
            stream.shutdown().await?;
        }
        Ok(())
    }
}

/// Why an answer is not opened here.
fn unopened(refusal: &Refusal) -> String {
    match refusal {
        Refusal::WrongKey => "it is encrypted with a gossip key that is not held here".to_owned(),
        Refusal::KeyNeeded => "it is not encrypted, and must be".to_owned(),
        Refusal::NoKey => "it is encrypted, and there is no gossip key here".to_owned(),
        Refusal::Version
        | Refusal::Datacenter { .. }
        | Refusal::NameTaken { .. }
        | Refusal::IdTaken { .. }
        | Refusal::Network(_)
        | Refusal::Full(_) => "it is no gossip of a version that is spoken here".to_owned(),
    }
}
