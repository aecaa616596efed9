//! How the agent is a member: who it is, how it joins, and what the others are told.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use tribune_config::{Bootstrap, Config};
use tribune_membership::{
    Encryption, Key, Keyring, KeyringFile, Limits, Membership, RetryJoin, Settings, Status, Tags,
    Timing,
};
use tribune_rpc::Server;
use tribune_runtime::Tasks;
use tribune_types::Node;
use tribune_types::member::{Member, MemberStatus};

use crate::version::{CONSUL_VERSION, VERSION};

/// What servers say that they are.
const SERVER: &str = "consul";
/// What client agents say that they are.
const CLIENT: &str = "node";

/// Starts being a member. Nobody is joined yet. Tells, too, whether gossip is encrypted.
///
/// # Errors
/// Where the address cannot be listened on, or the keys are of no use.
pub(crate) async fn start(
    config: &Config,
    node: &Node,
    data_dir: Option<&Path>,
    tasks: &Tasks,
) -> Result<(Membership, bool)> {
    let gossip = &config.gossip;
    let id = uuid::Uuid::try_parse(&node.id).context("the node's ID is no UUID")?;
    let bind = gossip.bind;
    let keyring = keyring(config, data_dir)?;
    let encrypted = !keyring.keyring().keys().is_empty();
    let settings = Settings {
        name: config.node_name.clone(),
        id,
        datacenter: config.datacenter.clone(),
        bind,
        advertise: Some(gossip.advertise),
        tags: tags(config, node),
        encryption: Encryption {
            keyring,
            verify_incoming: gossip.verify_incoming,
            verify_outgoing: gossip.verify_outgoing,
        },
        timing: timing(config),
        limits: Limits::default(),
        allowed_networks: gossip.allowed_networks.clone(),
        seed: uuid::Uuid::new_v4().as_u64_pair().0,
    };
    let membership = Membership::start(settings, tasks)
        .await
        .with_context(|| format!("cannot be a member of a cluster at {bind} (ports.serf_lan)"))?;
    Ok((membership, encrypted))
}

/// The keys of before where there are any, else the configured one.
fn keyring(config: &Config, data_dir: Option<&Path>) -> Result<KeyringFile> {
    let gossip = &config.gossip;
    let key = gossip.key.as_ref().map(|key| Key::parse(key.reveal()));
    let key = key.transpose().context("encrypt")?;
    let folder = data_dir.filter(|_| !gossip.disable_keyring_file);
    let Some(folder) = folder.map(|folder| folder.join("serf")) else {
        return Ok(KeyringFile::in_memory(Keyring::of(key)));
    };
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {folder:?}"))?;
    Ok(KeyringFile::open(&folder.join("local.keyring"), key)?)
}

fn timing(config: &Config) -> Timing {
    let gossip = &config.gossip;
    let base = if config.dev {
        Timing::local()
    } else {
        Timing::lan()
    };
    Timing {
        probe_interval: gossip.probe_interval,
        probe_timeout: gossip.probe_timeout,
        gossip_interval: gossip.interval,
        gossip_nodes: usize::try_from(gossip.nodes).unwrap_or(usize::MAX),
        suspicion_mult: gossip.suspicion_mult,
        retransmit_mult: gossip.retransmit_mult,
        reconnect_timeout: config.join.reconnect_timeout,
        ..base
    }
}

/// What the others are told.
fn tags(config: &Config, node: &Node) -> Tags {
    let mut tags: Tags = [
        ("acls", "0"),
        ("build", CONSUL_VERSION),
        ("dc", config.datacenter.as_str()),
        ("id", node.id.as_str()),
        ("segment", ""),
        ("tribune", VERSION),
        ("vsn", "2"),
        ("role", if config.server { SERVER } else { CLIENT }),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into();
    if config.server {
        tags.insert("port".to_owned(), config.ports.server.to_string());
        tags.insert("raft_vsn".to_owned(), "3".to_owned());
        let grpc = [
            ("grpc_port", config.ports.grpc),
            ("grpc_tls_port", config.ports.grpc_tls),
        ];
        for (key, port) in grpc {
            tags.extend(port.map(|port| (key.to_owned(), port.to_string())));
        }
        match config.bootstrap {
            Bootstrap::Alone => tags.insert("bootstrap".to_owned(), "1".to_owned()),
            Bootstrap::Expect(servers) => tags.insert("expect".to_owned(), servers.to_string()),
            Bootstrap::Join => None,
        };
    }
    tags
}

/// The servers among the members that can be asked, as an agent asks them.
pub(crate) fn servers(members: &[tribune_membership::Member], datacenter: &str) -> Vec<Server> {
    let tag = |member: &tribune_membership::Member, key: &str| {
        member.tags.get(key).cloned().unwrap_or_default()
    };
    members
        .iter()
        .filter(|member| member.status == Status::Alive)
        .filter(|member| tag(member, "role") == SERVER && tag(member, "dc") == datacenter)
        .filter_map(|member| {
            let port: u16 = tag(member, "port").parse().ok()?;
            Some(Server {
                name: member.name.clone(),
                datacenter: datacenter.to_owned(),
                address: std::net::SocketAddr::new(member.address.ip(), port).to_string(),
                id: member.id.to_string(),
            })
        })
        .collect()
}

/// A member as the API lists it.
pub(crate) fn row(member: tribune_membership::Member) -> Member {
    let versions = member.versions;
    Member {
        name: member.name,
        addr: member.address.ip().to_string(),
        port: member.address.port(),
        tags: member.tags,
        status: match member.status {
            Status::Alive => MemberStatus::Alive,
            Status::Leaving => MemberStatus::Leaving,
            Status::Left => MemberStatus::Left,
            Status::Failed => MemberStatus::Failed,
        },
        protocol_min: versions.protocol_min,
        protocol_max: versions.protocol_max,
        protocol_cur: versions.protocol_cur,
        delegate_min: versions.delegate_min,
        delegate_max: versions.delegate_max,
        delegate_cur: versions.delegate_cur,
    }
}

/// How often and whom the agent tries to join; nobody where no address is configured.
pub(crate) fn retry_join(config: &Config) -> Option<RetryJoin> {
    let join = &config.join;
    (!join.addresses.is_empty()).then(|| RetryJoin {
        addresses: join.addresses.clone(),
        interval: join.interval,
        max: usize::try_from(join.max_attempts).unwrap_or(usize::MAX),
    })
}

/// How long a server still answers after the others know that it leaves.
pub(crate) fn drain(config: &Config) -> Duration {
    if config.server {
        config.patience.leave_drain
    } else {
        Duration::ZERO
    }
}
