//! `/v1/catalog`: the nodes and services of the cluster.

use std::collections::BTreeMap;

use tribune_types::request::{DeregisterRequest, RegisterRequest};

use crate::client::escape;
use crate::rows::{Node, NodeServices, ServiceNode};
use crate::{Answer, Client, Error, QueryOptions};

/// Endpoints of the catalog.
#[derive(Clone, Copy)]
pub struct Catalog<'a>(pub(crate) &'a Client);

// === impl Catalog ===

/// Each fails where the agent cannot be reached or refuses.
#[expect(
    clippy::missing_errors_doc,
    reason = "the same for every endpoint: see the line above"
)]
impl Catalog<'_> {
    /// Puts a node, a service or checks into the catalog.
    pub async fn register(&self, request: &RegisterRequest) -> Result<(), Error> {
        self.0
            .put("/v1/catalog/register", Vec::new(), request)
            .await
            .map(drop)
    }

    /// Takes a node, a service or a check out of the catalog.
    pub async fn deregister(&self, request: &DeregisterRequest) -> Result<(), Error> {
        self.0
            .put("/v1/catalog/deregister", Vec::new(), request)
            .await
            .map(drop)
    }

    /// The datacenters that are known.
    pub async fn datacenters(&self) -> Result<Vec<String>, Error> {
        Ok(self
            .0
            .get("/v1/catalog/datacenters", &QueryOptions::default())
            .await?
            .value)
    }

    /// The nodes.
    pub async fn nodes(&self, options: &QueryOptions) -> Result<Answer<Vec<Node>>, Error> {
        self.0.get("/v1/catalog/nodes", options).await
    }

    /// The names of the services, each with the tags of all its instances.
    pub async fn services(
        &self,
        options: &QueryOptions,
    ) -> Result<Answer<BTreeMap<String, Vec<String>>>, Error> {
        self.0.get("/v1/catalog/services", options).await
    }

    /// The instances of a service.
    pub async fn service(
        &self,
        name: &str,
        options: &QueryOptions,
    ) -> Result<Answer<Vec<ServiceNode>>, Error> {
        self.0
            .get(&format!("/v1/catalog/service/{}", escape(name)), options)
            .await
    }

    /// The instances that take mesh traffic for a service: its proxies and those that speak mutual TLS themselves.
    pub async fn connect(
        &self,
        name: &str,
        options: &QueryOptions,
    ) -> Result<Answer<Vec<ServiceNode>>, Error> {
        self.0
            .get(&format!("/v1/catalog/connect/{}", escape(name)), options)
            .await
    }

    /// A node and its services; without a node where it is not known.
    pub async fn node_services(
        &self,
        node: &str,
        options: &QueryOptions,
    ) -> Result<Answer<NodeServices>, Error> {
        self.0
            .get(
                &format!("/v1/catalog/node-services/{}", escape(node)),
                options,
            )
            .await
    }
}
