//! The log's messages over RPC.

use std::time::Duration;

use bytes::Bytes;
use tribune_replication::{Server, Transport, TransportError, TransportFuture};
use tribune_rpc::{Client, RaftError};

/// Brings the log's messages to other servers over RPC.
#[derive(Clone, Debug)]
pub struct RpcTransport(pub Client);

impl Transport for RpcTransport {
    fn call<'a>(
        &'a self,
        to: &'a Server,
        message: Bytes,
        timeout: Duration,
    ) -> TransportFuture<'a> {
        Box::pin(async move {
            let answer = self.0.raft(&to.address, message, timeout).await;
            answer.map_err(|error| match error {
                RaftError::Unreachable { reason } => TransportError::Unreachable { reason },
                RaftError::Timeout => TransportError::Timeout,
                RaftError::Failed { reason } => TransportError::Failed { reason },
            })
        })
    }
}
