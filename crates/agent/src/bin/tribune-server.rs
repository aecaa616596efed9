//! `tribune-server`: an agent that is a server, for images that want one job.

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    tribune_agent::exit(tribune_agent::main(&arguments, true))
}
