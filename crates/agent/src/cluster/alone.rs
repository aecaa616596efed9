//! A server that keeps its state in memory: a cluster of one.

use std::io;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use tribune_ads::Registry;
use tribune_config::Config;
use tribune_replication::Handle;
use tribune_types::call::Options;
use tribune_types::member::{Member, MemberStatus};
use tribune_types::proxy_status::Proxy;
use tribune_types::{Index, Meta, Node, autopilot, keyring, raft};

use super::{Cluster, ClusterError, ClusterFuture, ForceLeave, State, Stats};
use crate::requests::proxies;
use crate::version::{CONSUL_VERSION, VERSION};

/// The only server and the only member.
pub(crate) struct Alone {
    member: Member,
    wan: Member,
    id: String,
    /// Where other servers would reach it.
    address: String,
    /// Where other members would reach it.
    gossip: Vec<SocketAddr>,
    since: String,
    log: Handle,
    proxies: Registry,
    autopilot: Mutex<autopilot::Configuration>,
}

// === impl Alone ===

impl Alone {
    pub(crate) fn new(config: &Config, node: &Node, log: Handle, proxies: Registry) -> Self {
        let member = member(config, node);
        let wan_port = config.ports.serf_wan.unwrap_or(0);
        let wan = Member {
            name: format!("{}.{}", config.node_name, config.datacenter),
            addr: config.advertise_wan.to_string(),
            port: wan_port,
            ..member.clone()
        };
        let since = time::OffsetDateTime::from(SystemTime::now());
        let index = (*log.applied().borrow()).max(1);
        Self {
            id: node.id.clone(),
            address: SocketAddr::new(config.advertise, config.ports.server).to_string(),
            gossip: vec![
                SocketAddr::new(config.advertise, member.port),
                SocketAddr::new(config.advertise_wan, wan_port),
            ],
            since: since
                .format(&time::format_description::well_known::Rfc3339)
                .unwrap_or_default(),
            autopilot: Mutex::new(autopilot::Configuration {
                create_index: index,
                modify_index: index,
                ..autopilot::Configuration::default()
            }),
            member,
            wan,
            log,
            proxies,
        }
    }

    fn index(&self) -> Index {
        *self.log.applied().borrow()
    }

    fn term(&self) -> u64 {
        self.log.leadership().borrow().term
    }

    /// Only whole configurations are put under the lock.
    fn autopilot(&self) -> MutexGuard<'_, autopilot::Configuration> {
        self.autopilot
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Meeting oneself is no error; there is nobody else to meet.
    fn join_one(&self, address: &str) -> Result<(), ClusterError> {
        if address
            .parse()
            .is_ok_and(|address| self.gossip.contains(&address))
        {
            return Ok(());
        }
        let what = "joining others";
        Err(ClusterError::Join {
            address: address.to_owned(),
            reason: ClusterError::Alone { what }.to_string(),
        })
    }

    fn server(&self) -> autopilot::Server {
        autopilot::Server {
            id: self.id.clone(),
            name: self.member.name.clone(),
            address: self.address.clone(),
            node_status: self.member.status.as_str().to_owned(),
            version: CONSUL_VERSION.to_owned(),
            last_term: self.term(),
            last_index: self.index(),
            healthy: true,
            stable_since: self.since.clone(),
            status: "leader".to_owned(),
            node_type: "voter".to_owned(),
            ..autopilot::Server::default()
        }
    }
}

/// The agent as a member of its cluster.
fn member(config: &Config, node: &Node) -> Member {
    let tags = [
        ("acls", "0".to_owned()),
        ("bootstrap", "1".to_owned()),
        ("build", CONSUL_VERSION.to_owned()),
        ("dc", config.datacenter.clone()),
        ("id", node.id.clone()),
        ("port", config.ports.server.to_string()),
        ("raft_vsn", "3".to_owned()),
        ("role", "consul".to_owned()),
        ("segment", String::new()),
        ("tribune", VERSION.to_owned()),
        ("vsn", "2".to_owned()),
    ];
    let tags: Meta = tags
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect();
    Member {
        name: config.node_name.clone(),
        addr: config.advertise.to_string(),
        port: config.ports.serf_lan,
        tags,
        status: MemberStatus::Alive,
        protocol_min: 1,
        protocol_max: 5,
        protocol_cur: 2,
        delegate_min: 2,
        delegate_max: 5,
        delegate_cur: 4,
    }
}

/// What is known at once.
fn ready<'a, T: Send + 'a>(value: Result<T, ClusterError>) -> ClusterFuture<'a, T> {
    Box::pin(std::future::ready(value))
}

fn alone<'a, T: Send + 'a>(what: &'static str) -> ClusterFuture<'a, T> {
    ready(Err(ClusterError::Alone { what }))
}

impl Cluster for Alone {
    fn members(&self, wan: bool) -> ClusterFuture<'_, Vec<Member>> {
        let member = if wan { &self.wan } else { &self.member };
        ready(Ok(vec![member.clone()]))
    }

    fn join(&self, addresses: Vec<String>, _wan: bool) -> ClusterFuture<'_, usize> {
        let (mut met, mut failed) = (0, None);
        for address in &addresses {
            match self.join_one(address) {
                Ok(()) => met += 1,
                Err(error) => failed = Some(error),
            }
        }
        ready(match failed {
            Some(error) if met == 0 => Err(error),
            Some(_) | None => Ok(met),
        })
    }

    fn leave(&self) -> ClusterFuture<'_, ()> {
        // nobody has to be told
        ready(Ok(()))
    }

    fn force_leave(&self, request: ForceLeave) -> ClusterFuture<'_, ()> {
        let member = if request.wan { &self.wan } else { &self.member };
        ready(if member.name == request.node {
            // the reference does nothing where a member is alive, without a word
            Ok(())
        } else {
            Err(ClusterError::NoMember(request.node))
        })
    }

    fn keyring<'a>(
        &'a self,
        _request: &'a keyring::Request,
    ) -> ClusterFuture<'a, Vec<keyring::Answer>> {
        ready(Err(ClusterError::NotEncrypted))
    }

    fn raft_configuration(&self, _stale: bool) -> ClusterFuture<'_, raft::Configuration> {
        let peer = raft::Peer {
            id: self.id.clone(),
            node: self.member.name.clone(),
            address: self.address.clone(),
            leader: true,
            protocol_version: "3".to_owned(),
            voter: true,
            last_index: self.index(),
        };
        ready(Ok(raft::Configuration {
            servers: vec![peer],
            index: 1,
        }))
    }

    fn remove_peer<'a>(&'a self, peer: &'a raft::Selector) -> ClusterFuture<'a, ()> {
        let this = match peer {
            raft::Selector::Id(id) => *id == self.id,
            raft::Selector::Address(address) => *address == self.address,
        };
        ready(Err(if this {
            ClusterError::Failed(format!(
                "{peer} is the only server: nobody would be left to keep the state"
            ))
        } else {
            ClusterError::NoPeer(peer.clone())
        }))
    }

    fn transfer_leader<'a>(&'a self, _id: Option<&'a str>) -> ClusterFuture<'a, ()> {
        ready(Err(ClusterError::Failed("cannot find peer".to_owned())))
    }

    fn autopilot_configuration(&self, _stale: bool) -> ClusterFuture<'_, autopilot::Configuration> {
        ready(Ok(self.autopilot().clone()))
    }

    fn set_autopilot_configuration(
        &self,
        configuration: autopilot::Configuration,
        cas: Option<Index>,
    ) -> ClusterFuture<'_, bool> {
        let mut current = self.autopilot();
        if cas.is_some_and(|index| index != current.modify_index) {
            return ready(Ok(false));
        }
        *current = autopilot::Configuration {
            create_index: current.create_index,
            modify_index: self.index().max(current.modify_index + 1),
            ..configuration
        };
        drop(current);
        ready(Ok(true))
    }

    fn autopilot_state(&self) -> ClusterFuture<'_, autopilot::State> {
        ready(Ok(autopilot::State {
            healthy: true,
            servers: [(self.id.clone(), self.server())].into(),
            leader: self.id.clone(),
            voters: vec![self.id.clone()],
            ..autopilot::State::default()
        }))
    }

    fn save_snapshot<'a>(&'a self, _options: &'a Options) -> ClusterFuture<'a, State> {
        let (snapshot, term) = (self.log.snapshot(), self.term());
        Box::pin(async move {
            let spooled = tokio::task::spawn_blocking(move || State::spooled(&snapshot, term));
            let spooled = spooled.await.map_err(io::Error::other).flatten();
            spooled.map_err(|error| ClusterError::Failed(format!("no snapshot: {error}")))
        })
    }

    fn restore_snapshot<'a>(
        &'a self,
        _state: State,
        _options: &'a Options,
    ) -> ClusterFuture<'a, ()> {
        alone("restoring a snapshot")
    }

    fn stats(&self) -> Stats {
        let (index, term) = (self.index().to_string(), self.term().to_string());
        let raft = [
            ("applied_index", index.clone()),
            ("commit_index", index.clone()),
            ("fsm_pending", "0".to_owned()),
            ("last_log_index", index),
            ("last_log_term", term.clone()),
            ("num_peers", "0".to_owned()),
            ("state", "Leader".to_owned()),
            ("term", term),
        ];
        let serf = [
            ("encrypted", "false"),
            ("failed", "0"),
            ("left", "0"),
            ("members", "1"),
        ]
        .map(|(name, value)| (name, value.to_owned()));
        let mut stats: Stats = [
            ("raft", raft.into()),
            ("serf_lan", serf.clone().into()),
            ("serf_wan", serf.into()),
        ]
        .into();
        stats.insert(
            "consul",
            [
                ("bootstrap", "true".to_owned()),
                ("known_datacenters", "1".to_owned()),
                ("leader", "true".to_owned()),
                ("leader_addr", self.address.clone()),
                ("server", "true".to_owned()),
            ]
            .into(),
        );
        stats
    }

    fn proxies<'a>(&'a self, _options: &'a Options) -> ClusterFuture<'a, Vec<Proxy>> {
        ready(Ok(self.proxies.list().iter().map(proxies::row).collect()))
    }
}
