//! The agent itself.

use serde_json::json;
use tribune_acl::{Access, Permission};
use tribune_types::call::{Answer, CallError};

use crate::api::Caller;
use crate::cluster::Stats;
use crate::version::{CONSUL_VERSION, ENVOY_VERSIONS, VERSION};

type Result = std::result::Result<Answer, CallError>;

/// When this level of Consul was built, as clients expect a date.
const BUILD_DATE: &str = "1970-01-01T00:00:01Z";

pub(crate) async fn describe(caller: &Caller<'_>) -> Result {
    let (agent, config) = (caller.agent, &caller.agent.config);
    caller.require(Permission::Agent(agent.node_name(), Access::Read))?;
    let port = |port: Option<u16>| port.map_or(-1, i32::from);
    let members = agent.cluster.members(false).await?;
    let member = members
        .iter()
        .find(|member| member.name == config.node_name);
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
        "Member": member,
        "Stats": stats(caller),
        "Meta": agent.node.meta,
        "xDS": {
            "SupportedProxies": {"envoy": ENVOY_VERSIONS},
            "Port": if tls > 0 { tls } else { plaintext },
            "Ports": {"Plaintext": plaintext, "TLS": tls},
        },
    });
    Ok(Answer::json(&body))
}

/// What there is to know about the agent and its cluster, section by section.
fn stats(caller: &Caller<'_>) -> Stats {
    let agent = caller.agent;
    let (services, checks) = {
        let local = agent.local();
        (local.services().count(), local.checks().count())
    };
    let mut stats = agent.cluster.stats();
    let own = [
        ("agent", "services", services.to_string()),
        ("agent", "checks", checks.to_string()),
        ("build", "version", CONSUL_VERSION.to_owned()),
        ("build", "tribune_version", VERSION.to_owned()),
        ("runtime", "arch", std::env::consts::ARCH.to_owned()),
        ("runtime", "os", std::env::consts::OS.to_owned()),
        ("xds", "streams", agent.proxies.streams().to_string()),
    ];
    for (section, name, value) in own {
        stats.entry(section).or_default().insert(name, value);
    }
    stats
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
