//! One development agent on ports of its own.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::examples::Ports;
use crate::process::Process;
use crate::tls::{Identity, Secrets};
use crate::{http, ports, wait};

/// A running `tribune agent`.
#[derive(Debug)]
pub struct Agent {
    name: String,
    process: Process,
    binary: PathBuf,
    arguments: Vec<String>,
    folder: PathBuf,
    http: SocketAddr,
}

/// How a command ended and what it printed.
#[derive(Debug)]
pub struct Output {
    /// The exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

// === impl Agent ===

impl Agent {
    /// Starts `binary` in `-dev` mode with `extra` laid over the configuration and waits until it serves.
    ///
    /// Its files and logs go to `folder`; `shown` gives its HTTP and gRPC ports.
    pub fn start(binary: &Path, folder: &Path, shown: &Ports, extra: &Value) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let http = SocketAddr::from(([127, 0, 0, 1], shown.of(8500)));
        let mut config = json!({
            "ports": {
                "http": http.port(), "https": -1, "grpc": shown.of(8502), "grpc_tls": -1, "dns": -1,
                "server": ports::free()?, "serf_lan": ports::free()?, "serf_wan": ports::free()?,
            },
        });
        merge(&mut config, extra);
        let mut agent = Self::launch("agent", binary, folder, http, &["-dev"], &config)?;
        agent.wait_ready()?;
        Ok(agent)
    }

    /// Starts `binary` with a configuration in which its HTTP API listens on `http`, and waits for nothing.
    pub fn launch(
        name: &str,
        binary: &Path,
        folder: &Path,
        http: SocketAddr,
        flags: &[&str],
        config: &Value,
    ) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let file = folder.join(format!("{name}.json"));
        fs::write(&file, format!("{config:#}"))?;
        let file = file.to_string_lossy().into_owned();
        let arguments = ["agent"].iter().chain(flags).chain(&["-config-file"]);
        let arguments = arguments.map(|&argument| argument.to_owned()).chain([file]);
        let arguments: Vec<String> = arguments.collect();
        let mut command = Command::new(binary);
        command.args(&arguments);
        Ok(Self {
            name: name.to_owned(),
            process: Process::spawn(name, command, folder)?,
            binary: binary.to_owned(),
            arguments,
            folder: folder.to_owned(),
            http,
        })
    }

    /// Ends it as a loss of power would.
    pub fn kill(&mut self) -> Result<()> {
        self.process.signal(Signal::KILL);
        self.process.wait().map(drop)
    }

    /// Starts it again with what it left behind, and waits for nothing.
    pub fn restart(&mut self) -> Result<()> {
        let mut command = Command::new(&self.binary);
        command.args(&self.arguments);
        self.process = Process::spawn(&self.name, command, &self.folder)?;
        Ok(())
    }

    /// Waits until it knows a leader and a root certificate.
    pub fn wait_ready(&mut self) -> Result<()> {
        let mut ended = Ok(());
        wait::until("a leader and a root certificate", || {
            ended = self.process.check();
            if ended.is_err() {
                return Ok(Some(()));
            }
            let leads = self
                .get("/v1/status/leader")?
                .as_str()
                .is_some_and(|leader| !leader.is_empty());
            let signs = self.get("/v1/connect/ca/roots")?["Roots"]
                .as_array()
                .is_some_and(|roots| !roots.is_empty());
            Ok((leads && signs).then_some(()))
        })
        .with_context(|| format!("the agent's log closes with:\n{}", self.process.log_tail()))?;
        ended
    }

    /// Where its HTTP API listens.
    pub fn http(&self) -> SocketAddr {
        self.http
    }

    /// The folder of its files and of its proxies' logs.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The process, for its log and its end.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// GET of the HTTP API, which must succeed and answer JSON.
    pub fn get(&self, path: &str) -> Result<Value> {
        http::get(self.http, path)?
            .json()
            .with_context(|| path.to_owned())
    }

    /// PUT to the HTTP API, which must succeed.
    pub fn put(&self, path: &str, body: &Value) -> Result<()> {
        let text = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let response = http::send(self.http, hyper::Method::PUT, path, &text)?;
        ensure!(
            response.status == 200,
            "PUT {path}: status {}: {}",
            response.status,
            response.body
        );
        Ok(())
    }

    /// A `tribune` command that talks to this agent, with the agent's folder as its working one.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .args(arguments)
            .current_dir(&self.folder)
            .env("CONSUL_HTTP_ADDR", self.http.to_string());
        command
    }

    /// Runs a `tribune` command to its end.
    pub fn cli(&self, arguments: &[&str]) -> Result<Output> {
        let output = self
            .command(arguments)
            .output()
            .context("starting tribune")?;
        Ok(Output {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// Runs a `tribune` command that must succeed and gives its standard output.
    pub fn run(&self, arguments: &[&str]) -> Result<String> {
        let output = self.cli(arguments)?;
        ensure!(
            output.code == Some(0),
            "tribune {}: {output:?}",
            arguments.join(" ")
        );
        Ok(output.stdout)
    }

    /// The leaf certificate and key of `service`, with the roots, as text.
    pub fn secrets(&self, service: &str) -> Result<Secrets> {
        let leaf = self.get(&format!("/v1/agent/connect/ca/leaf/{service}"))?;
        let roots = self.get("/v1/connect/ca/roots")?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let rows = roots["Roots"].as_array().into_iter().flatten();
        Ok(Secrets {
            chain: text(&leaf["CertPEM"]),
            key: text(&leaf["PrivateKeyPEM"]),
            roots: rows.map(|root| text(&root["RootCert"])).collect(),
        })
    }

    /// The same in the hands of a client or server.
    pub fn identity(&self, service: &str) -> Result<Identity> {
        Identity::new(&self.secrets(service)?)
    }
}

/// Lays `over` on `base`, object by object.
pub(crate) fn merge(base: &mut Value, over: &Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (key, value) in over {
                merge(base.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (_, Value::Null) => {}
        (base, over) => *base = over.clone(),
    }
}
