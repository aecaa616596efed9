//! Proxies that are connected, to this agent or to any.

use tribune_acl::{Access, Permission};
use tribune_ads::{ProxyStatus, ResourceState};
use tribune_types::NodeName;
use tribune_types::call::{Answer, CallError};
use tribune_types::proxy_status::{Proxy, Resource, State};

use crate::api::Caller;

pub(crate) async fn list(caller: &Caller<'_>, cluster: bool) -> Result<Answer, CallError> {
    let allowed = |node: &NodeName| {
        caller
            .authorizer
            .allows(Permission::Agent(node, Access::Read))
    };
    if !cluster {
        caller.require(Permission::Agent(caller.agent.node_name(), Access::Read))?;
        let rows: Vec<_> = caller.agent.proxies.list().iter().map(row).collect();
        return Ok(Answer::json(&rows));
    }
    let rows = caller.agent.cluster.proxies(caller.options).await?;
    let all = rows.len();
    let seen: Vec<_> = rows
        .into_iter()
        .filter(|row| allowed(&NodeName::new(row.node.as_str())))
        .collect();
    Ok(Answer {
        filtered_by_acls: seen.len() < all,
        ..Answer::json(&seen)
    })
}

/// A connected proxy and how far it is with each resource.
pub(crate) fn row(status: &ProxyStatus) -> Proxy {
    let resources = status.resources.iter().map(|resource| {
        let (state, reason) = match &resource.state {
            ResourceState::Synced => (State::Synced, ""),
            ResourceState::Sent => (State::Sent, ""),
            ResourceState::Stale => (State::Stale, ""),
            ResourceState::Rejected { reason } => (State::Rejected, &**reason),
            ResourceState::Missing => (State::Missing, ""),
        };
        let r#type = resource.kind.type_url().rsplit('.').next();
        Resource {
            r#type: r#type.unwrap_or_default().to_owned(),
            name: resource.name.to_string(),
            version: resource.version.clone(),
            state,
            reason: reason.to_owned(),
        }
    });
    let since = time::OffsetDateTime::from(status.connected_since);
    Proxy {
        id: status.instance.id.to_string(),
        node: status.instance.node.name.to_string(),
        kind: status
            .kind
            .as_ref()
            .map_or("", tribune_types::ServiceKind::as_str)
            .to_owned(),
        service: status
            .service
            .as_ref()
            .map_or("", |service| service.name.as_str())
            .to_owned(),
        connected_since: since
            .format(&time::format_description::well_known::Rfc3339)
            .unwrap_or_default(),
        address: status
            .client
            .map(|client| client.to_string())
            .unwrap_or_default(),
        version: status.envoy_version.clone().unwrap_or_default(),
        state: status.state.clone(),
        resources: resources.collect(),
        problems: status.problems.clone(),
    }
}
