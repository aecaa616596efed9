//! The servers, as an agent needs them: in its own process, or elsewhere. Nothing above can tell which.

mod local;
mod remote;
mod rows;

use std::pin::Pin;
use std::sync::Arc;

use tribune_derived::Source;
use tribune_leaf::Issuer;
use tribune_types::call::{Answer, CallError, Options, Query, Write};

pub(crate) use local::LocalServers;
pub(crate) use remote::RemoteServers;
pub(crate) use rows::{
    check_request, check_row, deregistration_of_check, deregistration_of_service, in_catalog,
    register, register_node, service_request, service_row,
};

/// An answer on its way.
pub(crate) type Asked<'a> = Pin<Box<dyn Future<Output = Result<Answer, CallError>> + Send + 'a>>;

/// Whoever keeps the catalog. Requests are authorised there, by the token in their options.
pub(crate) trait Servers: Send + Sync + 'static {
    /// Answers a read, waiting where the options ask for it. Dropping the future ends the wait.
    fn query<'a>(&'a self, query: &'a Query, options: &'a Options) -> Asked<'a>;

    /// Makes a change.
    fn write<'a>(&'a self, write: Write, options: &'a Options) -> Asked<'a>;

    /// Yields derived values.
    fn source(&self) -> Arc<dyn Source>;

    /// Certifies keys of this process.
    fn issuer(&self) -> Arc<dyn Issuer>;
}
