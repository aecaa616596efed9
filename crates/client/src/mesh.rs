//! `/v1/mesh`: Tribune's own endpoints.

use crate::rows::Proxy;
use crate::{Client, Error, QueryOptions};

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
    /// The proxies connected to this agent, and what each has of what it should have.
    pub async fn proxies(&self) -> Result<Vec<Proxy>, Error> {
        Ok(self
            .0
            .get("/v1/mesh/proxies", &QueryOptions::default())
            .await?
            .value)
    }
}
