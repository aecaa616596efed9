//! Declaring and reading flags.

use clap::builder::ValueParser;
use clap::{Arg, ArgAction, ArgMatches, Command};
use tribune_client::{QueryOptions, WriteOptions};

use crate::failure::Failure;

/// Name under which the positional arguments are kept.
pub(crate) const POSITIONAL: &str = "argument";

/// A flag with a value.
pub(crate) fn text(name: &'static str, value: &'static str, help: &'static str) -> Arg {
    Arg::new(name)
        .long(name)
        .value_name(value)
        .help(help)
        .action(ArgAction::Set)
        .allow_hyphen_values(true)
}

/// A flag with a value that may be given more than once.
pub(crate) fn many(name: &'static str, value: &'static str, help: &'static str) -> Arg {
    text(name, value, help).action(ArgAction::Append)
}

/// A flag that is on or off: `-flag`, `-flag=true` or `-flag=false`.
pub(crate) fn switch(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name)
        .long(name)
        .help(help)
        .action(ArgAction::Set)
        .num_args(0..=1)
        .require_equals(true)
        .value_name("BOOLEAN")
        .default_missing_value("true")
        .hide_default_value(true)
        .value_parser(ValueParser::new(boolean))
}

/// A flag with a whole number.
pub(crate) fn number(name: &'static str, help: &'static str) -> Arg {
    text(name, "NUMBER", help).value_parser(clap::value_parser!(u64))
}

fn boolean(text: &str) -> Result<bool, &'static str> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err("expected true or false"),
    }
}

/// Adds the flags that say where the agent is and who asks.
pub(crate) fn client(command: Command) -> Command {
    command.next_help_heading("The agent").args([
        text("http-addr", "ADDRESS", "Address of the agent's HTTP API: host:port, http://…, https://… or unix:///path [CONSUL_HTTP_ADDR]"),
        text("token", "TOKEN", "ACL token of the request [CONSUL_HTTP_TOKEN]"),
        text("token-file", "FILE", "File with the ACL token of the request [CONSUL_HTTP_TOKEN_FILE]"),
        text("ca-file", "FILE", "File with the CA certificates that the agent's is verified with [CONSUL_CACERT]"),
        text("ca-path", "FOLDER", "Folder of such files [CONSUL_CAPATH]"),
        text("client-cert", "FILE", "File with this client's certificate [CONSUL_CLIENT_CERT]"),
        text("client-key", "FILE", "File with the key of this client's certificate [CONSUL_CLIENT_KEY]"),
        text("tls-server-name", "NAME", "Name that the agent's certificate must have [CONSUL_TLS_SERVER_NAME]"),
    ])
}

/// Adds the flags of [`client`] and those that say which servers are asked.
pub(crate) fn server(command: Command) -> Command {
    client(command).args([
        text(
            "datacenter",
            "NAME",
            "Datacenter to ask; the agent's own if left out",
        ),
        switch(
            "stale",
            "Whether any server may answer, not only the leader",
        ),
    ])
}

/// Adds the flag that says which partition is meant.
pub(crate) fn partition(command: Command) -> Command {
    command.arg(text(
        "partition",
        "NAME",
        "Admin partition [CONSUL_PARTITION]",
    ))
}

/// Adds the flags that say which partition and namespace are meant.
pub(crate) fn tenancy(command: Command) -> Command {
    partition(command).arg(text("namespace", "NAME", "Namespace [CONSUL_NAMESPACE]"))
}

/// The value of a flag, unless it was left out or is empty, which comes to the same.
pub(crate) fn text_of(matches: &ArgMatches, name: &str) -> Option<String> {
    matches
        .try_get_one::<String>(name)
        .ok()
        .flatten()
        .filter(|value| !value.is_empty())
        .cloned()
}

/// The value of a flag that must be given.
pub(crate) fn required(matches: &ArgMatches, name: &str) -> Result<String, Failure> {
    text_of(matches, name)
        .ok_or_else(|| Failure::new(format!("Must specify the -{name} parameter")))
}

/// All values of a flag.
pub(crate) fn all_of(matches: &ArgMatches, name: &str) -> Vec<String> {
    matches
        .get_many::<String>(name)
        .into_iter()
        .flatten()
        .cloned()
        .collect()
}

/// All values of a flag that takes `key=value`; where the `=` is missing, the value is empty.
pub(crate) fn pairs_of(matches: &ArgMatches, name: &str) -> Vec<(String, String)> {
    let pairs = all_of(matches, name).into_iter();
    pairs
        .map(|pair| {
            pair.split_once('=').map_or_else(
                || (pair.clone(), String::new()),
                |(k, v)| (k.to_owned(), v.to_owned()),
            )
        })
        .collect()
}

/// Whether a switch is on.
pub(crate) fn is_on(matches: &ArgMatches, name: &str) -> bool {
    matches
        .try_get_one::<bool>(name)
        .ok()
        .flatten()
        .copied()
        .unwrap_or(false)
}

/// Whether the output is wanted as JSON, according to the flag `format`.
pub(crate) fn wants_json(matches: &ArgMatches) -> Result<bool, Failure> {
    match text_of(matches, "format").as_deref() {
        None | Some("pretty") => Ok(false),
        Some("json") => Ok(true),
        Some(other) => Err(Failure::new(format!(
            "Invalid format {other:?}, valid formats are {{pretty|json}}"
        ))),
    }
}

/// The positional arguments.
pub(crate) fn positional(matches: &ArgMatches) -> Vec<String> {
    all_of(matches, POSITIONAL)
}

/// The positional arguments, of which there must be exactly this many.
pub(crate) fn exactly<const N: usize>(
    matches: &ArgMatches,
    what: &str,
) -> Result<[String; N], Failure> {
    <[String; N]>::try_from(positional(matches)).map_err(|given| match (N, given.len()) {
        (0, _) => Failure::new(format!(
            "Too many arguments (expected 0, got {})",
            given.len()
        )),
        (_, got) => Failure::new(format!("Expected {what}, got {got} arguments")),
    })
}

/// How reads are wanted according to the flags of [`server`].
pub(crate) fn query_options(matches: &ArgMatches) -> QueryOptions {
    QueryOptions {
        datacenter: text_of(matches, "datacenter").unwrap_or_default(),
        stale: is_on(matches, "stale"),
        filter: text_of(matches, "filter").unwrap_or_default(),
        ..QueryOptions::default()
    }
}

/// How writes are wanted according to the flags of [`server`].
pub(crate) fn write_options(matches: &ArgMatches) -> WriteOptions {
    WriteOptions {
        datacenter: text_of(matches, "datacenter").unwrap_or_default(),
        cas: None,
    }
}
