//! How the cluster is operated.

use tribune_acl::{Access, Permission};
use tribune_types::call::{Answer, CallError, Consistency, OperatorRequest};
use tribune_types::keyring::{self, Operation};

use crate::api::Caller;

type Result = std::result::Result<Answer, CallError>;

pub(crate) async fn answer(caller: &Caller<'_>, request: OperatorRequest) -> Result {
    caller.require(needed(&request))?;
    let cluster = &caller.agent.cluster;
    if let Some(answer) = cluster.forward(&request, caller.options) {
        return answer.await;
    }
    let stale = caller.options.consistency == Consistency::Stale;
    match request {
        OperatorRequest::RaftConfiguration => {
            Ok(Answer::json(&cluster.raft_configuration(stale).await?))
        }
        OperatorRequest::RemovePeer(peer) => {
            cluster.remove_peer(&peer).await?;
            Ok(Answer::default())
        }
        OperatorRequest::TransferLeader { id } => transfer(caller, id.as_deref()).await,
        OperatorRequest::AutopilotConfiguration => {
            Ok(Answer::json(&cluster.autopilot_configuration(stale).await?))
        }
        OperatorRequest::SetAutopilotConfiguration { configuration, cas } => {
            let set = cluster.set_autopilot_configuration(*configuration, cas);
            Ok(Answer::json(&set.await?))
        }
        OperatorRequest::AutopilotHealth => {
            let health = cluster.autopilot_state().await?.health();
            Ok(Answer {
                unwell: !health.healthy,
                ..Answer::json(&health)
            })
        }
        OperatorRequest::AutopilotState => Ok(Answer::json(&cluster.autopilot_state().await?)),
        OperatorRequest::Keyring(request) => keys(caller, &request).await,
    }
}

/// What a request takes.
const fn needed(request: &OperatorRequest) -> Permission<'static> {
    match request {
        OperatorRequest::RaftConfiguration
        | OperatorRequest::AutopilotConfiguration
        | OperatorRequest::AutopilotHealth
        | OperatorRequest::AutopilotState => Permission::Operator(Access::Read),
        OperatorRequest::RemovePeer(_)
        | OperatorRequest::TransferLeader { .. }
        | OperatorRequest::SetAutopilotConfiguration { .. } => Permission::Operator(Access::Write),
        OperatorRequest::Keyring(request) => Permission::Keyring(match request.operation {
            Operation::List { .. } => Access::Read,
            Operation::Install(_) | Operation::Use(_) | Operation::Remove(_) => Access::Write,
        }),
    }
}

async fn transfer(caller: &Caller<'_>, id: Option<&str>) -> Result {
    match caller.agent.cluster.transfer_leader(id).await {
        Ok(()) => Ok(Answer::json(&serde_json::json!({"Success": true}))),
        Err(error) => Err(CallError::NotFound(format!(
            "Failed to transfer Leader: {error}"
        ))),
    }
}

async fn keys(caller: &Caller<'_>, request: &keyring::Request) -> Result {
    let answers = caller.agent.cluster.keyring(request).await?;
    if matches!(request.operation, Operation::List { .. }) {
        return Ok(Answer::json(&answers));
    }
    let errors: Vec<_> = answers
        .iter()
        .filter(|answer| !answer.error.is_empty())
        .map(|answer| {
            let pool = if answer.wan { "WAN" } else { "LAN" };
            format!("{} ({pool}) error: {}", answer.datacenter, answer.error)
        })
        .collect();
    if errors.is_empty() {
        Ok(Answer::default())
    } else {
        Err(CallError::Refused(errors.join("\n")))
    }
}
