//! `/v1/status`: the servers.

use crate::{Client, Error, QueryOptions};

/// Endpoints of the servers' state.
#[derive(Clone, Copy)]
pub struct Status<'a>(pub(crate) &'a Client);

// === impl Status ===

/// Each fails where the agent cannot be reached or refuses.
#[expect(
    clippy::missing_errors_doc,
    reason = "the same for every endpoint: see the line above"
)]
impl Status<'_> {
    /// Address of the leader; empty where there is none.
    pub async fn leader(&self) -> Result<String, Error> {
        Ok(self
            .0
            .get("/v1/status/leader", &QueryOptions::default())
            .await?
            .value)
    }

    /// Addresses of the servers.
    pub async fn peers(&self) -> Result<Vec<String>, Error> {
        Ok(self
            .0
            .get("/v1/status/peers", &QueryOptions::default())
            .await?
            .value)
    }
}
