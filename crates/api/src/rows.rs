//! Rows as the API prints them, borrowed from where they are kept.

mod catalog;
mod chain;

pub use catalog::{
    AgentServiceRow, CheckRow, CheckServiceNodeRow, NodeRow, NodeServiceRow, ServiceNodeRow,
};
pub use chain::{ChainRow, overrides};
