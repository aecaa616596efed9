//! `cargo xtask chaos`: a cluster of real processes that is disturbed again and again under load.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use fastrand::Rng;
use serde_json::{Value, json};
use tribune_e2e::load::{Caller, Writers};
use tribune_e2e::{Cluster, Service, Sidecar, ports, process, wait, workspace};

use crate::shared;

/// How many servers there are, and how many client agents.
const SERVERS: u8 = 3;
const CLIENTS: u8 = 2;

/// How often the cluster is disturbed where nothing is said.
const CYCLES: u32 = 20;

/// The longest that writes may stand still when a server was killed.
const FAIL_OVER: Duration = Duration::from_secs(2);

/// What happens to one agent.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// It ends as by a loss of power, and is started again.
    Kill,
    /// It stands still for a while.
    Pause,
    /// Nothing passes between it and the others for a while.
    Isolate,
}

/// What was seen over all cycles.
#[derive(Debug, Default)]
struct Seen {
    /// From the end of a leader until the next write was acknowledged.
    fail_overs: Vec<Duration>,
}

/// Disturbs a cluster `--cycles N` times by the choices that `--seed N` makes.
pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    let (mut cycles, mut seed) = (CYCLES, fastrand::u64(..));
    let mut rest = arguments;
    while let [flag, value, after @ ..] = rest {
        match *flag {
            "--cycles" => cycles = value.parse().context("--cycles")?,
            "--seed" => seed = value.parse().context("--seed")?,
            other => bail!("no such flag: {other}"),
        }
        rest = after;
    }
    ensure!(rest.is_empty(), "a value is missing after {rest:?}");
    process::watch_signals();
    println!("{SERVERS} servers, {CLIENTS} client agents, {cycles} cycles, --seed {seed}");
    let folder = workspace::target().join("chaos");
    let mut cluster = Cluster::start(&shared::program()?, &folder, SERVERS, CLIENTS, &json!({}))?;
    let mesh = Mesh::start(&cluster, &folder)?;
    let agents: Vec<SocketAddr> = cluster.nodes.iter().map(|node| node.agent.http()).collect();
    let (writers, caller) = (Writers::start(&agents), Caller::start(mesh.upstream));
    let mut seen = Seen::default();
    let mut rng = Rng::with_seed(seed);
    for cycle in 1..=cycles {
        disturb(&mut cluster, &writers, &mut rng, &mut seen)
            .with_context(|| format!("cycle {cycle}"))?;
    }
    let (called, (acknowledged, refused)) = (caller.stop(), writers.stop());
    let lost = lost(&cluster, &acknowledged)?;
    seen.fail_overs.sort();
    let longest = seen.fail_overs.last().copied().unwrap_or_default();
    let median = seen.fail_overs.get(seen.fail_overs.len() / 2).copied();
    println!(
        "writes: {} acknowledged, {refused} not, {} lost\nrequests through the mesh: {} answered, {} failed\n\
         leaders killed: {}; the next write came after {:.2} s (median), {:.2} s (longest)",
        acknowledged.len(),
        lost.len(),
        called.answered,
        called.failed.len(),
        seen.fail_overs.len(),
        median.unwrap_or_default().as_secs_f64(),
        longest.as_secs_f64(),
    );
    ensure!(
        lost.is_empty(),
        "acknowledged and lost: {}",
        lost.join(", ")
    );
    ensure!(called.failed.is_empty(), "failed: {:?}", called.failed);
    ensure!(
        !acknowledged.is_empty() && called.answered > 0,
        "there was no load"
    );
    ensure!(
        longest <= FAIL_OVER,
        "writes stood still for longer than {} s",
        FAIL_OVER.as_secs()
    );
    process::finished();
    Ok(())
}

/// Does one thing to one agent, takes it back, and waits until all are well.
fn disturb(cluster: &mut Cluster, writers: &Writers, rng: &mut Rng, seen: &mut Seen) -> Result<()> {
    let (leader, _) = cluster.wait_for_leader()?;
    // the leader is what matters most, so it is chosen as often as all others together
    let at = if rng.bool() {
        leader
    } else {
        rng.usize(..cluster.nodes.len())
    };
    let fault = [Fault::Kill, Fault::Pause, Fault::Isolate][rng.usize(..3)];
    let time = Duration::from_millis(rng.u64(300..4000));
    let network = &cluster.network;
    let node = &mut cluster.nodes[at];
    println!(
        "{fault:?} {}{} for {:.1} s",
        node.name,
        if at == leader { ", which leads," } else { "" },
        time.as_secs_f64()
    );
    match fault {
        Fault::Kill => node.agent.kill()?,
        Fault::Pause => node.pause(),
        Fault::Isolate => network.isolate(node.host),
    }
    let begun = Instant::now();
    if at == leader && matches!(fault, Fault::Kill) {
        let before = writers.acknowledged();
        // those that were on their way when the leader ended do not count
        thread::sleep(Duration::from_millis(20));
        let before = before.max(writers.acknowledged());
        wait::until("a write after the end of a leader", || {
            Ok((writers.acknowledged() > before).then_some(()))
        })?;
        seen.fail_overs.push(begun.elapsed());
    }
    thread::sleep(time.saturating_sub(begun.elapsed()));
    let node = &mut cluster.nodes[at];
    match fault {
        Fault::Kill => node.agent.restart()?,
        Fault::Pause => node.resume(),
        Fault::Isolate => cluster.network.heal(),
    }
    for node in &mut cluster.nodes {
        node.agent.wait_ready().with_context(|| node.name.clone())?;
    }
    Ok(())
}

/// The acknowledged writes that some server does not have.
fn lost(cluster: &Cluster, acknowledged: &[String]) -> Result<Vec<String>> {
    let mut lost = BTreeSet::new();
    for server in cluster.servers() {
        // what is acknowledged is on a quorum; this makes sure that it is here too
        server.agent.get("/v1/catalog/datacenters?consistent")?;
        server.agent.get("/v1/catalog/nodes?consistent")?;
        let nodes = server.agent.get("/v1/catalog/nodes?stale")?;
        let rows = nodes.as_array().context("a list of nodes")?;
        let names: BTreeSet<&str> = rows.iter().filter_map(|row| row["Node"].as_str()).collect();
        let missing = acknowledged
            .iter()
            .filter(|name| !names.contains(name.as_str()));
        lost.extend(missing.map(|name| format!("{name} on {}", server.name)));
    }
    Ok(lost.into_iter().collect())
}

/// A service on each client agent, one of which asks the other through the mesh.
struct Mesh {
    upstream: SocketAddr,
    _sidecars: [Sidecar; 2],
    _api: Service,
}

impl Mesh {
    fn start(cluster: &Cluster, folder: &Path) -> Result<Self> {
        let [api_agent, web_agent] = cluster.clients() else {
            bail!(
                "two client agents are wanted, not {}",
                cluster.clients().len()
            );
        };
        let api = Service::start("api", ports::free()?)?;
        let upstream = SocketAddr::from(([127, 0, 0, 1], ports::free()?));
        let upstreams = json!([{ "DestinationName": "api", "LocalBindPort": upstream.port() }]);
        register(&api_agent.agent, "api", api.address().port(), &json!([]))?;
        register(&web_agent.agent, "web", ports::free()?, &upstreams)?;
        let mut sidecars = [
            Sidecar::start(&api_agent.agent, "api", ports::free()?)?,
            Sidecar::start(&web_agent.agent, "web", ports::free()?)?,
        ];
        for sidecar in &mut sidecars {
            sidecar.wait_ready()?;
        }
        wait::until("a request from web to api", || {
            let status = tribune_e2e::http::get(upstream, "/")?.status;
            Ok((status == 200).then_some(()))
        })
        .with_context(|| format!("logs are in {}", folder.display()))?;
        Ok(Self {
            upstream,
            _sidecars: sidecars,
            _api: api,
        })
    }
}

/// Registers a service with a sidecar. Both are reached at 127.0.0.1: what is disturbed is what is between the agents.
fn register(agent: &tribune_e2e::Agent, name: &str, port: u16, upstreams: &Value) -> Result<()> {
    let sidecar = json!({
        "Port": ports::free()?, "Address": "127.0.0.1", "Checks": [],
        "Proxy": { "Upstreams": upstreams },
    });
    let service = json!({ "Name": name, "Port": port, "Address": "127.0.0.1", "Connect": { "SidecarService": sidecar } });
    agent.put("/v1/agent/service/register", &service)
}
