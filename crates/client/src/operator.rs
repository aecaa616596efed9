//! `/v1/operator`: how the cluster is operated.

use http::Method;
use serde_json::json;
use tribune_types::keyring::{Answer as KeyringAnswer, Key, Operation, Request};
use tribune_types::raft::{Configuration, Selector};
use tribune_types::{Index, autopilot};

use crate::client::decode;
use crate::options::Query;
use crate::{Client, Error, QueryOptions, WriteOptions};

const PEER: &str = "/v1/operator/raft/peer";
const TRANSFER: &str = "/v1/operator/raft/transfer-leader";
const AUTOPILOT: &str = "/v1/operator/autopilot/configuration";
const KEYRING: &str = "/v1/operator/keyring";

/// Endpoints for operators.
#[derive(Clone, Copy)]
pub struct Operator<'a>(pub(crate) &'a Client);

// === impl Operator ===

/// Each fails where the agent cannot be reached or refuses.
#[expect(
    clippy::missing_errors_doc,
    reason = "the same for every endpoint: see the line above"
)]
impl Operator<'_> {
    /// The servers of the log.
    pub async fn raft_configuration(&self, options: &QueryOptions) -> Result<Configuration, Error> {
        let path = "/v1/operator/raft/configuration";
        Ok(self.0.get(path, options).await?.value)
    }

    /// Takes a server out of the log.
    pub async fn remove_peer(&self, peer: &Selector, options: &WriteOptions) -> Result<(), Error> {
        let mut query = options.query();
        query.push(match peer {
            Selector::Id(id) => ("id", id.clone()),
            Selector::Address(address) => ("address", address.clone()),
        });
        self.0.delete(PEER, query).await.map(drop)
    }

    /// Has another server lead: that of this ID, or any.
    pub async fn transfer_leader(
        &self,
        id: Option<&str>,
        options: &WriteOptions,
    ) -> Result<(), Error> {
        let mut query = options.query();
        query.extend(id.map(|id| ("id", id.to_owned())));
        self.0
            .write(Method::POST, TRANSFER, query, &json!({}))
            .await
            .map(drop)
    }

    /// Settings of autopilot.
    pub async fn autopilot_configuration(
        &self,
        options: &QueryOptions,
    ) -> Result<autopilot::Configuration, Error> {
        Ok(self.0.get(AUTOPILOT, options).await?.value)
    }

    /// Changes them if they were last modified at `cas`, where that is given. Tells whether it did.
    pub async fn set_autopilot_configuration(
        &self,
        configuration: &autopilot::Configuration,
        cas: Option<Index>,
        options: &WriteOptions,
    ) -> Result<bool, Error> {
        let mut query = options.query();
        query.extend(cas.map(|index| ("cas", index.to_string())));
        decode(
            AUTOPILOT,
            &self.0.put(AUTOPILOT, query, configuration).await?,
        )
    }

    /// Whether the servers are healthy. Where they are not, that is an answer too.
    pub async fn autopilot_health(
        &self,
        options: &QueryOptions,
    ) -> Result<autopilot::Health, Error> {
        let path = "/v1/operator/autopilot/health";
        match self.0.get(path, options).await {
            Ok(answer) => Ok(answer.value),
            Err(Error::Status { status: 429, body }) => decode(path, body.as_bytes()),
            Err(error) => Err(error),
        }
    }

    /// What autopilot knows of the servers.
    pub async fn autopilot_state(&self, options: &QueryOptions) -> Result<autopilot::State, Error> {
        let path = "/v1/operator/autopilot/state";
        Ok(self.0.get(path, options).await?.value)
    }

    /// Looks at or changes the keys that gossip is encrypted with. Only a list has answers.
    pub async fn keyring(&self, request: &Request) -> Result<Vec<KeyringAnswer>, Error> {
        let mut query: Query = Vec::new();
        if request.relay_factor > 0 {
            query.push(("relay-factor", request.relay_factor.to_string()));
        }
        let (method, key) = match &request.operation {
            Operation::List { local_only } => {
                if *local_only {
                    query.push(("local-only", "true".to_owned()));
                }
                return Ok(self.0.query(KEYRING, query).await?.value);
            }
            Operation::Install(key) => (Method::POST, key),
            Operation::Use(key) => (Method::PUT, key),
            Operation::Remove(key) => (Method::DELETE, key),
        };
        self.0.write(method, KEYRING, query, &body(key)).await?;
        Ok(Vec::new())
    }
}

fn body(key: &Key) -> serde_json::Value {
    json!({ "Key": key.secret() })
}
