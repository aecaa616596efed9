//! `config write`, `config read`, `config list` and `config delete`.

use clap::{ArgMatches, Command};
use serde::Deserializer;
use serde::de::DeserializeSeed;
use serde_json::Value as Json;
use tribune_client::WriteOptions;
use tribune_hcl::{Options, Value, from_value_seed};
use tribune_types::config_entry::{Kind, Raw};

use crate::Context;
use crate::failure::Failure;
use crate::tree::{Group, Leaf, Node};
use crate::{files, flags, print};

pub(super) const GROUP: Group = Group {
    name: "config",
    about: "Central configuration: config entries.",
    children: &[
        Node::Leaf(Leaf {
            name: "delete",
            about: "Deletes a config entry.",
            arguments: "",
            example: "config delete -kind service-defaults -name web",
            flags: declare_delete,
            run: delete,
        }),
        Node::Leaf(Leaf {
            name: "list",
            about: "Lists the names of the config entries of a kind.",
            arguments: "",
            example: "config list -kind service-defaults",
            flags: declare_list,
            run: list,
        }),
        Node::Leaf(Leaf {
            name: "read",
            about: "Prints a config entry.",
            arguments: "",
            example: "config read -kind proxy-defaults -name global",
            flags: |command| with_common(command.arg(kind()).arg(name())),
            run: read,
        }),
        Node::Leaf(Leaf {
            name: "write",
            about: "Writes a config entry from a file in HCL or JSON, or from the input.",
            arguments: "FILE|-",
            example: "config write web-defaults.hcl",
            flags: |command| with_common(with_cas(command)),
            run: write,
        }),
    ],
};

fn with_common(command: Command) -> Command {
    flags::tenancy(flags::server(command))
}

fn with_cas(command: Command) -> Command {
    command.args([
        flags::switch(
            "cas",
            "Whether the stored entry must be the one of -modify-index; 0 if there must be none",
        ),
        flags::number("modify-index", "ModifyIndex of the stored entry, for -cas"),
    ])
}

fn kind() -> clap::Arg {
    flags::text(
        "kind",
        "KIND",
        "Kind of the config entry, such as service-defaults",
    )
}

fn name() -> clap::Arg {
    flags::text("name", "NAME", "Name of the config entry")
}

fn declare_list(command: Command) -> Command {
    with_common(command.arg(kind()).arg(flags::text(
        "filter",
        "EXPRESSION",
        "Filter expression over the entries",
    )))
}

fn declare_delete(command: Command) -> Command {
    let file = flags::text(
        "filename",
        "FILE",
        "File with the config entry, instead of -kind and -name",
    );
    with_common(with_cas(command.arg(kind()).arg(name()).arg(file)))
}

fn write(context: &mut Context<'_>, matches: &ArgMatches) -> Result<u8, Failure> {
    let [file] = flags::exactly(matches, "the name of one file")?;
    let entry = Entry::read(context, &file)?;
    let index = matches.get_one::<u64>("modify-index").copied().unwrap_or(0);
    let options = WriteOptions {
        cas: flags::is_on(matches, "cas").then_some(index),
        ..flags::write_options(matches)
    };
    let session = context.session(matches)?;
    let written = session
        .wait(session.client.config_entries().put(&entry.json, &options))
        .map_err(|failure| failure.while_doing(format!("Error writing config entry {entry}")))?;
    if !written {
        return Err(Failure::new(format!("Config entry not updated: {entry}")));
    }
    writeln!(context.out, "Config entry written: {entry}")?;
    Ok(0)
}

fn read(context: &mut Context<'_>, matches: &ArgMatches) -> Result<u8, Failure> {
    let (kind, name) = (
        flags::required(matches, "kind")?,
        flags::required(matches, "name")?,
    );
    let session = context.session(matches)?;
    let answer = session
        .wait(
            session
                .client
                .config_entries()
                .entry(&kind, &name, &flags::query_options(matches)),
        )
        .map_err(|failure| {
            failure.while_doing(format!("Error reading config entry {kind}/{name}"))
        })?;
    let Some(mut entry) = answer.value else {
        return Err(Failure::new(format!(
            "Error reading config entry {kind}/{name}: there is none"
        )));
    };
    // Consul's command line leaves it out, so that what is read can be written.
    if let Some(fields) = entry.as_object_mut() {
        fields.remove("Hash");
    }
    print::json(context.out, &entry, "    ")?;
    Ok(0)
}

fn list(context: &mut Context<'_>, matches: &ArgMatches) -> Result<u8, Failure> {
    let kind = flags::required(matches, "kind")?;
    let session = context.session(matches)?;
    let answer = session
        .wait(
            session
                .client
                .config_entries()
                .list(&kind, &flags::query_options(matches)),
        )
        .map_err(|failure| {
            failure.while_doing(format!("Error listing config entries for kind {kind:?}"))
        })?;
    for entry in answer.value {
        // The one `mesh` entry prints without a name.
        writeln!(context.out, "{}", entry["Name"].as_str().unwrap_or(&kind))?;
    }
    Ok(0)
}

fn delete(context: &mut Context<'_>, matches: &ArgMatches) -> Result<u8, Failure> {
    let (kind, name) = (
        flags::text_of(matches, "kind"),
        flags::text_of(matches, "name"),
    );
    let (kind, name) = match (flags::text_of(matches, "filename"), kind, name) {
        (Some(file), None, None) => {
            let entry = Entry::read(context, &file)?;
            (entry.kind, entry.name)
        }
        (None, Some(kind), Some(name)) => (kind, name),
        (Some(_), ..) => return Err(Failure::new("filename can't be used with kind or name")),
        (None, None, _) => {
            return Err(Failure::new(
                "Must specify the -kind or -filename parameter",
            ));
        }
        (None, Some(_), None) => return Err(Failure::new("Must specify the -name parameter")),
    };
    let cas = match (
        flags::is_on(matches, "cas"),
        matches.get_one::<u64>("modify-index").copied(),
    ) {
        (true, None | Some(0)) => {
            return Err(Failure::new(
                "Must specify a -modify-index greater than 0 with -cas",
            ));
        }
        (true, index) => index,
        (false, Some(index)) if index > 0 => {
            return Err(Failure::new("Cannot specify -modify-index without -cas"));
        }
        (false, _) => None,
    };
    let session = context.session(matches)?;
    let options = WriteOptions {
        cas,
        ..flags::write_options(matches)
    };
    let deleted = session
        .wait(
            session
                .client
                .config_entries()
                .delete(&kind, &name, &options),
        )
        .map_err(|failure| {
            failure.while_doing(format!("Error deleting config entry {kind}/{name}"))
        })?;
    if !deleted {
        return Err(Failure::new(format!(
            "Config entry not deleted: {kind}/{name}"
        )));
    }
    writeln!(context.out, "Config entry deleted: {kind}/{name}")?;
    Ok(0)
}

/// A config entry from a file.
struct Entry {
    kind: String,
    name: String,
    /// As it is sent: the servers read it with the same rules as a file, and judge kinds that are not known here.
    json: Json,
}

// === impl Entry ===

impl Entry {
    fn read(context: &mut Context<'_>, file: &str) -> Result<Self, Failure> {
        let value = files::value(context, file)?;
        let text = |capital, small| {
            value
                .get(capital)
                .or_else(|| value.get(small))
                .and_then(Value::as_str)
        };
        let Some(kind) = text("Kind", "kind") else {
            return Err(Failure::new(format!(
                "Failed to parse {file}: no text under the key \"Kind\" at the top level"
            )));
        };
        check(&value, kind).map_err(|error| files::at(file, &error))?;
        // The one `mesh` entry has no name.
        let name = text("Name", "name").unwrap_or(kind).to_owned();
        Ok(Self {
            kind: kind.to_owned(),
            name,
            json: Json::from(&value),
        })
    }
}

impl std::fmt::Display for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.kind, self.name)
    }
}

/// Looks for fields that an entry of that kind cannot have: only here are they known by line and column.
fn check(value: &Value, kind: &str) -> Result<(), tribune_hcl::Error> {
    match Kind::parse(kind) {
        Ok(kind) => from_value_seed(OfKind(kind), value, Options::WEAK).map(drop),
        Err(_) => Ok(()),
    }
}

/// Reads an entry whose kind is known.
struct OfKind(Kind);

impl<'de> DeserializeSeed<'de> for OfKind {
    type Value = Raw;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        Raw::deserialize(self.0, deserializer)
    }
}
