//! What stands behind the API.

use std::future::Future;

use tribune_acl::Authorizer;
use tribune_types::Token;
use tribune_types::call::{Answer, CallError, Options, Request, StreamRequest};

use crate::restrictions::Restrictions;
use crate::stream::{Chunks, Streamed};

/// Answers requests: a server from its own store, an agent by asking one.
pub trait Api: Send + Sync + 'static {
    /// What the holder of `token` may do, before anything of the request is read.
    ///
    /// # Errors
    /// [`CallError::UnknownToken`] where there is no such token.
    fn authorizer(&self, token: &Token) -> Result<Authorizer, CallError>;

    /// Answers one request. A read with [`Options::min_index`] waits; dropping the future ends the wait.
    fn call(
        &self,
        request: Request,
        options: Options,
        authorizer: Authorizer,
    ) -> impl Future<Output = Result<Answer, CallError>> + Send;

    /// Answers a request piece by piece, or takes its body so. Whoever is allowed nothing must be refused
    /// before a piece of `body` is asked for.
    fn stream(
        &self,
        request: StreamRequest,
        body: Chunks,
        options: Options,
        authorizer: Authorizer,
    ) -> impl Future<Output = Result<Streamed, CallError>> + Send;
}

/// What an operator can set about the API.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whether every JSON answer is indented, as in `-dev` mode.
    pub always_indented: bool,
    /// Whether what no ACL rule is about is allowed; told to clients in a header.
    pub default_allow: bool,
    /// Most bytes of a request's body that are read.
    pub body_limit: usize,
    /// Headers added to every answer.
    pub response_headers: Vec<(http::HeaderName, http::HeaderValue)>,
    /// Which requests are refused whoever makes them.
    pub restrictions: Restrictions,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            always_indented: false,
            default_allow: true,
            body_limit: 1 << 20,
            response_headers: Vec::new(),
            restrictions: Restrictions::default(),
        }
    }
}
