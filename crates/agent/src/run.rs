//! From arguments to a running agent, and to its end.

use std::io::Write;
use std::process::ExitCode;

use anyhow::{Result, bail};
use tribune_config::{Loaded, Source};
use tribune_runtime::Shutdown;

use crate::arguments::{self, Command};
use crate::log::Log;
use crate::machine::machine;
use crate::process::{Ending, Notice, Signals, notify};
use crate::reload::Reloader;
use crate::running::Running;

/// What `-help` says.
const USAGE: &str = "\
Usage: tribune agent [options]

  Starts an agent and runs until it is interrupted. Options are Consul's; the most used:

    -dev                  a server on the loopback interface that needs no configuration
    -config-file=FILE     a file of configuration, HCL or JSON; can be given several times
    -config-dir=FOLDER    every .hcl and .json file of a folder, in the order of their names
    -node=NAME            name of this node
    -datacenter=NAME      name of the datacenter
    -http-port=PORT       port of the HTTP API
    -grpc-port=PORT       port of the discovery service for proxies
    -log-level=LEVEL      trace, debug, info, warn or error

  Example:

    $ tribune agent -dev
";

/// Runs an agent with a program's arguments. The caller prints what comes of it.
///
/// # Errors
/// Where the arguments or the configuration are wrong, or the agent does not start.
pub fn main(arguments: &[String], server: bool) -> Result<()> {
    let Some(loaded) = load(arguments, server)? else {
        std::io::stdout().write_all(USAGE.as_bytes())?;
        return Ok(());
    };
    let arguments = arguments.to_owned();
    let read = move || load(&arguments, server).map(|loaded| loaded.expect(NO_HELP));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(run(loaded, Box::new(read)))
}

/// The arguments do not change while the agent runs.
const NO_HELP: &str = "arguments that asked for no help ask for none the second time";

/// What the arguments and the files that they name say; `None` where they ask for help.
fn load(arguments: &[String], server: bool) -> Result<Option<Loaded>> {
    let (dev, mut sources) = match arguments::parse(arguments)? {
        Command::Help => return Ok(None),
        Command::Run { dev, sources } => (dev, sources),
    };
    if server {
        sources.push(Source::file("tribune-server", "server = true", None));
    }
    Ok(Some(tribune_config::load(&sources, &machine(dev))?))
}

/// Runs an agent until a signal or a request ends it.
async fn run(loaded: Loaded, read: crate::reload::Read) -> Result<()> {
    let Loaded { config, notices } = loaded;
    let log = Log::init(&config)?;
    for notice in notices {
        tracing::warn!("{notice}");
    }
    let mut signals = Signals::new()?;
    let shutdown = Shutdown::new();
    let (join, reloader) = (config.join.clone(), Reloader::new(read, log));
    let running = tokio::select! {
        started = Running::start(config, reloader, shutdown.clone()) => started?,
        () = signals.again() => return Ok(()),
    };
    notify(Notice::Ready);
    let agent = &running.agent;
    let reload = async || {
        notify(Notice::Reloading);
        if let Err(error) = agent.reload().await {
            tracing::error!("the configuration is not reloaded: {error:#}");
        }
        notify(Notice::Ready);
    };
    let ending = tokio::select! {
        ending = signals.ending(&join, reload) => ending,
        // over HTTP, where the others have been told already
        () = shutdown.begun() => Ending::Stop,
    };
    notify(Notice::Stopping);
    tokio::select! {
        () = running.end(ending) => match running.failure() {
            Some(failure) => bail!("{failure}"),
            None => Ok(()),
        },
        () = signals.again() => bail!("told to end twice: ended at once"),
    }
}

/// Says on standard error why an agent ended, if it did not end well.
#[must_use]
pub fn exit(ended: Result<()>) -> ExitCode {
    let Err(error) = ended else {
        return ExitCode::SUCCESS;
    };
    // where even standard error is gone, the exit code is all that is left to tell
    let _ = writeln!(std::io::stderr(), "==> {error:#}");
    ExitCode::FAILURE
}

#[cfg(test)]
mod tests;
