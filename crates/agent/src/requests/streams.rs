//! What goes by piece by piece.

use tribune_acl::{Access, Permission};
use tribune_http::{Chunks, Streamed};
use tribune_types::call::{CallError, StreamRequest};

use crate::api::Caller;

pub(crate) async fn answer(
    caller: &Caller<'_>,
    request: StreamRequest,
    body: Chunks,
) -> Result<Streamed, CallError> {
    drop(body);
    match request {
        StreamRequest::Monitor { .. } => {
            caller.require(Permission::Agent(caller.agent.node_name(), Access::Read))?;
            Err(not_yet("following the log"))
        }
        StreamRequest::SaveSnapshot => {
            caller.require(Permission::Snapshot)?;
            caller.agent.cluster.save_snapshot(caller.options).await?;
            Err(not_yet("saving snapshots"))
        }
        StreamRequest::RestoreSnapshot => {
            caller.require(Permission::Snapshot)?;
            Err(not_yet("restoring snapshots"))
        }
    }
}

fn not_yet(what: &str) -> CallError {
    CallError::Refused(format!("{what} is not supported yet"))
}
