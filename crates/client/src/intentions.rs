//! `/v1/connect/intentions`: who may talk to whom.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::rows::Intention;
use crate::{Answer, Client, Error, QueryOptions, WriteOptions};

/// Endpoints of intentions. Names are those of services, or `*` for every one.
#[derive(Clone, Copy)]
pub struct Intentions<'a>(pub(crate) &'a Client);

/// On which side of an intention a name is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatchBy {
    /// Among the services that connect.
    Source,
    /// Among the services connected to.
    Destination,
}

const EXACT: &str = "/v1/connect/intentions/exact";

// === impl Intentions ===

/// Each fails where the agent cannot be reached or refuses.
#[expect(
    clippy::missing_errors_doc,
    reason = "the same for every endpoint: see the line above"
)]
impl Intentions<'_> {
    /// All of them, in the order in which they are judged.
    pub async fn list(&self, options: &QueryOptions) -> Result<Answer<Vec<Intention>>, Error> {
        self.0.get("/v1/connect/intentions", options).await
    }

    /// The one between two services; `None` where there is none.
    pub async fn exact(
        &self,
        source: &str,
        destination: &str,
        options: &QueryOptions,
    ) -> Result<Answer<Option<Intention>>, Error> {
        let mut query = options.query();
        query.extend(pair(source, destination));
        self.0.get_optional(EXACT, query).await
    }

    /// Writes the one between two services; the names in the body are those of the arguments, or empty.
    pub async fn put(
        &self,
        source: &str,
        destination: &str,
        body: &Intention,
        options: &WriteOptions,
    ) -> Result<(), Error> {
        let mut query = options.query();
        query.extend(pair(source, destination));
        self.0.put(EXACT, query, body).await.map(drop)
    }

    /// Deletes the one between two services, whether or not it exists.
    pub async fn delete(
        &self,
        source: &str,
        destination: &str,
        options: &WriteOptions,
    ) -> Result<(), Error> {
        let mut query = options.query();
        query.extend(pair(source, destination));
        self.0.delete(EXACT, query).await.map(drop)
    }

    /// Those that could matter to a service, in the order in which they are judged.
    pub async fn matching(
        &self,
        by: MatchBy,
        name: &str,
        options: &QueryOptions,
    ) -> Result<Answer<Vec<Intention>>, Error> {
        let mut query = options.query();
        let by = match by {
            MatchBy::Source => "source",
            MatchBy::Destination => "destination",
        };
        query.extend([("by", by.to_owned()), ("name", name.to_owned())]);
        let answer = self.0.query("/v1/connect/intentions/match", query).await?;
        Ok(
            answer.map(|mut by_name: BTreeMap<String, Option<Vec<Intention>>>| {
                by_name.remove(name).flatten().unwrap_or_default()
            }),
        )
    }

    /// Whether `source` may connect to `destination`. Intentions with permissions, which depend on the request, count as no.
    pub async fn check(
        &self,
        source: &str,
        destination: &str,
        options: &QueryOptions,
    ) -> Result<bool, Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Check {
            allowed: bool,
        }
        let mut query = options.query();
        query.extend(pair(source, destination));
        let answer = self
            .0
            .query::<Check>("/v1/connect/intentions/check", query)
            .await?;
        Ok(answer.value.allowed)
    }
}

fn pair(source: &str, destination: &str) -> [(&'static str, String); 2] {
    [
        ("source", source.to_owned()),
        ("destination", destination.to_owned()),
    ]
}
