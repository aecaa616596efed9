//! What an agent answers itself.

pub(crate) mod checks;
pub(crate) mod health;
pub(crate) mod myself;
pub(crate) mod services;
