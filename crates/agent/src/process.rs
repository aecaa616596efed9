//! The agent as a process: its folder, its signals, and whoever supervises it.

mod data_dir;
mod notify;
mod pid_file;
mod signals;

pub(crate) use data_dir::DataDir;
pub(crate) use notify::{Notice, notify};
pub(crate) use pid_file::PidFile;
pub(crate) use signals::{Ending, Signals};
