//! What the tables say after commands, and whom a command wakes.

mod catalog;
mod codec;
mod config;
mod entries;
mod restore;
mod support;
mod watches;
