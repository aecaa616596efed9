//! `/v1/snapshot`: everything that the servers keep.

use http::{HeaderName, Method};
use http_body_util::Full;
use tokio::io::AsyncRead;

use crate::body::RequestBody;
use crate::{Client, Download, Error, QueryOptions, WriteOptions};

const INDEX: HeaderName = HeaderName::from_static("x-consul-index");

/// Endpoints of snapshots.
#[derive(Clone, Copy)]
pub struct Snapshot<'a>(pub(crate) &'a Client);

/// A snapshot on its way.
#[derive(Debug)]
pub struct Saved {
    /// Index of the last change that is in it.
    pub index: u64,
    /// The archive.
    pub archive: Download,
}

// === impl Snapshot ===

/// Each fails where the agent cannot be reached or refuses.
#[expect(
    clippy::missing_errors_doc,
    reason = "the same for every endpoint: see the line above"
)]
impl Snapshot<'_> {
    /// Takes a snapshot. Whoever writes it somewhere should look whether it is whole before relying on it.
    pub async fn save(&self, options: &QueryOptions) -> Result<Saved, Error> {
        let body = RequestBody::Whole(Full::default());
        let response = self
            .0
            .stream(Method::GET, "/v1/snapshot", options.query(), body)
            .await?;
        let index = response.headers().get(INDEX);
        Ok(Saved {
            index: index
                .and_then(|value| value.to_str().ok()?.parse().ok())
                .unwrap_or(0),
            archive: response.into_body(),
        })
    }

    /// Puts an archive in the place of everything that the servers keep.
    pub async fn restore(
        &self,
        archive: impl AsyncRead + Send + 'static,
        options: &WriteOptions,
    ) -> Result<(), Error> {
        let body = RequestBody::Read(Box::pin(archive));
        let response = self
            .0
            .stream(Method::PUT, "/v1/snapshot", options.query(), body)
            .await?;
        response.into_body().rest().await.map(drop)
    }
}
