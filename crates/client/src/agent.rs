//! `/v1/agent`: what one agent knows by itself.

use std::collections::BTreeMap;

use http::Method;
use http_body_util::Full;
use serde_json::{Value, json};
use tribune_types::Status;
use tribune_types::definition::{CheckType, ServiceDefinition};

use crate::body::RequestBody;
use crate::client::{decode, escape};
use crate::rows::{AgentService, Authorization, CaRoots, HealthCheck, LeafCertificate, Member};
use crate::{Answer, Client, Download, Error, QueryOptions};

/// Endpoints of the agent itself. What they return is the agent's own view, not the catalog's.
#[derive(Clone, Copy)]
pub struct Agent<'a>(pub(crate) &'a Client);

// === impl Agent ===

/// Each fails where the agent cannot be reached or refuses.
#[expect(
    clippy::missing_errors_doc,
    reason = "the same for every endpoint: see the line above"
)]
impl Agent<'_> {
    /// The agent's configuration, its own member record and the ports of its xDS server.
    pub async fn myself(&self) -> Result<Value, Error> {
        Ok(self
            .0
            .get("/v1/agent/self", &QueryOptions::default())
            .await?
            .value)
    }

    /// The members that the agent knows: of its own datacenter, or the servers of all of them (`wan`).
    pub async fn members(&self, wan: bool, options: &QueryOptions) -> Result<Vec<Member>, Error> {
        let mut query = options.query();
        if wan {
            query.push(("wan", "1".to_owned()));
        }
        Ok(self.0.query("/v1/agent/members", query).await?.value)
    }

    /// Makes the agent know a cluster through the member at this address; where `wan`, the servers of all
    /// datacenters.
    pub async fn join(&self, address: &str, wan: bool) -> Result<(), Error> {
        let query = wan.then(|| ("wan", "1".to_owned())).into_iter().collect();
        let path = format!("/v1/agent/join/{}", escape(address));
        self.0.put(&path, query, &()).await.map(drop)
    }

    /// Makes the agent leave its cluster and end.
    pub async fn leave(&self) -> Result<(), Error> {
        self.0
            .put("/v1/agent/leave", Vec::new(), &())
            .await
            .map(drop)
    }

    /// Makes the cluster count a failed member as one that has left; where `prune`, forget it.
    pub async fn force_leave(&self, node: &str, prune: bool, wan: bool) -> Result<(), Error> {
        let switches = [("prune", prune), ("wan", wan)];
        let query = switches.into_iter().filter(|(_, on)| *on);
        let query = query.map(|(name, _)| (name, "1".to_owned())).collect();
        let path = format!("/v1/agent/force-leave/{}", escape(node));
        self.0.put(&path, query, &()).await.map(drop)
    }

    /// Makes the agent read its configuration again.
    pub async fn reload(&self) -> Result<(), Error> {
        self.0
            .put("/v1/agent/reload", Vec::new(), &())
            .await
            .map(drop)
    }

    /// The machine that the agent runs on.
    pub async fn host(&self) -> Result<Value, Error> {
        Ok(self
            .0
            .get("/v1/agent/host", &QueryOptions::default())
            .await?
            .value)
    }

    /// The agent's log from now on, until the download is dropped or the agent ends.
    pub async fn monitor(&self, level: &str, json: bool) -> Result<Download, Error> {
        let mut query = vec![("loglevel", level.to_owned())];
        if json {
            query.push(("logjson", "true".to_owned()));
        }
        let body = RequestBody::Whole(Full::default());
        let path = "/v1/agent/monitor";
        let response = self.0.stream(Method::GET, path, query, body).await?;
        Ok(response.into_body())
    }

    /// The services registered with the agent, by ID.
    pub async fn services(
        &self,
        options: &QueryOptions,
    ) -> Result<BTreeMap<String, AgentService>, Error> {
        Ok(self.0.get("/v1/agent/services", options).await?.value)
    }

    /// One of them; `None` where there is none of that ID. Blocks by [`QueryOptions::hash`].
    pub async fn service(
        &self,
        id: &str,
        options: &QueryOptions,
    ) -> Result<Answer<Option<AgentService>>, Error> {
        self.0
            .get_optional(
                &format!("/v1/agent/service/{}", escape(id)),
                options.query(),
            )
            .await
    }

    /// The checks registered with the agent, by ID.
    pub async fn checks(
        &self,
        options: &QueryOptions,
    ) -> Result<BTreeMap<String, HealthCheck>, Error> {
        Ok(self.0.get("/v1/agent/checks", options).await?.value)
    }

    /// Registers a service, and removes checks that it no longer has if told so.
    pub async fn register_service(
        &self,
        service: &ServiceDefinition,
        replace_checks: bool,
    ) -> Result<(), Error> {
        let query = if replace_checks {
            vec![("replace-existing-checks", String::new())]
        } else {
            Vec::new()
        };
        self.0
            .put("/v1/agent/service/register", query, service)
            .await
            .map(drop)
    }

    /// Removes a service.
    pub async fn deregister_service(&self, id: &str) -> Result<(), Error> {
        self.0
            .put(
                &format!("/v1/agent/service/deregister/{}", escape(id)),
                Vec::new(),
                &(),
            )
            .await
            .map(drop)
    }

    /// Registers a check.
    pub async fn register_check(&self, check: &CheckType) -> Result<(), Error> {
        self.0
            .put("/v1/agent/check/register", Vec::new(), check)
            .await
            .map(drop)
    }

    /// Removes a check.
    pub async fn deregister_check(&self, id: &str) -> Result<(), Error> {
        self.0
            .put(
                &format!("/v1/agent/check/deregister/{}", escape(id)),
                Vec::new(),
                &(),
            )
            .await
            .map(drop)
    }

    /// Reports the result of a check with a time to live.
    pub async fn update_check(&self, id: &str, status: &Status, output: &str) -> Result<(), Error> {
        let body = json!({"Status": status, "Output": output});
        self.0
            .put(
                &format!("/v1/agent/check/update/{}", escape(id)),
                Vec::new(),
                &body,
            )
            .await
            .map(drop)
    }

    /// The mesh's root certificates, as the agent has them.
    pub async fn ca_roots(&self, options: &QueryOptions) -> Result<Answer<CaRoots>, Error> {
        self.0.get("/v1/agent/connect/ca/roots", options).await
    }

    /// A service's certificate and its private key.
    pub async fn leaf(
        &self,
        service: &str,
        options: &QueryOptions,
    ) -> Result<Answer<LeafCertificate>, Error> {
        self.0
            .get(
                &format!("/v1/agent/connect/ca/leaf/{}", escape(service)),
                options,
            )
            .await
    }

    /// Whether the holder of a client certificate may connect to `target`.
    pub async fn authorize(
        &self,
        target: &str,
        client_cert_uri: &str,
        serial: &str,
    ) -> Result<Authorization, Error> {
        let path = "/v1/agent/connect/authorize";
        let body =
            json!({"Target": target, "ClientCertURI": client_cert_uri, "ClientCertSerial": serial});
        decode(
            path,
            &self.0.write(Method::POST, path, Vec::new(), &body).await?,
        )
    }
}
