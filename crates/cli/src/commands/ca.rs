//! `connect ca get-config` and `connect ca set-config`.

use clap::ArgMatches;
use serde_json::Value as Json;
use tribune_hcl::{Format, parse};

use crate::Context;
use crate::failure::Failure;
use crate::tree::{Group, Leaf, Node};
use crate::{files, flags, print};

pub(super) const GROUP: Group = Group {
    name: "ca",
    about: "The certificate authority of the mesh.",
    children: &[
        Node::Leaf(Leaf {
            name: "get-config",
            about: "Prints the configuration of the certificate authority.",
            arguments: "",
            example: "connect ca get-config",
            flags: flags::server,
            run: get_config,
        }),
        Node::Leaf(Leaf {
            name: "set-config",
            about: "Sets the configuration of the certificate authority.",
            arguments: "",
            example: "connect ca set-config -config-file ca.json",
            flags: |command| {
                flags::server(command.args([
                    flags::text("config-file", "FILE", "JSON file with the configuration"),
                    flags::switch(
                        "force-without-cross-signing",
                        "Whether a new root may replace one that cannot vouch for it",
                    ),
                ]))
            },
            run: set_config,
        }),
    ],
};

fn get_config(context: &mut Context<'_>, matches: &ArgMatches) -> Result<u8, Failure> {
    let session = context.session(matches)?;
    let configuration = session
        .wait(
            session
                .client
                .connect()
                .ca_configuration(&flags::query_options(matches)),
        )
        .map_err(|failure| failure.while_doing("Error querying CA configuration"))?;
    print::json(context.out, &configuration, "\t")?;
    Ok(0)
}

fn set_config(context: &mut Context<'_>, matches: &ArgMatches) -> Result<u8, Failure> {
    let file = flags::text_of(matches, "config-file")
        .ok_or_else(|| Failure::new("The -config-file flag is required"))?;
    let text = files::text(context, &file)?;
    let value = parse(&text, Format::Json).map_err(|error| files::at(&file, &error))?;
    let Json::Object(mut configuration) = Json::from(&value) else {
        return Err(Failure::new(format!(
            "Failed to parse {file}: expected an object"
        )));
    };
    if flags::is_on(matches, "force-without-cross-signing") {
        configuration.insert("ForceWithoutCrossSigning".to_owned(), true.into());
    }
    let session = context.session(matches)?;
    session
        .wait(
            session
                .client
                .connect()
                .set_ca_configuration(&configuration.into()),
        )
        .map_err(|failure| failure.while_doing("Error setting CA configuration"))?;
    writeln!(context.out, "Configuration updated!")?;
    Ok(0)
}
