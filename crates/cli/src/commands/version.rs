//! `version`.

use clap::{ArgMatches, Command};
use serde_json::json;

use crate::Context;
use crate::failure::Failure;
use crate::tree::Leaf;
use crate::{flags, print};

pub(super) const LEAF: Leaf = Leaf {
    name: "version",
    about: "Prints the version, and the version of Consul that it is compatible with.",
    arguments: "",
    example: "version -format=json",
    flags: |command: Command| {
        command.arg(flags::text(
            "format",
            "FORMAT",
            "pretty (the default) or json",
        ))
    },
    run,
};

/// The version of Consul whose interfaces are served; clients that parse a version are shown this one.
const CONSUL: &str = "1.21.0";

const TRIBUNE: &str = env!("CARGO_PKG_VERSION");

fn run(context: &mut Context<'_>, matches: &ArgMatches) -> Result<u8, Failure> {
    match flags::text_of(matches, "format").as_deref() {
        None | Some("pretty") => {
            writeln!(context.out, "Tribune v{TRIBUNE}")?;
            writeln!(context.out, "Compatible with Consul v{CONSUL}")?;
        }
        Some("json") => {
            let version = json!({
                "Version": CONSUL,
                "Revision": "",
                "Prerelease": "",
                "FIPS": "",
                "BuildDate": "1970-01-01T00:00:00Z",
                "RPC": {"Default": 2, "Min": 2, "Max": 3},
                "TribuneVersion": TRIBUNE,
            });
            print::json(context.out, &version, "    ")?;
        }
        Some(other) => {
            return Err(Failure::new(format!(
                "Invalid format {other:?}, valid formats are {{pretty|json}}"
            )));
        }
    }
    Ok(0)
}
