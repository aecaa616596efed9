//! `cargo xtask demo`: a mesh to watch and to try out.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tribune_e2e::{Mesh, envoy, process, steps, workspace};

use crate::shared;

/// Leaf certificates live this long here, so that their renewal can be watched.
const LEAF_TTL: &str = "10s";

/// The part of 100 requests below which a second instance has not got its share.
const SHARE: usize = 20;

/// Tells every step; then ends (`once`), or stays until it is interrupted.
pub(crate) fn run(once: bool) -> Result<()> {
    process::watch_signals();
    let envoy = envoy::find()?;
    let binary = shared::program()?;
    let folder = workspace::target().join("demo");
    println!(
        "Envoy is {}.\nFiles and logs go to {}.\n",
        envoy.display(),
        folder.display()
    );

    println!("An agent in development mode, the services web and api, and a sidecar for each:");
    told("tribune agent -dev   # with leaf certificates that live for 10 s");
    told("tribune config write examples/api-defaults.hcl");
    told("tribune services register examples/api.hcl examples/web.hcl");
    told("tribune connect envoy -sidecar-for api");
    told("tribune connect envoy -sidecar-for web");
    let mut mesh = Mesh::start(&binary, &folder, LEAF_TTL)?;
    for service in ["api", "web"] {
        let bootstrap =
            mesh.agent
                .run(&["connect", "envoy", "-sidecar-for", service, "-bootstrap"])?;
        std::fs::write(folder.join(format!("{service}-bootstrap.json")), bootstrap)?;
    }
    seen(&format!(
        "both Envoys are up; what they started from is in {}/*-bootstrap.json",
        folder.display()
    ));

    request(&mesh).context("a request from web to api")?;
    denial(&mesh).context("the deny intention")?;
    methods(&mesh).context("the intention about methods")?;
    second_instance(&mut mesh).context("the second instance")?;
    renewal(&mesh).context("the renewal of certificates")?;
    rejections(&mesh).context("what Envoy refused")?;

    process::finished();
    if once {
        println!("Every step was observed.");
        return Ok(());
    }
    try_out(&mesh, &binary);
    loop {
        // The signal handler ends this process and its children.
        std::thread::park();
    }
}

fn request(mesh: &Mesh) -> Result<()> {
    println!("A request from web to api, through both sidecars:");
    told(&format!("curl http://{}/hello", mesh.web.address()));
    let exchange = steps::first_request(mesh)?;
    for line in exchange.body.lines() {
        println!("      {line}");
    }
    ensure!(
        exchange.caller.ends_with("/svc/web"),
        "the caller is {}",
        exchange.caller
    );
    ensure!(
        exchange.callee.ends_with("/svc/api"),
        "the callee is {}",
        exchange.callee
    );
    seen(&format!(
        "{} was let in by\n      {}",
        exchange.caller, exchange.callee
    ));
    Ok(())
}

fn denial(mesh: &Mesh) -> Result<()> {
    println!("An intention that denies it, while requests go on:");
    told("tribune intention create -replace -deny web api");
    let denial = steps::deny(mesh)?;
    seen(&format!(
        "from the start of the command ({} to its end) until it held: {} for the next new connection, {} for the one \
         that the sidecars keep open",
        millis(denial.command),
        millis(denial.new_connection),
        millis(denial.kept_connection)
    ));
    told("tribune intention delete web api");
    seen(&format!(
        "api answers web again after {}",
        millis(steps::allow(mesh)?)
    ));
    Ok(())
}

fn methods(mesh: &Mesh) -> Result<()> {
    println!("An intention about HTTP methods:");
    told("tribune config write examples/api-intentions.hcl");
    let held = steps::only_get(mesh)?;
    seen(&format!(
        "GET passes and POST is refused with 403, {} after the start of the command",
        millis(held)
    ));
    told("tribune config delete -kind service-intentions -name api");
    steps::allow_all(mesh)?;
    seen("POST passes again");
    Ok(())
}

fn second_instance(mesh: &mut Mesh) -> Result<()> {
    println!("A second instance of api, with a sidecar of its own:");
    told("tribune services register examples/api-2.hcl");
    told("tribune connect envoy -sidecar-for api-2");
    mesh.start_second_api()?;
    told(&format!(
        "curl -X PUT http://{}/v1/agent/check/pass/api-2-ready",
        mesh.agent.http()
    ));
    let share = steps::share(mesh)?;
    ensure!(
        share.of_hundred >= SHARE,
        "it answered {} of 100 requests",
        share.of_hundred
    );
    seen(&format!(
        "its first answer came {} after the check passed, and {} of the next 100 were its own; none failed",
        millis(share.first_answer),
        share.of_hundred
    ));
    Ok(())
}

fn renewal(mesh: &Mesh) -> Result<()> {
    println!("The leaf certificates, renewed while requests go on:");
    let renewal = steps::renewal(mesh)?;
    for (name, (before, after)) in [("web", &renewal.web), ("api", &renewal.api)] {
        println!(
            "      {name}: {} (until {})\n       → {} (until {})",
            before.serial, before.expires, after.serial, after.expires
        );
    }
    seen(&format!(
        "{} requests in {:.1} s, none failed",
        renewal.requests,
        renewal.took.as_secs_f64()
    ));
    Ok(())
}

fn rejections(mesh: &Mesh) -> Result<()> {
    println!("What the proxies made of their configuration:");
    told("tribune proxy status");
    for line in mesh.agent.run(&["proxy", "status"])?.lines() {
        println!("      {line}");
    }
    let rejected = mesh.web_sidecar.rejected_updates()? + mesh.api_sidecar.rejected_updates()?;
    ensure!(rejected == 0, "Envoy refused {rejected} updates");
    seen("neither Envoy refused anything");
    Ok(())
}

fn try_out(mesh: &Mesh, tribune: &Path) {
    println!(
        "\nIt stays up until Ctrl-C. Worth trying in another terminal:\n\n    \
         export CONSUL_HTTP_ADDR={http}\n    \
         alias tribune={tribune}\n    \
         cd {folder}\n    \
         curl http://{web}/hello\n    \
         tribune proxy status\n    \
         tribune catalog services\n    \
         tribune intention create -deny web api\n    \
         tribune intention check web api\n    \
         tribune config write examples/api-intentions.hcl\n    \
         tribune connect envoy -sidecar-for web -bootstrap\n    \
         curl http://{http}/v1/health/connect/api?pretty\n    \
         curl http://{admin}/certs\n",
        http = mesh.agent.http(),
        tribune = tribune.display(),
        folder = mesh.agent.folder().display(),
        web = mesh.web.address(),
        admin = mesh.web_sidecar.admin(),
    );
}

/// Shows a command that was run.
fn told(command: &str) {
    println!("  $ {command}");
}

/// Shows what was observed.
fn seen(what: &str) {
    println!("  ✓ {what}\n");
}

fn millis(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}
