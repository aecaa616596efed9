//! `members`.

use clap::{ArgMatches, Command};
use regex::Regex;
use tribune_client::rows::Member;

use crate::Context;
use crate::failure::Failure;
use crate::tree::Leaf;
use crate::{flags, print};

pub(super) const LEAF: Leaf = Leaf {
    name: "members",
    about: "Lists the members of the cluster that the agent knows.",
    arguments: "",
    example: "members -status alive",
    flags: declare,
    run,
};

/// Exit code where no member is left to list.
const NONE: u8 = 2;

fn declare(command: Command) -> Command {
    let command = command.args([
        flags::switch("detailed", "Whether all tags are shown"),
        flags::switch("wan", "Whether the servers of all datacenters are listed"),
        flags::text(
            "status",
            "PATTERN",
            "Regular expression that the status must match; any status if left out",
        ),
        flags::text("segment", "NAME", "Network segment"),
        flags::text("filter", "EXPRESSION", "Filter expression over the members"),
    ]);
    flags::partition(flags::client(command))
}

fn run(context: &mut Context<'_>, matches: &ArgMatches) -> Result<u8, Failure> {
    let pattern = flags::text_of(matches, "status").unwrap_or_else(|| ".*".to_owned());
    // The whole status must match, so that `left` is not found in `leaving` by accident.
    let status = Regex::new(&format!("^(?:{pattern})$"))
        .map_err(|error| Failure::new(format!("Failed to compile status regexp: {error}")))?;
    let options = flags::query_options(matches);
    let session = context.session(matches)?;
    let mut members = session
        .wait(
            session
                .client
                .agent()
                .members(flags::is_on(matches, "wan"), &options),
        )
        .map_err(|failure| failure.while_doing("Error retrieving members"))?;
    let segment = flags::text_of(matches, "segment");
    members.retain(|member| {
        status.is_match(status_of(member))
            && segment
                .as_deref()
                .is_none_or(|wanted| wanted == "_all" || tag(member, "segment") == wanted)
    });
    if members.is_empty() {
        return Ok(NONE);
    }
    members.sort_by_key(|member| {
        (
            kind(member) != "server",
            tag(member, "dc").to_owned(),
            member.name.clone(),
        )
    });
    let rows: Vec<_> = if flags::is_on(matches, "detailed") {
        let header = print::row(["Node", "Address", "Status", "Tags"]);
        std::iter::once(header)
            .chain(members.iter().map(detailed))
            .collect()
    } else {
        let header = print::row([
            "Node",
            "Address",
            "Status",
            "Type",
            "Build",
            "Protocol",
            "DC",
            "Partition",
            "Segment",
        ]);
        std::iter::once(header)
            .chain(members.iter().map(brief))
            .collect()
    };
    print::table(context.out, &rows, 2)?;
    Ok(0)
}

fn brief(member: &Member) -> Vec<String> {
    let address = address(member);
    let build = tag(member, "build").split(':').next().unwrap_or_default();
    let partition = or(tag(member, "ap"), "default");
    let segment = or(
        tag(member, "segment"),
        if kind(member) == "server" {
            "<all>"
        } else {
            "<default>"
        },
    );
    print::row([
        &member.name,
        &address,
        status_of(member),
        kind(member),
        build,
        tag(member, "vsn"),
        tag(member, "dc"),
        partition,
        segment,
    ])
}

fn detailed(member: &Member) -> Vec<String> {
    let tags: Vec<String> = member
        .tags
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    print::row([
        &member.name,
        &address(member),
        status_of(member),
        &tags.join(","),
    ])
}

fn address(member: &Member) -> String {
    let (open, close) = if member.addr.contains(':') {
        ("[", "]")
    } else {
        ("", "")
    };
    format!("{open}{}{close}:{}", member.addr, member.port)
}

fn tag<'a>(member: &'a Member, name: &str) -> &'a str {
    member.tags.get(name).map_or("", String::as_str)
}

fn kind(member: &Member) -> &str {
    match tag(member, "role") {
        "consul" => "server",
        "node" => "client",
        _ => "unknown",
    }
}

fn or<'a>(text: &'a str, default: &'a str) -> &'a str {
    if text.is_empty() { default } else { text }
}

const fn status_of(member: &Member) -> &'static str {
    match member.status {
        1 => "alive",
        2 => "leaving",
        3 => "left",
        4 => "failed",
        _ => "none",
    }
}
