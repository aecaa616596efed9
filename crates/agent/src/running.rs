//! An agent that runs, from its start to its end.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use anyhow::{Result, bail};
use tokio::net::TcpListener;
use tribune_acl::{Authorizer, Resolver};
use tribune_config::{Bootstrap, Config};
use tribune_membership::Membership;
use tribune_replication::{Handle, Leader, Raft};
use tribune_runtime::{Limits, Listener, Shutdown, Tasks};
use tribune_server::leader::{Duties, Local};

use crate::agent::Agent;
use crate::api::AgentApi;
use crate::cluster::gossip;
use crate::listeners::{bind_all, http_settings};
use crate::process::{DataDir, Ending, PidFile};
use crate::reload::Reloader;
use crate::rpc::ServerBackend;
use crate::start::{Context, Network, ServerPart, Started, start};
use crate::version::{CONSUL_VERSION, VERSION};
use crate::{anti_entropy, probes, saved};

/// How long what runs has to end once it was told to.
const GRACE: Duration = Duration::from_secs(5);
/// How long the others may take to hear that the agent leaves.
const LEAVE: Duration = Duration::from_secs(15);

/// A running agent and its tasks.
pub(crate) struct Running {
    pub(crate) agent: Arc<Agent>,
    tasks: Arc<Tasks>,
    /// Of a server whose log is on disk.
    raft: Option<Raft>,
    /// Why it ended by itself, if it did.
    failure: Arc<OnceLock<String>>,
    _pid_file: Option<PidFile>,
}

impl Running {
    /// Starts an agent, wholly or not at all.
    ///
    /// # Errors
    /// Where an address cannot be listened on, a folder not be used, or the server does not start.
    pub(crate) async fn start(
        config: Config,
        reloader: Reloader,
        shutdown: Shutdown,
    ) -> Result<Self> {
        if config.server && config.data_dir.is_none() && config.bootstrap != Bootstrap::Alone {
            bail!("a server among several needs a folder to keep its log in (data_dir)");
        }
        let http = bind_all(&config.http_listeners, "HTTP").await?;
        let grpc = bind_all(&config.grpc_listeners, "gRPC").await?;
        let settings = http_settings(&config)?;
        let limits = Limits {
            connections_per_client: config.limits.http_max_conns_per_client,
            ..Limits::default()
        };
        let data_dir = config.data_dir.as_deref().map(DataDir::open).transpose()?;
        let pid_file = config.pid_file.as_deref().map(PidFile::write).transpose()?;
        let resolver = resolver();
        let context = Context {
            resolver: resolver.clone(),
            data_dir,
            reloader,
            shutdown: shutdown.clone(),
        };
        let tasks = Arc::new(Tasks::new(shutdown));
        let started = start(config, context, Some(&*tasks)).await?;
        let running = Self {
            agent: started.agent.clone(),
            tasks,
            raft: started
                .server
                .as_ref()
                .and_then(|server| Some(server.several.as_ref()?.raft.clone())),
            failure: Arc::default(),
            _pid_file: pid_file,
        };
        running.spawn(grpc, started.discovery.clone());
        running.meet(started, resolver.clone());
        let api = Arc::new(AgentApi {
            agent: running.agent.clone(),
            resolver,
        });
        let server = tribune_http::Server::new(api, settings);
        for listener in http {
            let served = server
                .clone()
                .serve(Listener::new(listener, limits), running.tasks.clone());
            running.tasks.spawn("HTTP", served);
        }
        announce(&running.agent.config);
        Ok(running)
    }

    fn spawn(&self, grpc: Vec<TcpListener>, discovery: tribune_ads::Service) {
        let (agent, tasks) = (&self.agent, &self.tasks);
        let shutdown = tasks.shutdown();
        let entropy = anti_entropy::run(agent.clone(), shutdown.clone());
        tasks.spawn("anti-entropy", entropy);
        tasks.spawn("saved", saved::run(agent.clone(), shutdown.clone()));
        tasks.spawn("checks", probes::run(agent.clone(), shutdown.clone()));
        for listener in grpc {
            let shutdown = shutdown.clone();
            let end = async move { shutdown.begun().await };
            let served = tribune_ads::serve(listener, discovery.clone(), end);
            tasks.spawn("discovery", served);
        }
    }

    /// Answers other agents where it is a server, and joins them.
    fn meet(&self, started: Started, resolver: Arc<dyn Resolver>) {
        let Some(mut network) = started.network else {
            return;
        };
        let (tasks, config) = (&self.tasks, &self.agent.config);
        let peers = network.peers.clone();
        if let (Some(server), Some(listener)) = (started.server, network.take_listener()) {
            self.serve(server, &network, listener, resolver);
        }
        if let Some(peers) = peers {
            let (membership, shutdown) = (network.membership.clone(), tasks.shutdown().clone());
            let rejoin = !config.server;
            tasks.spawn("members", async move {
                if rejoin {
                    peers.rejoin(&membership).await;
                }
                peers.follow(&membership, &shutdown).await;
            });
        }
        if !config.server {
            let (agent, membership) = (self.agent.clone(), network.membership.clone());
            tasks.spawn(
                "servers known",
                watch_servers(agent, membership, tasks.shutdown().clone()),
            );
        }
        if let Some(retry) = gossip::retry_join(config) {
            let (failure, shutdown) = (self.failure.clone(), tasks.shutdown().clone());
            let membership = network.membership;
            let agent = self.agent.clone();
            tasks.spawn("join", async move {
                match shutdown.unless(membership.retry_join(&retry)).await {
                    Some(Err(error)) => {
                        let _first = failure.set(format!("cannot join the cluster: {error}"));
                        shutdown.begin();
                    }
                    // what the catalog lacks can be told to servers now
                    Some(Ok(_)) => agent.unsynced.notify_one(),
                    None => {}
                }
            });
        }
    }

    /// Answers other agents, and does what servers do among each other.
    fn serve(
        &self,
        part: ServerPart,
        network: &Network,
        listener: Listener,
        resolver: Arc<dyn Resolver>,
    ) {
        let (tasks, config) = (&self.tasks, &self.agent.config);
        let shutdown = tasks.shutdown();
        let ServerPart {
            server,
            log,
            several,
            leads,
        } = part;
        let backend = Arc::new(ServerBackend {
            agent: self.agent.clone(),
            resolver,
            signer: server.signer(),
            log: log.clone(),
            raft: several.as_ref().map(|among| among.raft.clone()),
            reports: Mutex::default(),
        });
        let limits = tribune_rpc::Limits {
            handshake: config.limits.rpc_handshake_timeout,
            ..tribune_rpc::Limits::default()
        };
        let tls = network.tls.clone();
        let served = tribune_rpc::serve(vec![listener], backend, tls, limits, shutdown.clone());
        tasks.spawn("rpc", served);
        let duties = Duties {
            replication: log.clone(),
            membership: network.membership.clone(),
            local: Local {
                node: config.node_name.clone(),
                datacenter: config.datacenter.clone(),
            },
        };
        let (peers, end) = (network.peers.clone(), shutdown.clone());
        tasks.spawn("leader", async move {
            // whoever is there already is known before anybody is taken for gone
            if let Some(peers) = peers {
                peers.rejoin(&duties.membership).await;
            }
            match several {
                Some(among) => among.cluster.run(end).await,
                None => duties.run(end).await,
            }
        });
        let end = shutdown.clone();
        tasks.spawn("authority", async move {
            end.unless(server.keep_authority()).await;
        });
        let (agent, end) = (self.agent.clone(), shutdown.clone());
        tasks.spawn("leadership", async move {
            end.unless(follow_leadership(agent, log, leads)).await;
        });
    }

    /// Why it ended by itself, if it did.
    pub(crate) fn failure(&self) -> Option<&str> {
        self.failure.get().map(String::as_str)
    }

    /// Ends it.
    pub(crate) async fn end(&self, ending: Ending) {
        if ending == Ending::Leave {
            match tokio::time::timeout(LEAVE, self.agent.cluster.leave()).await {
                Ok(Ok(())) => tracing::info!("the others know that this agent has left"),
                Ok(Err(error)) => tracing::warn!(%error, "the others do not know that it leaves"),
                Err(_) => tracing::warn!("the others did not hear in time that it leaves"),
            }
        }
        tracing::info!("shutting down");
        self.agent.shutdown.begin();
        if let Some(raft) = &self.raft {
            raft.shutdown().await;
        }
        if let Err(running) = self.tasks.end(GRACE).await {
            tracing::warn!(?running, "stopped what did not end in time");
        }
    }
}

/// Tells the catalog what it lacks of the agent whenever there is another leader, and has this server write the config
/// entries of its configuration where it is the one.
async fn follow_leadership(agent: Arc<Agent>, log: Handle, leads: bool) {
    let mut leadership = log.leadership();
    // where it leads from the start, all that was done then
    let mut done = leads.then(|| leadership.borrow().clone());
    loop {
        let now = leadership.borrow_and_update().clone();
        if now.leader != Leader::None && done.as_ref() != Some(&now) {
            agent.unsynced.notify_one();
            if now.is_here() {
                agent.write_missing(&agent.config).await;
            }
            done = Some(now);
        }
        if leadership.changed().await.is_err() {
            return;
        }
    }
}

/// Has the agent compare with the catalog when there are other servers, until shutdown.
async fn watch_servers(agent: Arc<Agent>, membership: Membership, shutdown: Shutdown) {
    let mut changes = membership.changes();
    let mut known = Vec::new();
    loop {
        changes.mark_unchanged();
        let servers = gossip::servers(&membership.members(), &agent.config.datacenter);
        if known != servers {
            known = servers;
            agent.servers_changed.notify_one();
        }
        match shutdown.unless(changes.changed()).await {
            Some(Ok(())) => {}
            Some(Err(_)) | None => return,
        }
    }
}

/// There are no tokens yet: everybody may do what ACLs being off lets everybody do.
pub(crate) fn resolver() -> Arc<dyn Resolver> {
    Arc::new(Authorizer::allow_all())
}

fn announce(config: &Config) {
    let listeners = |listeners: &[SocketAddr]| {
        listeners
            .iter()
            .map(SocketAddr::to_string)
            .collect::<Vec<_>>()
            .join(", ")
    };
    tracing::info!(
        version = VERSION,
        consul = CONSUL_VERSION,
        node = config.node_name,
        datacenter = config.datacenter,
        http = listeners(&config.http_listeners),
        grpc = listeners(&config.grpc_listeners),
        "agent running"
    );
    if config.server && config.data_dir.is_none() {
        tracing::warn!("nothing is kept on disk: the catalog starts empty at every start");
    }
}
