//! The server in this process.

use std::sync::Arc;

use tribune_acl::{Authorizer, Resolver};
use tribune_derived::Source;
use tribune_leaf::{Issuer, LocalIssuer, Now};
use tribune_server::Server;
use tribune_types::call::{CallError, Options, Query, Write};

use super::{Asked, Servers};

/// A server that runs in the agent's process.
pub(crate) struct LocalServers {
    server: Arc<Server>,
    resolver: Arc<dyn Resolver>,
    now: Now,
}

impl LocalServers {
    /// Asks `server`; `now` tells the time of day.
    pub(crate) fn new(server: Arc<Server>, resolver: Arc<dyn Resolver>, now: Now) -> Self {
        Self {
            server,
            resolver,
            now,
        }
    }

    fn authorizer(&self, options: &Options) -> Result<Authorizer, CallError> {
        self.resolver
            .resolve(&options.token)
            .map_err(|_| CallError::UnknownToken)
    }
}

impl Servers for LocalServers {
    fn query<'a>(&'a self, query: &'a Query, options: &'a Options) -> Asked<'a> {
        Box::pin(async move {
            let authorizer = self.authorizer(options)?;
            self.server.query(query, options, &authorizer).await
        })
    }

    fn write<'a>(&'a self, write: Write, options: &'a Options) -> Asked<'a> {
        Box::pin(async move {
            let authorizer = self.authorizer(options)?;
            self.server.write(write, options, &authorizer).await
        })
    }

    fn source(&self) -> Arc<dyn Source> {
        self.server.source()
    }

    fn issuer(&self) -> Arc<dyn Issuer> {
        Arc::new(LocalIssuer::new(self.server.signer(), self.now.clone()))
    }
}
