//! The members of the cluster: who they are, joining and leaving them.

use tribune_acl::{Access, Permission};
use tribune_api::Filtered;
use tribune_filter::rows as schema;
use tribune_types::NodeName;
use tribune_types::call::{Answer, CallError};
use tribune_types::member::Member;

use crate::api::Caller;
use crate::cluster::ForceLeave;

type Result = std::result::Result<Answer, CallError>;

pub(crate) async fn list(caller: &Caller<'_>, wan: bool, segment: &str) -> Result {
    if !matches!(segment, "" | "_all") {
        let text = "Network segments are not supported in this version of Consul".to_owned();
        return Err(CallError::Refused(text));
    }
    let mut page = Filtered::new(caller.options, &schema::MEMBER)?;
    let members = caller.agent.cluster.members(wan).await?;
    let seen = |member: &Member| {
        let node = NodeName::new(member.name.as_str());
        caller
            .authorizer
            .allows(Permission::Node(&node, Access::Read))
    };
    let rows = page.rows(members.into_iter().map(|member| (seen(&member), member)));
    Ok(Answer {
        filtered_by_acls: page.hidden,
        ..Answer::json(&rows)
    })
}

pub(crate) async fn join(caller: &Caller<'_>, address: String, wan: bool) -> Result {
    require_own(caller)?;
    caller.agent.cluster.join(vec![address], wan).await?;
    Ok(Answer::default())
}

pub(crate) async fn leave(caller: &Caller<'_>) -> Result {
    require_own(caller)?;
    caller.agent.cluster.leave().await?;
    tracing::info!("leaving, as it was asked for over HTTP");
    caller.agent.shutdown.begin();
    Ok(Answer::default())
}

pub(crate) async fn force_leave(caller: &Caller<'_>, request: ForceLeave) -> Result {
    caller.require(Permission::Operator(Access::Write))?;
    caller.agent.cluster.force_leave(request).await?;
    Ok(Answer::default())
}

pub(crate) async fn reload(caller: &Caller<'_>) -> Result {
    require_own(caller)?;
    let reloaded = caller.agent.reload().await;
    reloaded.map_err(|error| CallError::Refused(format!("{error:#}")))?;
    Ok(Answer::default())
}

/// Goes on only where the caller may change this agent.
fn require_own(caller: &Caller<'_>) -> std::result::Result<(), CallError> {
    caller.require(Permission::Agent(caller.agent.node_name(), Access::Write))
}
