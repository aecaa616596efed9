//! The agent itself, the members that it knows and the proxies connected to it.

use serde_json::{Value, json};
use tribune_acl::{Access, Permission};
use tribune_ads::{ProxyStatus, ResourceState};
use tribune_api::Filtered;
use tribune_filter::rows as schema;
use tribune_types::call::{Answer, CallError};

use crate::api::Caller;
use crate::version::{CONSUL_VERSION, ENVOY_VERSIONS, VERSION};

type Result = std::result::Result<Answer, CallError>;

/// When this level of Consul was built, as clients expect a date.
const BUILD_DATE: &str = "1970-01-01T00:00:01Z";

pub(crate) fn describe(caller: &Caller<'_>) -> Result {
    let (agent, config) = (caller.agent, &caller.agent.config);
    caller.require(Permission::Agent(agent.node_name(), Access::Read))?;
    let port = |port: Option<u16>| port.map_or(-1, i32::from);
    let (plaintext, tls) = (port(config.ports.grpc), port(config.ports.grpc_tls));
    let body = json!({
        "Config": {
            "Datacenter": config.datacenter,
            "PrimaryDatacenter": config.datacenter,
            "NodeName": config.node_name,
            "NodeID": agent.node.id,
            "Revision": "",
            "Server": config.server,
            "Version": CONSUL_VERSION,
            "BuildDate": BUILD_DATE,
            "TribuneVersion": VERSION,
        },
        "DebugConfig": {
            "Datacenter": config.datacenter,
            "NodeName": config.node_name,
            "DevMode": config.dev,
            "ServerMode": config.server,
            "BindAddr": config.bind.to_string(),
            "AdvertiseAddrLAN": config.advertise.to_string(),
            "AdvertiseAddrWAN": config.advertise_wan.to_string(),
            "HTTPPort": port(config.ports.http),
            "HTTPSPort": port(config.ports.https),
            "GRPCPort": plaintext,
            "GRPCTLSPort": tls,
            "DNSPort": port(config.ports.dns),
            "ConnectEnabled": config.connect.enabled,
            "LogLevel": config.log_level.as_str(),
        },
        "Coord": null,
        "Member": member(caller),
        "Stats": {
            "agent": {
                "services": agent.local().services().count().to_string(),
                "checks": agent.local().checks().count().to_string(),
            },
            "build": {"version": CONSUL_VERSION, "tribune_version": VERSION},
            "consul": {"server": config.server.to_string(), "leader": config.server.to_string()},
            "xds": {"streams": agent.proxies.streams().to_string()},
        },
        "Meta": agent.node.meta,
        "xDS": {
            "SupportedProxies": {"envoy": ENVOY_VERSIONS},
            "Port": if tls > 0 { tls } else { plaintext },
            "Ports": {"Plaintext": plaintext, "TLS": tls},
        },
    });
    Ok(Answer::json(&body))
}

pub(crate) fn version() -> Answer {
    Answer::json(&json!({
        "SHA": "",
        "BuildDate": BUILD_DATE,
        "HumanVersion": CONSUL_VERSION,
        "FIPS": "",
        "TribuneVersion": VERSION,
    }))
}

/// The agent as a member of its cluster.
fn member(caller: &Caller<'_>) -> Value {
    let (agent, config) = (caller.agent, &caller.agent.config);
    json!({
        "Name": config.node_name,
        "Addr": config.advertise.to_string(),
        "Port": config.ports.serf_lan,
        "Tags": {
            "acls": "0",
            "bootstrap": "1",
            "build": CONSUL_VERSION,
            "dc": config.datacenter,
            "id": agent.node.id,
            "port": config.ports.server.to_string(),
            "role": "consul",
            "segment": "",
            "tribune": VERSION,
        },
        "Status": 1,
        "ProtocolMin": 1,
        "ProtocolMax": 5,
        "ProtocolCur": 2,
        "DelegateMin": 2,
        "DelegateMax": 5,
        "DelegateCur": 4,
    })
}

pub(crate) fn members(caller: &Caller<'_>, wan: bool, segment: &str) -> Result {
    if !matches!(segment, "" | "_all") {
        let text = "Network segments are not supported in this version of Consul".to_owned();
        return Err(CallError::Refused(text));
    }
    let mut page = Filtered::new(caller.options, &schema::MEMBER)?;
    let mut member = member(caller);
    if wan {
        let config = &caller.agent.config;
        member["Name"] = json!(format!("{}.{}", config.node_name, config.datacenter));
        member["Port"] = json!(config.ports.serf_wan.unwrap_or(0));
    }
    let seen = caller
        .authorizer
        .allows(Permission::Node(caller.agent.node_name(), Access::Read));
    let rows: Vec<_> = [member]
        .into_iter()
        .filter(|row| page.keeps(seen, row))
        .collect();
    Ok(Answer {
        filtered_by_acls: page.hidden,
        ..Answer::json(&rows)
    })
}

pub(crate) fn proxies(caller: &Caller<'_>) -> Result {
    caller.require(Permission::Agent(caller.agent.node_name(), Access::Read))?;
    let rows: Vec<_> = caller.agent.proxies.list().iter().map(proxy).collect();
    Ok(Answer::json(&rows))
}

/// A connected proxy and how far it is with each resource.
fn proxy(status: &ProxyStatus) -> Value {
    let resources = status.resources.iter().map(|resource| {
        let (state, reason) = match &resource.state {
            ResourceState::Synced => ("synced", ""),
            ResourceState::Sent => ("sent", ""),
            ResourceState::Stale => ("stale", ""),
            ResourceState::Rejected { reason } => ("rejected", &**reason),
            ResourceState::Missing => ("missing", ""),
        };
        json!({
            "Type": resource.kind.type_url().rsplit('.').next(),
            "Name": resource.name,
            "Version": resource.version,
            "State": state,
            "Reason": reason,
        })
    });
    let since = time::OffsetDateTime::from(status.connected_since);
    json!({
        "ID": status.instance.id,
        "Node": status.instance.node.name,
        "Kind": status.kind.as_ref().map_or("", tribune_types::ServiceKind::as_str),
        "Service": status.service.as_ref().map_or("", |service| service.name.as_str()),
        "ConnectedSince": since.format(&time::format_description::well_known::Rfc3339).unwrap_or_default(),
        "Address": status.client.map(|client| client.to_string()).unwrap_or_default(),
        "Version": status.envoy_version.as_deref().unwrap_or_default(),
        "State": status.state,
        "Resources": resources.collect::<Vec<_>>(),
        "Problems": status.problems,
    })
}
