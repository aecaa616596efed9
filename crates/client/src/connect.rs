//! `/v1/connect/ca` and `/v1/discovery-chain`.

use serde_json::Value;

use crate::client::escape;
use crate::rows::CaRoots;
use crate::{Answer, Client, Error, QueryOptions};

/// Endpoints of the certificate authority and of discovery chains.
#[derive(Clone, Copy)]
pub struct Connect<'a>(pub(crate) &'a Client);

// === impl Connect ===

/// Each fails where the agent cannot be reached or refuses.
#[expect(
    clippy::missing_errors_doc,
    reason = "the same for every endpoint: see the line above"
)]
impl Connect<'_> {
    /// The mesh's root certificates.
    pub async fn ca_roots(&self, options: &QueryOptions) -> Result<Answer<CaRoots>, Error> {
        self.0.get("/v1/connect/ca/roots", options).await
    }

    /// Configuration of the certificate authority, as JSON in Consul's spelling.
    pub async fn ca_configuration(&self, options: &QueryOptions) -> Result<Value, Error> {
        Ok(self
            .0
            .get("/v1/connect/ca/configuration", options)
            .await?
            .value)
    }

    /// Configures the certificate authority.
    pub async fn set_ca_configuration(&self, configuration: &Value) -> Result<(), Error> {
        self.0
            .put("/v1/connect/ca/configuration", Vec::new(), configuration)
            .await
            .map(drop)
    }

    /// What a service name resolves to: the compiled chain, as JSON in Consul's spelling.
    pub async fn discovery_chain(
        &self,
        service: &str,
        options: &QueryOptions,
    ) -> Result<Answer<Value>, Error> {
        self.0
            .get(&format!("/v1/discovery-chain/{}", escape(service)), options)
            .await
    }
}
