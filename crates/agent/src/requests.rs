//! What an agent answers itself.

pub(crate) mod checks;
pub(crate) mod health;
pub(crate) mod host;
pub(crate) mod members;
pub(crate) mod myself;
pub(crate) mod operator;
pub(crate) mod proxies;
pub(crate) mod services;
pub(crate) mod streams;
