//! `/v1/config`: config entries, as JSON objects in Consul's spelling.

use serde_json::Value;

use crate::client::{decode, escape};
use crate::{Answer, Client, Error, QueryOptions, WriteOptions};

/// Endpoints of config entries.
#[derive(Clone, Copy)]
pub struct ConfigEntries<'a>(pub(crate) &'a Client);

// === impl ConfigEntries ===

/// Each fails where the agent cannot be reached or refuses.
#[expect(
    clippy::missing_errors_doc,
    reason = "the same for every endpoint: see the line above"
)]
impl ConfigEntries<'_> {
    /// Writes an entry, an object with `Kind` and `Name`. False where [`WriteOptions::cas`] does not hold.
    pub async fn put(&self, entry: &Value, options: &WriteOptions) -> Result<bool, Error> {
        decode(
            "/v1/config",
            &self.0.put("/v1/config", options.query(), entry).await?,
        )
    }

    /// One entry; `None` where it does not exist.
    pub async fn entry(
        &self,
        kind: &str,
        name: &str,
        options: &QueryOptions,
    ) -> Result<Answer<Option<Value>>, Error> {
        self.0
            .get_optional(&path(kind, name), options.query())
            .await
    }

    /// The entries of a kind.
    pub async fn list(
        &self,
        kind: &str,
        options: &QueryOptions,
    ) -> Result<Answer<Vec<Value>>, Error> {
        self.0
            .get(&format!("/v1/config/{}", escape(kind)), options)
            .await
    }

    /// Deletes an entry, whether or not it exists. False where [`WriteOptions::cas`] does not hold.
    pub async fn delete(
        &self,
        kind: &str,
        name: &str,
        options: &WriteOptions,
    ) -> Result<bool, Error> {
        let path = path(kind, name);
        let body = self.0.delete(&path, options.query()).await?;
        // Without a condition the answer is an empty object.
        if options.cas.is_some() {
            decode(&path, &body)
        } else {
            Ok(true)
        }
    }
}

fn path(kind: &str, name: &str) -> String {
    format!("/v1/config/{}/{}", escape(kind), escape(name))
}
