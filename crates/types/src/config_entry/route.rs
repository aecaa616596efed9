//! What the routes of API gateways have in common.

use super::reference::{ResourceReference, Status};
use crate::ServiceName;

/// An `http-route` or a `tcp-route`.
pub trait GatewayRoute: Sized {
    /// The gateways, or the listeners of gateways, that it is for.
    fn parents(&self) -> &[ResourceReference];

    /// What the control plane says about it.
    fn status(&self) -> &Status;

    /// The same route with another status.
    #[must_use]
    fn with_status(&self, status: Status) -> Self;

    /// The services that it leads to, each time that it does.
    fn services(&self) -> Vec<ServiceName>;
}
