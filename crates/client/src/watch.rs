//! Blocking queries, one after the other.

use std::future::Future;

use crate::{Answer, Error, QueryOptions};

/// Repeats a blocking query and yields its answer whenever that has changed.
///
/// ```no_run
/// # async fn example(client: tribune_client::Client) -> Result<(), tribune_client::Error> {
/// use tribune_client::{QueryOptions, Watch};
///
/// let mut watch = Watch::new(QueryOptions { passing: true, ..QueryOptions::default() }, async |options| {
///     client.health().service("web", &options).await
/// });
/// loop {
///     let instances = watch.next().await?;
///     println!("{} instances", instances.value.len());
/// }
/// # }
/// ```
///
/// After an error the next call starts over from the last index; waiting before that is up to the caller.
#[derive(Debug)]
pub struct Watch<Q> {
    options: QueryOptions,
    query: Q,
}

// === impl Watch ===

impl<Q> Watch<Q> {
    /// A watch of `query`, which is given the options to ask with. The first answer comes at once.
    pub const fn new(options: QueryOptions, query: Q) -> Self {
        Self { options, query }
    }

    /// The next answer that differs from the last one by its index.
    ///
    /// # Errors
    /// Whatever the query fails with.
    pub async fn next<T, F>(&mut self) -> Result<Answer<T>, Error>
    where
        Q: FnMut(QueryOptions) -> F,
        F: Future<Output = Result<Answer<T>, Error>>,
    {
        loop {
            let before = self.options.index;
            let answer = (self.query)(self.options.clone()).await?;
            // An index that went back means that the servers lost their state, so everything is new. 0 would not block.
            self.options.index = if answer.index < before {
                0
            } else {
                answer.index.max(1)
            };
            if answer.index != before {
                return Ok(answer);
            }
        }
    }
}
