//! `info`.

use clap::ArgMatches;
use serde_json::Value;

use crate::Context;
use crate::failure::Failure;
use crate::flags;
use crate::tree::Leaf;

pub(super) const LEAF: Leaf = Leaf {
    name: "info",
    about: "Shows figures about the agent and its cluster.",
    arguments: "",
    example: "info",
    flags: flags::client,
    run,
};

fn run(context: &mut Context<'_>, matches: &ArgMatches) -> Result<u8, Failure> {
    let [] = flags::exactly(matches, "")?;
    let session = context.session(matches)?;
    let myself = session
        .wait(session.client.agent().myself())
        .map_err(|failure| failure.while_doing("Error querying agent"))?;
    let Some(Value::Object(stats)) = myself.get("Stats") else {
        return Err(Failure::new(
            "Agent response is missing Stats: is this the address of an agent?",
        ));
    };
    // the maps of JSON are in the order of their keys
    for (section, figures) in stats {
        writeln!(context.out, "{section}:")?;
        for (name, figure) in figures.as_object().into_iter().flatten() {
            let figure = figure
                .as_str()
                .map_or_else(|| figure.to_string(), str::to_owned);
            writeln!(context.out, "\t{name} = {figure}")?;
        }
    }
    Ok(0)
}
