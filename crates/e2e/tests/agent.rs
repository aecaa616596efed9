//! Life and death of an agent, and of proxies that come at the wrong time.

use std::fs;
use std::process::Command;

use anyhow::{Result, ensure};
use rustix::process::Signal;
use tribune_e2e::examples::Ports;
use tribune_e2e::process::Process;
use tribune_e2e::{Agent, Mesh, envoy, http, wait, workspace};

fn agent(test: &str) -> Result<(Agent, Ports)> {
    let ports = Ports::new()?;
    let folder = workspace::target().join("e2e").join(test);
    Ok((
        Mesh::agent(workspace::tribune()?, &folder, &ports, "72h")?,
        ports,
    ))
}

#[test]
fn an_interrupt_ends_the_agent_clean() -> Result<()> {
    let (mut agent, _) = agent("interrupt")?;
    agent.process().signal(Signal::INT);
    let status = agent.process().wait()?;
    ensure!(status.success(), "{status}: {}", agent.process().log_tail());
    Ok(())
}

#[test]
fn a_bootstrap_from_before_is_served_when_its_proxy_is_registered_again() -> Result<()> {
    let (agent, ports) = agent("stale-bootstrap")?;
    agent.run(&["services", "register", "examples/web.hcl"])?;
    let admin = format!("127.0.0.1:{}", ports.of(19000));
    let text = agent.run(&[
        "connect",
        "envoy",
        "-sidecar-for",
        "web",
        "-admin-bind",
        &admin,
        "-bootstrap",
    ])?;
    let bootstrap = agent.folder().join("bootstrap.json");
    fs::write(&bootstrap, text)?;
    agent.run(&["services", "deregister", "-id", "web"])?;

    let mut command = Command::new(envoy::find()?);
    command
        .arg("--config-path")
        .arg(&bootstrap)
        .arg("--disable-hot-restart");
    let _envoy = Process::spawn("envoy", command, agent.folder())?;
    let admin = admin.parse()?;
    wait::until("its stream to the agent", || {
        let stats = http::get(admin, "/stats?filter=control_plane.connected_state")?.body;
        Ok(stats.contains("connected_state: 1").then_some(()))
    })?;
    assert!(
        !http::get(admin, "/listeners")?
            .body
            .contains("public_listener")
    );

    agent.run(&["services", "register", "examples/web.hcl"])?;
    wait::until("its public listener", || {
        Ok(http::get(admin, "/listeners")?
            .body
            .contains("public_listener")
            .then_some(()))
    })?;
    Ok(())
}
