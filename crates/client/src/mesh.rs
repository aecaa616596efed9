//! `/v1/mesh`: Tribune's own endpoints.

use tribune_types::proxy_status::Proxy;

use crate::{Client, Error};

/// Endpoints that Tribune has beside Consul's.
#[derive(Clone, Copy)]
pub struct Mesh<'a>(pub(crate) &'a Client);

// === impl Mesh ===

/// Each fails where the agent cannot be reached or refuses.
#[expect(
    clippy::missing_errors_doc,
    reason = "the same for every endpoint: see the line above"
)]
impl Mesh<'_> {
    /// The proxies connected to this agent, or to any agent of the cluster, and what each has of what it
    /// should have.
    pub async fn proxies(&self, cluster: bool) -> Result<Vec<Proxy>, Error> {
        let query = if cluster {
            vec![("cluster", String::new())]
        } else {
            Vec::new()
        };
        Ok(self.0.query("/v1/mesh/proxies", query).await?.value)
    }
}
