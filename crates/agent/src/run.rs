//! From arguments to a running agent, and to its end.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result, bail};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tribune_acl::{Authorizer, Resolver};
use tribune_config::{Bootstrap, Config, Loaded, Machine, Source};
use tribune_leaf::Manager;
use tribune_local::{Local, SidecarPorts};
use tribune_runtime::{Limits, Listener, Shutdown, Tasks};
use tribune_server::{CaSettings, Server};

use crate::agent::{Agent, Parts};
use crate::api::AgentApi;
use crate::arguments::{self, Command};
use crate::cluster::Alone;
use crate::saved::Saved;
use crate::servers::{LocalServers, Servers};
use crate::version::{CONSUL_VERSION, VERSION};
use crate::{anti_entropy, catalog, log, probes, saved};

/// How long what runs has to end once it was told to.
const GRACE: Duration = Duration::from_secs(5);

/// What `-help` says.
const USAGE: &str = "\
Usage: tribune agent [options]

  Starts an agent and runs until it is interrupted. Options are Consul's; the most used:

    -dev                  a server on the loopback interface that needs no configuration
    -config-file=FILE     a file of configuration, HCL or JSON; can be given several times
    -config-dir=FOLDER    every .hcl and .json file of a folder, in the order of their names
    -node=NAME            name of this node
    -datacenter=NAME      name of the datacenter
    -http-port=PORT       port of the HTTP API
    -grpc-port=PORT       port of the discovery service for proxies
    -log-level=LEVEL      trace, debug, info, warn or error

  Example:

    $ tribune agent -dev
";

/// Runs an agent with a program's arguments. The caller prints what comes of it.
///
/// # Errors
/// Where the arguments or the configuration are wrong, or an address cannot be listened on.
pub fn main(arguments: &[String], server: bool) -> Result<()> {
    let (dev, mut sources) = match arguments::parse(arguments)? {
        Command::Help => {
            std::io::stdout().write_all(USAGE.as_bytes())?;
            return Ok(());
        }
        Command::Run { dev, sources } => (dev, sources),
    };
    if server {
        sources.push(Source::file("tribune-server", "server = true", None));
    }
    let machine = Machine {
        dev,
        host_name: host_name(),
        private_address: private_address(),
    };
    let loaded = tribune_config::load(&sources, &machine)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let shutdown = Shutdown::new();
        let (mut interrupt, mut terminate) = (
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
        );
        let signals = async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            shutdown.begin();
            // the agent ends by itself from here on
            std::future::pending::<()>().await;
        };
        tokio::select! {
            ran = run(loaded, shutdown.clone()) => ran,
            () = signals => Ok(()),
        }
    })
}

fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().to_owned()
}

/// The address that this machine would use to reach others. Nothing is sent to find it out.
fn private_address() -> Option<IpAddr> {
    let socket = std::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    socket
        .local_addr()
        .ok()
        .map(|address| address.ip())
        .filter(|ip| !ip.is_unspecified())
}

/// Runs an agent until `shutdown`.
///
/// # Errors
/// Where it is not a server, an address cannot be listened on, or the server does not start.
pub async fn run(loaded: Loaded, shutdown: Shutdown) -> Result<()> {
    let Loaded { config, notices } = loaded;
    log::init(&config);
    for notice in notices {
        tracing::warn!("{notice}");
    }
    if config.bootstrap != Bootstrap::Alone {
        bail!(
            "this agent would have to join others, which is not supported yet: run it as a server with \
             -server -bootstrap, or with -dev"
        );
    }
    let limits = Limits {
        connections_per_client: config.limits.http_max_conns_per_client,
        ..Limits::default()
    };
    let http = bind_all(&config.http_listeners, "HTTP").await?;
    let grpc = bind_all(&config.grpc_listeners, "gRPC").await?;
    let resolver = resolver();
    let (agent, discovery) = start(config, resolver.clone(), shutdown.clone()).await?;
    let tasks = Arc::new(Tasks::new(shutdown.clone()));
    tasks.spawn(
        "anti-entropy",
        anti_entropy::run(agent.clone(), shutdown.clone()),
    );
    tasks.spawn("saved", saved::run(agent.clone(), shutdown.clone()));
    tasks.spawn("checks", probes::run(agent.clone(), shutdown.clone()));
    for listener in grpc {
        let shutdown = shutdown.clone();
        tasks.spawn(
            "discovery",
            tribune_ads::serve(listener, discovery.clone(), async move {
                shutdown.begun().await
            }),
        );
    }
    let api = Arc::new(AgentApi {
        agent: agent.clone(),
        resolver,
    });
    let server = tribune_http::Server::new(api, http_settings(&agent.config)?);
    for listener in http {
        let listener = Listener::new(listener, limits);
        tasks.spawn("HTTP", server.clone().serve(listener, tasks.clone()));
    }
    announce(&agent.config);
    shutdown.begun().await;
    tracing::info!("shutting down");
    if let Err(running) = tasks.end(GRACE).await {
        tracing::warn!(?running, "stopped what did not end in time");
    }
    Ok(())
}

/// There are no tokens yet: everybody may do what ACLs being off lets everybody do.
fn resolver() -> Arc<dyn Resolver> {
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
    tracing::warn!("nothing is kept on disk yet: the catalog starts empty at every start");
}

async fn bind_all(addresses: &[SocketAddr], what: &str) -> Result<Vec<TcpListener>> {
    let mut listeners = Vec::with_capacity(addresses.len());
    for address in addresses {
        let listener = TcpListener::bind(address).await;
        listeners.push(listener.with_context(|| format!("cannot listen on {address} for {what}"))?);
    }
    Ok(listeners)
}

/// Starts the server and puts into the catalog what the configuration defines.
async fn start(
    config: Config,
    resolver: Arc<dyn Resolver>,
    shutdown: Shutdown,
) -> Result<(Arc<Agent>, tribune_ads::Service)> {
    let leader = SocketAddr::new(config.advertise, config.ports.server).to_string();
    let api = tribune_api::Settings {
        datacenter: config.datacenter.clone(),
        default_allow: config.allows_by_default(),
        intention_policy: config.default_intention_policy.is_some(),
        peers: vec![leader.clone()],
        leader,
    };
    let hub = Server::hub(&api, resolver.clone());
    let log = tribune_replication::Settings::default();
    let replication = tribune_replication::single(tribune_state::Store::new(), log, hub.clone());
    let ca = CaSettings {
        cluster_id: config.connect.cluster_id.clone(),
        config: config.connect.ca_config.clone(),
        min_leaf_ttl: config.connect.min_leaf_cert_ttl,
    };
    let new_cluster_id = uuid::Uuid::new_v4().to_string();
    let server = Server::start(
        tribune_server::Settings {
            api,
            ca,
            new_cluster_id,
            waits: tribune_server::Waits {
                default: config.queries.default_wait,
                max: config.queries.max_wait,
            },
        },
        replication.clone(),
        hub,
    )
    .await?;
    let id = config
        .node_id
        .clone()
        .unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
    let node = catalog::node(&config, &id);
    server
        .propose(catalog::registration(&config, node.clone()))
        .await?;
    for entry in &config.config_entries {
        server.write_missing(entry.clone()).await?;
    }
    let now: tribune_leaf::Now = Arc::new(SystemTime::now);
    let servers: Arc<dyn Servers> = Arc::new(LocalServers::new(
        Arc::new(server),
        resolver.clone(),
        now.clone(),
    ));
    let leaves = Manager::new(servers.issuer(), now.clone());
    let discovery = tribune_ads::Service::new(tribune_ads::Config {
        source: servers.source(),
        resolver,
        leaves: leaves.clone(),
        node_name: config.node_name.as_str().into(),
        limits: tribune_ads::Limits::default(),
        now,
    });
    let mut local = local(&config)?;
    let saved = restore(&config, &mut local)?;
    let proxies = discovery.registry().clone();
    let cluster = Arc::new(Alone::new(&config, &node, replication, proxies.clone()));
    let agent = Arc::new(Agent::new(
        Parts {
            config,
            node,
            servers,
            leaves,
            proxies,
            cluster,
            shutdown,
        },
        local,
        saved,
    ));
    anti_entropy::partial(&agent).await;
    Ok((agent, discovery))
}

/// The agent's own services and checks, those of its configuration files among them.
fn local(config: &Config) -> Result<Local> {
    let (min, max) = config.ports.sidecar.unwrap_or((0, 0));
    let mut local = Local::new(tribune_local::Settings {
        sidecar_ports: SidecarPorts { min, max },
        enable_script_checks: config.script_checks,
        check_update_interval: config.check_update_interval,
        discard_check_output: config.discard_check_output,
        ..tribune_local::Settings::new(tribune_types::NodeName::new(config.node_name.as_str()))
    });
    let now = std::time::Instant::now();
    let token = &config.tokens.config_file_service_registration;
    for definition in config.services.clone() {
        let name = definition.name.clone();
        let token = if definition.token.is_empty() {
            token.clone()
        } else {
            definition.token.as_str().into()
        };
        local
            .register_service(definition, token, false, now)
            .with_context(|| format!("Failed to register service {:?}", name.as_str()))?;
    }
    for check in config.checks.clone() {
        let name = check.name.clone();
        local
            .register_check(check, token.clone(), now)
            .with_context(|| format!("Failed to register check {name:?}"))?;
    }
    Ok(local)
}

/// Puts back what was registered before, where there is a folder for it.
fn restore(config: &Config, local: &mut Local) -> Result<Option<Saved>> {
    let Some(folder) = &config.data_dir else {
        return Ok(None);
    };
    let (now, time) = (std::time::Instant::now(), SystemTime::now());
    let restored = Saved::open(Path::new(folder)).and_then(|mut saved| {
        saved.configured(local);
        saved.restore(local, now, time)?;
        Ok(saved)
    });
    let saved = restored.with_context(|| format!("data_dir {folder:?} cannot be used"))?;
    Ok(Some(saved))
}

fn http_settings(config: &Config) -> Result<tribune_http::Settings> {
    let header = |(name, value): (&String, &String)| {
        let name = name
            .parse()
            .with_context(|| format!("http_config.response_headers: {name:?}"))?;
        let value = value
            .parse()
            .with_context(|| format!("http_config.response_headers: value of {name}"))?;
        Ok((name, value))
    };
    let networks = config.http.allow_write_from.iter().map(|text| text.parse());
    Ok(tribune_http::Settings {
        always_indented: config.dev,
        default_allow: config.allows_by_default(),
        response_headers: config
            .http
            .response_headers
            .iter()
            .map(header)
            .collect::<Result<_>>()?,
        restrictions: tribune_http::Restrictions {
            block_endpoints: config.http.block_endpoints.clone(),
            allow_write_from: networks
                .collect::<std::result::Result<_, _>>()
                .context("http_config.allow_write_http_from")?,
        },
        ..tribune_http::Settings::default()
    })
}

/// Says on standard error why an agent ended, if it did not end well.
#[must_use]
pub fn exit(ended: Result<()>) -> ExitCode {
    let Err(error) = ended else {
        return ExitCode::SUCCESS;
    };
    // where even standard error is gone, the exit code is all that is left to tell
    let _ = writeln!(std::io::stderr(), "==> {error:#}");
    ExitCode::FAILURE
}

#[cfg(test)]
mod tests;
