//! The `tribune` command: every subcommand, as a library over writers and readers that the caller supplies.
//!
//! [`run`] takes arguments as Consul's command line spells them (`-flag value`, `-flag=value`, `--flag`; flags before
//! positional arguments) and gives the exit code. A subcommand is one entry of the tree in `commands`, with a function
//! that declares its flags and one that carries it out.
//!
//! Invariant: what a subcommand knows of the mesh it has from the agent's HTTP API, like any user.
//! Invariant: results go to the output, everything else to the error output; only `main` touches those of the process.

mod arguments;
mod commands;
mod context;
mod failure;
mod files;
mod flags;
mod output;
mod print;
mod run;
mod tree;

pub use context::Context;
pub use output::Output;
pub use run::run;
