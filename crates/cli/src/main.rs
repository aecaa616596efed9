//! The `tribune` binary: the command line over the process's own input, output, arguments and environment.

use std::io::{stderr, stdin, stdout};
use std::process::ExitCode;

use tribune_cli::{Context, Output, run};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args_os()
        .skip(1)
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let mut context = Context {
        out: &mut Output(stdout()),
        err: &mut stderr(),
        input: &mut stdin(),
        environment,
    };
    ExitCode::from(run(&arguments, &mut context))
}
