//! The mesh of the examples, step by step, with real Envoys. Each test has an agent and sidecars of its
//! own; their files and logs stay in the target folder.

use std::thread;

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;
use tribune_e2e::http::{self, Connection};
use tribune_e2e::{Mesh, Sidecar, steps, wait, workspace};

/// A mesh with its files under the test's name.
fn mesh(test: &str, leaf_ttl: &str) -> Result<Mesh> {
    Mesh::start(
        workspace::tribune()?,
        &workspace::target().join("e2e").join(test),
        leaf_ttl,
    )
}

/// No Envoy refused anything, by its own account and by the agent's.
fn nothing_is_rejected(mesh: &Mesh) -> Result<()> {
    let second = mesh.second.iter().map(|(sidecar, _)| sidecar);
    for sidecar in [&mesh.web_sidecar, &mesh.api_sidecar]
        .into_iter()
        .chain(second)
    {
        ensure!(
            sidecar.rejected_updates()? == 0,
            "Envoy at {} refused updates",
            sidecar.admin()
        );
    }
    let status = mesh.agent.run(&["proxy", "status"])?;
    ensure!(
        status.contains("web-sidecar-proxy") && status.contains("api-sidecar-proxy"),
        "{status}"
    );
    ensure!(
        !status.contains("rejected:") && !status.contains("not built:"),
        "{status}"
    );
    Ok(())
}

#[test]
fn a_request_carries_both_identities() -> Result<()> {
    let mesh = mesh("identities", "72h")?;
    let exchange = steps::first_request(&mesh)?;
    let roots = mesh.agent.get("/v1/connect/ca/roots")?;
    let trust_domain = roots["TrustDomain"]
        .as_str()
        .context("the roots have a trust domain")?;
    assert_eq!(
        exchange.caller,
        format!("spiffe://{trust_domain}/ns/default/dc/dc1/svc/web")
    );
    assert_eq!(
        exchange.callee,
        format!("spiffe://{trust_domain}/ns/default/dc/dc1/svc/api")
    );
    assert_eq!(mesh.web_sidecar.certificate()?.uri, exchange.caller);
    nothing_is_rejected(&mesh)
}

#[test]
fn a_sidecar_takes_nothing_without_a_certificate_of_the_mesh() -> Result<()> {
    let mesh = mesh("outsider", "72h")?;
    steps::first_request(&mesh)?;
    let plain = Connection::open(mesh.api_public())?.get("/");
    assert!(plain.is_err(), "{plain:?}");
    Ok(())
}

#[test]
fn a_denial_holds_for_new_and_for_kept_connections_and_is_taken_back() -> Result<()> {
    let mesh = mesh("denial", "72h")?;
    steps::first_request(&mesh)?;
    for _ in 0..3 {
        steps::deny(&mesh)?;
        assert_eq!(
            mesh.agent.cli(&["intention", "check", "web", "api"])?.code,
            Some(1)
        );
        steps::allow(&mesh)?;
        assert_eq!(
            mesh.agent.cli(&["intention", "check", "web", "api"])?.code,
            Some(0)
        );
    }
    nothing_is_rejected(&mesh)
}

#[test]
fn a_request_in_flight_finishes_when_its_caller_is_denied() -> Result<()> {
    let mesh = mesh("in-flight", "72h")?;
    steps::first_request(&mesh)?;
    let upstream = mesh.upstream();
    let slow = thread::spawn(move || http::get(upstream, "/wait/2000"));
    wait::until("the request to reach api", || {
        Ok((mesh
            .api_sidecar
            .stat("cluster.local_app.upstream_rq_active")?
            == Some(1))
        .then_some(()))
    })?;
    steps::deny(&mesh)?;
    let response = slow.join().expect("the request does not panic")?;
    assert_eq!(response.status, 200, "{}", response.body);
    Ok(())
}

#[test]
fn an_intention_on_methods_lets_get_through_and_refuses_post() -> Result<()> {
    let mesh = mesh("methods", "72h")?;
    steps::first_request(&mesh)?;
    steps::only_get(&mesh)?;
    steps::allow_all(&mesh)?;
    nothing_is_rejected(&mesh)
}

#[test]
fn a_second_instance_gets_its_share_and_goes_again() -> Result<()> {
    let mut mesh = mesh("second-instance", "72h")?;
    steps::first_request(&mesh)?;
    mesh.start_second_api()?;
    let share = steps::share(&mesh)?;
    assert!((20..=80).contains(&share.of_hundred), "{share:?}");
    mesh.agent
        .run(&["services", "deregister", "-id", "api-2"])?;
    wait::until("the second instance gets nothing", || {
        let seen = steps::instances(&mesh, 20)?;
        Ok((seen.len() == 1 && seen.contains("api-1")).then_some(()))
    })?;
    nothing_is_rejected(&mesh)
}

#[test]
fn certificates_are_renewed_under_traffic_without_a_failed_request() -> Result<()> {
    let mesh = mesh("renewal", "10s")?;
    steps::first_request(&mesh)?;
    let renewal = steps::renewal(&mesh)?;
    for (before, after) in [&renewal.web, &renewal.api] {
        assert_eq!(before.uri, after.uri);
        assert!(before.expires < after.expires, "{before:?} {after:?}");
    }
    assert!(renewal.requests > 0);
    nothing_is_rejected(&mesh)
}

#[test]
fn the_agent_survives_the_death_of_an_envoy_and_serves_the_next_one() -> Result<()> {
    let mut mesh = mesh("envoy-dies", "72h")?;
    steps::first_request(&mesh)?;
    mesh.web_sidecar.process().signal(Signal::KILL);
    wait::until("the port of web's sidecar is free", || {
        Ok(Connection::open(mesh.upstream()).err().map(drop))
    })?;
    assert!(mesh.agent.get("/v1/agent/self")?.is_object());
    let admin = mesh.web_sidecar.admin().port();
    mesh.web_sidecar = Sidecar::start(&mesh.agent, "web", admin)?;
    mesh.web_sidecar.wait_ready()?;
    steps::first_request(&mesh)?;
    nothing_is_rejected(&mesh)
}

#[test]
fn the_mesh_goes_on_without_its_agent() -> Result<()> {
    let mut mesh = mesh("agent-dies", "72h")?;
    steps::first_request(&mesh)?;
    mesh.agent.process().signal(Signal::KILL);
    wait::until("the agent is gone", || {
        Ok(Connection::open(mesh.agent.http()).err().map(drop))
    })?;
    steps::first_request(&mesh)?;
    Ok(())
}
