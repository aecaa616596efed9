//! One real Envoy, started through `tribune connect envoy`.

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::agent::Agent;
use crate::process::Process;
use crate::{envoy, http, wait};

/// A running Envoy beside a service.
#[derive(Debug)]
pub struct Sidecar {
    process: Process,
    admin: SocketAddr,
}

/// What Envoy says of its leaf certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The serial number, in hexadecimal.
    pub serial: String,
    /// From when it is valid, as RFC 3339.
    pub valid_from: String,
    /// Until when it is valid, as RFC 3339.
    pub expires: String,
    /// The SPIFFE ID.
    pub uri: String,
}

// === impl Sidecar ===

impl Sidecar {
    /// Starts the sidecar of the service instance `service`, its administration on `admin`.
    pub fn start(agent: &Agent, service: &str, admin: u16) -> Result<Self> {
        let binary = envoy::find()?.to_string_lossy();
        let admin = SocketAddr::from(([127, 0, 0, 1], admin));
        let bind = admin.to_string();
        let arguments = [
            "connect",
            "envoy",
            "-sidecar-for",
            service,
            "-envoy-binary",
            &binary,
            "-admin-bind",
            &bind,
        ];
        let process = Process::spawn(
            &format!("envoy-{service}"),
            agent.command(&arguments),
            agent.folder(),
        )?;
        Ok(Self { process, admin })
    }

    /// Waits until it is live and holds a public listener.
    pub fn wait_ready(&mut self) -> Result<()> {
        let mut ended = Ok(());
        wait::until("a live Envoy with its public listener", || {
            ended = self.process.check();
            if ended.is_err() {
                return Ok(Some(()));
            }
            let live = http::get(self.admin, "/ready")?.status == 200;
            Ok((live && self.listeners()?.contains("public_listener")).then_some(()))
        })
        .with_context(|| format!("Envoy's log closes with:\n{}", self.process.log_tail()))?;
        ended
    }

    /// The process, for its log and its end.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Where its administration listens.
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// Its listeners with their addresses, a line each.
    pub fn listeners(&self) -> Result<String> {
        Ok(http::get(self.admin, "/listeners")?.body)
    }

    /// The value of one counter or gauge; `None` when Envoy has no such statistic.
    pub fn stat(&self, name: &str) -> Result<Option<u64>> {
        let body = http::get(self.admin, "/stats")?.body;
        let value = body
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        value
            .map(|value| value.parse().with_context(|| format!("{name}: {value}")))
            .transpose()
    }

    /// Updates that it refused, over all kinds of resources.
    pub fn rejected_updates(&self) -> Result<u64> {
        let body = http::get(self.admin, "/stats?filter=update_rejected")?.body;
        body.lines()
            .filter_map(|line| line.rsplit_once(": "))
            .map(|(name, value)| value.parse::<u64>().with_context(|| name.to_owned()))
            .sum()
    }

    /// The leaf certificate it presents now.
    pub fn certificate(&self) -> Result<Certificate> {
        let certs = http::get(self.admin, "/certs")?.json()?;
        let chains = certs["certificates"].as_array().into_iter().flatten();
        let mut leaves =
            chains.flat_map(|entry| entry["cert_chain"].as_array().into_iter().flatten());
        let leaf = leaves.next().context("Envoy holds no leaf certificate")?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let uri = text(&leaf["subject_alt_names"][0]["uri"]);
        ensure!(
            uri.starts_with("spiffe://"),
            "the leaf is no SPIFFE certificate: {leaf}"
        );
        Ok(Certificate {
            serial: text(&leaf["serial_number"]),
            valid_from: text(&leaf["valid_from"]),
            expires: text(&leaf["expiration_time"]),
            uri,
        })
    }
}
