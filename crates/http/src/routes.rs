//! The routes, by the group of endpoints that they belong to.

mod agent;
mod catalog;
mod config;
mod connect;
mod health;
mod mesh;

use crate::route::Route;

/// Every route there is.
pub(crate) fn all() -> impl Iterator<Item = &'static Route> {
    [
        agent::ROUTES,
        catalog::ROUTES,
        config::ROUTES,
        connect::ROUTES,
        health::ROUTES,
        mesh::ROUTES,
    ]
    .into_iter()
    .flatten()
}
