//! What there is to observe in the mesh of the examples, one function a step. The demo tells of them,
//! the tests hold them to bounds.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use hyper::Method;

use crate::http::{self, Connection, Response};
use crate::{Certificate, Identity, Mesh, wait};

/// Answers that must follow a first refusal, all refusals, before the refusal counts as held.
const CONFIRMATIONS: usize = 100;

/// How long Envoy gathers changes of health, and a little more.
const MERGE_WINDOW: Duration = Duration::from_millis(1200);

/// A request of web that api answered.
#[derive(Debug)]
pub struct Exchange {
    /// SPIFFE ID that api's sidecar found in web's certificate.
    pub caller: String,
    /// SPIFFE ID of api's own certificate.
    pub callee: String,
    /// The whole answer.
    pub body: String,
}

/// How long a denial took to hold, from the start of the command that wrote it.
#[derive(Debug, Clone, Copy)]
pub struct Denial {
    /// When the first connection that was opened anew was refused.
    pub new_connection: Duration,
    /// When the first request on the connection kept open since before was refused.
    pub kept_connection: Duration,
    /// When the command had ended.
    pub command: Duration,
}

/// How the second instance came in.
#[derive(Debug, Clone, Copy)]
pub struct Share {
    /// From the start of the call that reported it ready to the first answer from it.
    pub first_answer: Duration,
    /// How many of the 100 requests that followed it answered.
    pub of_hundred: usize,
}

/// What was seen while the leaf certificates changed.
#[derive(Debug)]
pub struct Renewal {
    /// The caller's certificate before and after.
    pub web: (Certificate, Certificate),
    /// The callee's certificate before and after.
    pub api: (Certificate, Certificate),
    /// Requests answered meanwhile, none of them otherwise than 200.
    pub requests: usize,
    /// How long both took.
    pub took: Duration,
}

/// Waits for the first request of web that api answers, through both sidecars.
pub fn first_request(mesh: &Mesh) -> Result<Exchange> {
    let look = || {
        let response = http::get(mesh.web.address(), "/hello")?;
        ensure!(
            response.status == 200,
            "{}: {}",
            response.status,
            response.body
        );
        Ok(Some(response.body))
    };
    let (body, _) = wait::until("an answer of api to web", look)?;
    let caller = forwarded(&body, "URI").with_context(|| format!("no caller in: {body}"))?;
    let callee = forwarded(&body, "By").with_context(|| format!("no callee in: {body}"))?;
    Ok(Exchange {
        caller,
        callee,
        body,
    })
}

/// One field of the `X-Forwarded-Client-Cert` header that the answer shows.
fn forwarded(body: &str, field: &str) -> Option<String> {
    let header = body
        .lines()
        .find_map(|line| line.strip_prefix("client certificate: "))?;
    let value = header
        .split([';', ','])
        .find_map(|part| part.strip_prefix(field)?.strip_prefix('='))?;
    Some(value.trim_matches('"').to_owned())
}

/// Denies web to call api, and measures when that held for a connection opened anew, which is one under
/// web's identity to api's sidecar, and for the one that the sidecars keep open between them.
pub fn deny(mesh: &Mesh) -> Result<Denial> {
    let identity = mesh.agent.identity("web")?;
    let public = mesh.api_public();
    let mut kept = settled(mesh)?;
    ensure!(
        anew(&identity, public)?,
        "web may open a connection to api before it is denied"
    );
    let start = Instant::now();
    thread::scope(|scope| {
        let new_connection = scope.spawn(|| refused_after(start, || anew(&identity, public)));
        let kept_connection =
            scope.spawn(|| refused_after(start, || allowed(&kept_request(&mut kept, mesh)?)));
        mesh.agent
            .run(&["intention", "create", "-replace", "-deny", "web", "api"])?;
        let command = start.elapsed();
        Ok(Denial {
            new_connection: new_connection
                .join()
                .map_err(|_| anyhow::anyhow!("the observer panicked"))??,
            kept_connection: kept_connection
                .join()
                .map_err(|_| anyhow::anyhow!("the observer panicked"))??,
            command,
        })
    })
}

/// One request on the connection that is kept open; opened again only where the sidecar closed it.
fn kept_request(kept: &mut Connection, mesh: &Mesh) -> Result<Response> {
    match kept.get("/kept") {
        Ok(response) => Ok(response),
        Err(_) => {
            *kept = Connection::open(mesh.upstream())?;
            kept.get("/kept")
        }
    }
}

/// Whether a connection opened now lets a GET through.
fn anew(identity: &Identity, public: SocketAddr) -> Result<bool> {
    allowed(&Connection::open_as(identity, public)?.get("/new")?)
}

/// 200 is let through and 403 refused; anything else is a failure.
fn allowed(response: &Response) -> Result<bool> {
    match response.status {
        200 => Ok(true),
        403 => Ok(false),
        other => bail!("neither let through nor refused: {other} {}", response.body),
    }
}

/// Asks until it is refused, then makes sure that it stays refused.
fn refused_after(start: Instant, mut ask: impl FnMut() -> Result<bool>) -> Result<Duration> {
    let refused = loop {
        if !ask()? {
            break start.elapsed();
        }
        ensure!(
            start.elapsed() < wait::DEADLINE,
            "still let through after {} s",
            wait::DEADLINE.as_secs()
        );
    };
    for nth in 0..CONFIRMATIONS {
        ensure!(
            !ask()?,
            "let through again, {nth} requests after the first refusal"
        );
    }
    Ok(refused)
}

/// Lets web call api again and waits until it can; how long that took from the command's start.
pub fn allow(mesh: &Mesh) -> Result<Duration> {
    let start = Instant::now();
    mesh.agent.run(&["intention", "delete", "web", "api"])?;
    wait::until("api answers web again", || {
        Ok(allowed(&http::get(mesh.upstream(), "/")?)?.then_some(()))
    })?;
    Ok(start.elapsed())
}

/// Writes the intention of the examples that lets GET through only, and waits until POST is refused;
/// how long that took from the command's start.
pub fn only_get(mesh: &Mesh) -> Result<Duration> {
    let mut kept = settled(mesh)?;
    let start = Instant::now();
    mesh.agent
        .run(&["config", "write", "examples/api-intentions.hcl"])?;
    let held = refused_after(start, || allowed(&kept.send(Method::POST, "/", "")?))?;
    for _ in 0..CONFIRMATIONS {
        ensure!(allowed(&kept.get("/")?)?, "GET is refused");
    }
    Ok(held)
}

/// Takes the intention of [`only_get`] away and waits until POST passes.
pub fn allow_all(mesh: &Mesh) -> Result<()> {
    mesh.agent.run(&[
        "config",
        "delete",
        "-kind",
        "service-intentions",
        "-name",
        "api",
    ])?;
    settled(mesh).map(drop)
}

/// A connection of web on which everything passes. The one of the sidecars behind it may have an answer
/// left in it from an intention that is gone.
fn settled(mesh: &Mesh) -> Result<Connection> {
    let mut connection = Connection::open(mesh.upstream())?;
    wait::until("POST passes", || {
        Ok(allowed(&connection.send(Method::POST, "/", "")?)?.then_some(()))
    })?;
    Ok(connection)
}

/// Reports the second api instance ready and measures when it answers. Not one request may fail.
pub fn share(mesh: &Mesh) -> Result<Share> {
    let mut connection = settled(mesh)?;
    let mut from_second = || {
        let response = connection.get("/")?;
        ensure!(
            response.status == 200,
            "{}: {}",
            response.status,
            response.body
        );
        Ok(response.body.starts_with("api-2"))
    };
    // Envoy holds back a change of health that comes within a second of the change before, here its
    // arrival (`update_merge_window` of its clusters); what is measured is a change out of the blue.
    let quiet = Instant::now();
    while quiet.elapsed() < MERGE_WINDOW {
        ensure!(
            !from_second()?,
            "the second instance answers before it is ready"
        );
    }
    let start = Instant::now();
    mesh.admit_second_api()?;
    while !from_second()? {
        ensure!(
            start.elapsed() < wait::DEADLINE,
            "the second instance gets nothing"
        );
    }
    let first_answer = start.elapsed();
    let mut of_hundred = 0;
    for _ in 0..100 {
        of_hundred += usize::from(from_second()?);
    }
    Ok(Share {
        first_answer,
        of_hundred,
    })
}

/// Sends requests, on a kept connection and on new ones, until both sidecars present another leaf
/// certificate. Not one request may fail.
pub fn renewal(mesh: &Mesh) -> Result<Renewal> {
    let start = Instant::now();
    let before = (
        mesh.web_sidecar.certificate()?,
        mesh.api_sidecar.certificate()?,
    );
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let traffic = scope.spawn(|| traffic(mesh, &done));
        let renewed = wait::until("both leaf certificates are renewed", || {
            let now = (
                mesh.web_sidecar.certificate()?,
                mesh.api_sidecar.certificate()?,
            );
            Ok((now.0.serial != before.0.serial && now.1.serial != before.1.serial).then_some(now))
        });
        // The first requests under the new certificates belong to what is observed.
        thread::sleep(Duration::from_millis(200));
        done.store(true, Ordering::Relaxed);
        let requests = traffic
            .join()
            .map_err(|_| anyhow::anyhow!("the traffic panicked"))??;
        let (after, _) = renewed?;
        Ok(Renewal {
            web: (before.0, after.0),
            api: (before.1, after.1),
            requests,
            took: start.elapsed(),
        })
    })
}

/// Requests until `done`, on a kept connection, on new ones of web, and on new ones to api's sidecar
/// under web's certificate of the moment; how many there were, or the first failure.
fn traffic(mesh: &Mesh, done: &AtomicBool) -> Result<usize> {
    let mut kept = settled(mesh)?;
    let mut requests = 0;
    while !done.load(Ordering::Relaxed) {
        let identity = mesh.agent.identity("web")?;
        for response in [
            kept.get("/kept").context("on the kept connection")?,
            http::get(mesh.upstream(), "/new").context("on a new connection")?,
            Connection::open_as(&identity, mesh.api_public())?
                .get("/tls")
                .context("on a new connection of sidecars")?,
        ] {
            ensure!(
                response.status == 200,
                "after {requests} requests: {} {}",
                response.status,
                response.body
            );
            requests += 1;
        }
        thread::sleep(Duration::from_millis(1));
    }
    Ok(requests)
}

/// The instances of api that answer, over `requests` requests.
pub fn instances(mesh: &Mesh, requests: usize) -> Result<BTreeSet<String>> {
    let mut seen = BTreeSet::new();
    for _ in 0..requests {
        let body = http::get(mesh.upstream(), "/")?.body;
        seen.extend(body.split(':').next().map(str::to_owned));
    }
    Ok(seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_identities_are_read_from_the_header() {
        let body = "web: GET /\napi-1: GET /\nclient certificate: By=spiffe://t/svc/api;Hash=00;Cert=\"x\";URI=spiffe://t/svc/web\n";
        assert_eq!(forwarded(body, "By").as_deref(), Some("spiffe://t/svc/api"));
        assert_eq!(
            forwarded(body, "URI").as_deref(),
            Some("spiffe://t/svc/web")
        );
        assert_eq!(forwarded("api-1: GET /\n", "By"), None);
    }

    #[test]
    fn a_refusal_that_does_not_stay_is_no_refusal() {
        let mut answers = [true, false, true].into_iter();
        let said =
            refused_after(Instant::now(), || Ok(answers.next().unwrap_or(false))).unwrap_err();
        assert!(said.to_string().contains("let through again"), "{said}");
    }
}
