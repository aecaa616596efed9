//! The mesh of the examples: `web` calls `api` through their sidecars.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};

use crate::examples::Ports;
use crate::{Agent, Service, Sidecar, wait};

/// A running agent, the services and their sidecars. Fields end in this order: Envoys before the agent.
#[derive(Debug)]
pub struct Mesh {
    /// The sidecar of web.
    pub web_sidecar: Sidecar,
    /// The sidecar of the first api instance.
    pub api_sidecar: Sidecar,
    /// The second api instance with its sidecar, once started.
    pub second: Option<(Sidecar, Service)>,
    /// The service that calls api.
    pub web: Service,
    /// The first api instance.
    pub api: Service,
    /// The agent.
    pub agent: Agent,
    ports: Ports,
}

// === impl Mesh ===

impl Mesh {
    /// Starts everything but the second api instance; files and logs go to `folder`, which is emptied.
    ///
    /// `leaf_ttl` is how long leaf certificates live, as the agent's configuration spells it.
    pub fn start(binary: &Path, folder: &Path, leaf_ttl: &str) -> Result<Self> {
        let ports = Ports::new()?;
        let agent = Self::agent(binary, folder, &ports, leaf_ttl)?;
        let api = Service::start("api-1", ports.of(8081))?;
        let upstream = SocketAddr::from(([127, 0, 0, 1], ports.of(9101)));
        let web = Service::start_in_front_of(upstream, "web", ports.of(8080))?;
        agent.run(&["config", "write", "examples/api-defaults.hcl"])?;
        agent.run(&[
            "services",
            "register",
            "examples/api.hcl",
            "examples/web.hcl",
        ])?;
        let api_sidecar = Sidecar::start(&agent, "api", ports.of(19001))?;
        let web_sidecar = Sidecar::start(&agent, "web", ports.of(19000))?;
        let mut mesh = Self {
            web_sidecar,
            api_sidecar,
            second: None,
            web,
            api,
            agent,
            ports,
        };
        mesh.api_sidecar.wait_ready()?;
        mesh.web_sidecar.wait_ready()?;
        Ok(mesh)
    }

    /// Only the agent, with the examples beside it.
    pub fn agent(binary: &Path, folder: &Path, ports: &Ports, leaf_ttl: &str) -> Result<Agent> {
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        ports.write_examples(&folder.join("examples"))?;
        let config =
            json!({"connect": {"enabled": true, "ca_config": {"leaf_cert_ttl": leaf_ttl}}});
        Agent::start(binary, folder, ports, &config)
    }

    /// Where web's sidecar takes what is meant for api.
    pub fn upstream(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.ports.of(9101)))
    }

    /// Where the sidecar of the first api instance takes connections of the mesh.
    pub fn api_public(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.ports.of(21001)))
    }

    /// Starts the second api instance with its sidecar; nothing is sent to it before
    /// [`Mesh::admit_second_api`].
    pub fn start_second_api(&mut self) -> Result<()> {
        let service = Service::start("api-2", self.ports.of(8082))?;
        self.agent
            .run(&["services", "register", "examples/api-2.hcl"])?;
        let mut sidecar = Sidecar::start(&self.agent, "api-2", self.ports.of(19002))?;
        sidecar.wait_ready()?;
        self.second = Some((sidecar, service));
        wait::until("the agent to see the sidecar listen", || {
            let checks = self.agent.get("/v1/agent/checks")?;
            let mut checks = checks
                .as_object()
                .into_iter()
                .flatten()
                .map(|(_, check)| check);
            let listens = |check: &Value| {
                check["ServiceID"] == "api-2-sidecar-proxy"
                    && check["Type"] == "tcp"
                    && check["Status"] == "passing"
            };
            Ok(checks.any(listens).then_some(()))
        })?;
        Ok(())
    }

    /// Reports the second api instance ready, so that it gets its share.
    pub fn admit_second_api(&self) -> Result<()> {
        self.agent
            .put("/v1/agent/check/pass/api-2-ready", &Value::Null)
    }
}
