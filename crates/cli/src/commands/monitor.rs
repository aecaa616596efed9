//! `monitor`.

use clap::{ArgMatches, Command};
use tribune_types::call::LogLevel;

use crate::Context;
use crate::failure::Failure;
use crate::flags;
use crate::tree::Leaf;

pub(super) const LEAF: Leaf = Leaf {
    name: "monitor",
    about: "Follows the agent's log until it is interrupted.",
    arguments: "",
    example: "monitor -log-level debug",
    flags: |command: Command| {
        flags::client(command.args([
            flags::text(
                "log-level",
                "LEVEL",
                "Least severe messages: trace, debug, info (the default), warn or error",
            ),
            flags::switch("log-json", "Whether each message is a JSON object"),
        ]))
    },
    run,
};

fn run(context: &mut Context<'_>, matches: &ArgMatches) -> Result<u8, Failure> {
    let [] = flags::exactly(matches, "")?;
    let level = flags::text_of(matches, "log-level").unwrap_or_else(|| "info".to_owned());
    let level: LogLevel = level.parse().map_err(Failure::new)?;
    let json = flags::is_on(matches, "log-json");
    let session = context.session(matches)?;
    let agent = session.client.agent();
    let mut log = session
        .wait(agent.monitor(level.as_str(), json))
        .map_err(|failure| failure.while_doing("Error starting monitor"))?;
    loop {
        let piece = session.wait(async {
            tokio::select! {
                piece = log.chunk() => piece.map(Some),
                // who interrupts has seen enough, which is no failure
                _ = tokio::signal::ctrl_c() => Ok(None),
            }
        });
        match piece.map_err(|failure| failure.while_doing("Error following the log"))? {
            Some(Some(piece)) => {
                context.out.write_all(&piece)?;
                context.out.flush()?;
            }
            Some(None) => {
                writeln!(context.err, "The agent has ended the log.")?;
                return Ok(0);
            }
            None => return Ok(0),
        }
    }
}
