//! Three servers and two client agents that are one cluster, and a leader that is lost.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use tribune_e2e::{Agent, Cluster, wait, workspace};

fn cluster(test: &str) -> Result<Cluster> {
    let folder = workspace::target().join("e2e").join(test);
    Cluster::start(workspace::tribune()?, &folder, 3, 2, &json!({}))
}

/// Has an agent write an entry until that is acknowledged.
fn write(agent: &Agent, name: &str) -> Result<()> {
    let entry = json!({ "Kind": "service-defaults", "Name": name, "Protocol": "http" });
    wait::until(&format!("{name} is written"), || {
        agent.put("/v1/config", &entry).map(Some)
    })?;
    Ok(())
}

/// Waits until what an agent answers is right.
fn seen(agent: &Agent, path: &str, right: impl Fn(&Value) -> bool) -> Result<()> {
    wait::until(path, || Ok(right(&agent.get(path)?).then_some(())))?;
    Ok(())
}

/// Waits until an agent reads an entry.
fn read(agent: &Agent, name: &str) -> Result<()> {
    seen(
        agent,
        &format!("/v1/config/service-defaults/{name}"),
        |entry| entry["Protocol"] == "http",
    )
}

/// Waits until all servers vote, as an agent sees it.
fn all_vote(agent: &Agent) -> Result<()> {
    seen(agent, "/v1/operator/raft/configuration", |raft| {
        let servers = raft["Servers"].as_array().map_or(&[][..], Vec::as_slice);
        let voters = servers.iter().filter(|server| server["Voter"] == true);
        let leaders = servers.iter().filter(|server| server["Leader"] == true);
        (servers.len(), voters.count(), leaders.count()) == (3, 3, 1)
    })
}

#[test]
fn what_is_written_at_one_is_read_at_all() -> Result<()> {
    let cluster = cluster("cluster-writes")?;
    for node in &cluster.nodes {
        write(&node.agent, &format!("by-{}", node.name)).with_context(|| node.name.clone())?;
    }
    for node in &cluster.nodes {
        let agent = &node.agent;
        for other in &cluster.nodes {
            // acknowledged, so every default read has it at once
            let path = format!("/v1/config/service-defaults/by-{}", other.name);
            let entry = agent.get(&path).with_context(|| node.name.clone())?;
            ensure!(entry["Protocol"] == "http", "{}: {entry}", node.name);
        }
        all_vote(agent).with_context(|| node.name.clone())?;
        let peers = agent.get("/v1/status/peers")?;
        ensure!(
            peers.as_array().is_some_and(|peers| peers.len() == 3),
            "{peers}"
        );
        seen(agent, "/v1/operator/autopilot/health", |health| {
            health["Healthy"] == true
        })?;
        // the leader has put every member into the catalog
        seen(agent, "/v1/catalog/nodes", |nodes| {
            nodes.as_array().is_some_and(|nodes| nodes.len() == 5)
        })?;
        seen(agent, "/v1/catalog/service/consul", |servers| {
            servers.as_array().is_some_and(|servers| servers.len() == 3)
        })?;
    }
    Ok(())
}

#[test]
fn a_leader_that_is_killed_is_replaced_and_nothing_is_lost() -> Result<()> {
    let mut cluster = cluster("cluster-killed")?;
    for entry in 0..20 {
        write(&cluster.clients()[0].agent, &format!("before-{entry}"))?;
    }
    let (first, _) = cluster.wait_for_leader()?;
    cluster.nodes[first].agent.kill()?;
    for entry in 0..20 {
        write(&cluster.clients()[1].agent, &format!("without-{entry}"))?;
    }
    let (second, _) = cluster.wait_for_leader()?;
    ensure!(second != first, "a server that is dead leads");
    let node = &mut cluster.nodes[first];
    node.agent.restart()?;
    node.agent.wait_ready()?;
    for entry in 0..20 {
        read(&node.agent, &format!("before-{entry}"))?;
        read(&node.agent, &format!("without-{entry}"))?;
    }
    write(&node.agent, "after")?;
    read(&cluster.nodes[second].agent, "after")?;
    all_vote(&cluster.nodes[first].agent)
}

#[test]
fn a_client_agent_that_is_killed_has_its_services_again() -> Result<()> {
    let mut cluster = cluster("cluster-client")?;
    let service = json!({ "Name": "web", "Port": 8080 });
    let registered = "/v1/catalog/service/web";
    let there = |rows: &Value| rows[0]["ServicePort"] == 8080;
    let client = cluster.nodes.len() - 1;
    cluster.nodes[client]
        .agent
        .put("/v1/agent/service/register", &service)?;
    for server in cluster.servers() {
        seen(&server.agent, registered, there)?;
    }
    let node = &mut cluster.nodes[client];
    node.agent.kill()?;
    node.agent.restart()?;
    node.agent.wait_ready()?;
    seen(&node.agent, "/v1/agent/services", |services| {
        services["web"]["Port"] == 8080
    })?;
    for server in cluster.servers() {
        seen(&server.agent, registered, there)?;
    }
    Ok(())
}

#[test]
fn leadership_is_handed_over_to_another_server() -> Result<()> {
    let cluster = cluster("cluster-operator")?;
    let (first, _) = cluster.wait_for_leader()?;
    let client = &cluster.clients()[0].agent;
    all_vote(client)?;
    client.run(&["operator", "raft", "transfer-leader"])?;
    let moved = || Ok(cluster.leader().filter(|now| *now != first));
    let (second, _) = wait::until("another leader", moved)?;
    let follower = (0..3).find(|server| *server != second).unwrap_or(first);
    let listed = cluster.nodes[follower]
        .agent
        .run(&["operator", "raft", "list-peers"])?;
    ensure!(listed.matches("leader").count() == 1, "{listed}");
    write(client, "after-the-transfer")?;
    read(&cluster.nodes[follower].agent, "after-the-transfer")
}

#[test]
fn what_the_servers_keep_is_saved_and_put_back_through_a_client_agent() -> Result<()> {
    let cluster = cluster("cluster-snapshot")?;
    let client = &cluster.clients()[0].agent;
    write(client, "kept")?;
    client.run(&["snapshot", "save", "kept.snap"])?;
    write(client, "undone")?;
    client.run(&["snapshot", "restore", "kept.snap"])?;
    for node in &cluster.nodes {
        read(&node.agent, "kept")?;
        let all = node.agent.get("/v1/config/service-defaults")?;
        let names = all.as_array().map_or(0, Vec::len);
        ensure!(names == 1, "{}: {all}", node.name);
    }
    Ok(())
}
