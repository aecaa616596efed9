//! The routes, by the group of endpoints that they belong to.

mod agent;
mod catalog;
mod config;
mod connect;
mod health;
mod mesh;
mod operator;
mod stream;

use crate::route::Route;

pub(crate) use stream::STREAMS;

/// Every route there is.
pub(crate) fn all() -> impl Iterator<Item = &'static Route> {
    [
        agent::ROUTES,
        catalog::ROUTES,
        config::ROUTES,
        connect::ROUTES,
        health::ROUTES,
        mesh::ROUTES,
        operator::ROUTES,
    ]
    .into_iter()
    .flatten()
}
