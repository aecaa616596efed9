//! `/v1/health`: instances and checks by their health.

use tribune_types::Status;

use crate::client::escape;
use crate::rows::{CheckServiceNode, HealthCheck};
use crate::{Answer, Client, Error, QueryOptions};

/// Endpoints of health.
#[derive(Clone, Copy)]
pub struct Health<'a>(pub(crate) &'a Client);

// === impl Health ===

/// Each fails where the agent cannot be reached or refuses.
#[expect(
    clippy::missing_errors_doc,
    reason = "the same for every endpoint: see the line above"
)]
impl Health<'_> {
    /// The checks of a node.
    pub async fn node(
        &self,
        node: &str,
        options: &QueryOptions,
    ) -> Result<Answer<Vec<HealthCheck>>, Error> {
        self.0
            .get(&format!("/v1/health/node/{}", escape(node)), options)
            .await
    }

    /// The checks of a service's instances.
    pub async fn checks(
        &self,
        service: &str,
        options: &QueryOptions,
    ) -> Result<Answer<Vec<HealthCheck>>, Error> {
        self.0
            .get(&format!("/v1/health/checks/{}", escape(service)), options)
            .await
    }

    /// The checks in a state; all of them where `None`.
    pub async fn state(
        &self,
        state: Option<&Status>,
        options: &QueryOptions,
    ) -> Result<Answer<Vec<HealthCheck>>, Error> {
        let state = state.map_or("any", Status::as_str);
        self.0
            .get(&format!("/v1/health/state/{}", escape(state)), options)
            .await
    }

    /// The instances of a service, with their nodes and checks.
    pub async fn service(
        &self,
        name: &str,
        options: &QueryOptions,
    ) -> Result<Answer<Vec<CheckServiceNode>>, Error> {
        self.0
            .get(&format!("/v1/health/service/{}", escape(name)), options)
            .await
    }

    /// The instances that take mesh traffic for a service, with their nodes and checks.
    pub async fn connect(
        &self,
        name: &str,
        options: &QueryOptions,
    ) -> Result<Answer<Vec<CheckServiceNode>>, Error> {
        self.0
            .get(&format!("/v1/health/connect/{}", escape(name)), options)
            .await
    }
}
